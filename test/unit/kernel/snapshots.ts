/** A snapshot of the recorded machine, and small ones made of words. */

import { NO_DOCKER } from '@homeward/shared/kernel/docker-user';
import { parseLinks, parseRoutes, parseRules } from '@homeward/shared/kernel/iproute-parse';
import { parseNftTable } from '@homeward/shared/kernel/nft-parse';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { NO_UFW } from '@homeward/shared/kernel/ufw';
import { parseWireguardDump } from '@homeward/shared/kernel/wireguard';
import type { Family } from '@homeward/shared/net/address';
import { recorded } from './recorded.js';

/** A backend of both families with one relay in slot 1, Docker, a LAN and foreign rules. */
export function recordedSnapshot(): Snapshot {
  return {
    links: parseLinks(recorded('addresses.json')),
    routes: [...parseRoutes(recorded('routes.json'), 'ipv4'), ...parseRoutes(recorded('routes6.json'), 'ipv6')],
    rules: [...parseRules(recorded('rules.json'), 'ipv4'), ...parseRules(recorded('rules6.json'), 'ipv6')],
    tables: new Map([['homeward_backend', parseNftTable(recorded('backend-table.json'))]]),
    fouPorts: [],
    dockerUser: NO_DOCKER,
    ufw: NO_UFW,
    firewalld: null,
    wireguard: new Map([['hw1', parseWireguardDump(recorded('wireguard-dump.txt'))]]),
  };
}

/**
 * `links` by name with their addresses, `routes` as `destination link [metric]` of main; IPv6's default route is
 * written `default6`.
 */
export function snapshotOf(links: Readonly<Record<string, readonly string[]>>, routes: readonly string[]): Snapshot {
  return {
    links: Object.entries(links).map(([name, addresses], index) => ({
      name,
      index,
      up: true,
      mtu: 1500,
      type: null,
      pointToPoint: false,
      gre: null,
      addresses: addresses.map((text) => {
        const [address = '', length] = text.split('/');
        return { address, prefixLength: Number(length), scope: scopeOf(name, address) };
      }),
    })),
    routes: routes.map((text) => {
      const [destination = '', link = '', metric = '0'] = text.split(' ');
      const family: Family = destination === 'default6' || destination.includes(':') ? 'ipv6' : 'ipv4';
      return {
        family,
        destination: destination === 'default6' ? 'default' : destination,
        type: 'unicast',
        link,
        gateway: null,
        table: 'main',
        source: null,
        metric: Number(metric),
        protocol: 'boot',
      };
    }),
    rules: [],
    tables: new Map(),
    fouPorts: [],
    dockerUser: NO_DOCKER,
    ufw: NO_UFW,
    firewalld: null,
    wireguard: new Map(),
  };
}

function scopeOf(link: string, address: string): string {
  if (link === 'lo') return 'host';
  return address.startsWith('fe80:') ? 'link' : 'global';
}
