/** What firewalls of others are asked to let through, at the relay and at the backend. */

import { backendAllowances } from '@homeward/agent/desired/allowances';
import { backendState } from '@homeward/agent/desired/backend-state';
import { type RelayFacts, relayHostState } from '@homeward/controller/desired/relay-state';
import type { Firewalld } from '@homeward/shared/kernel/firewalld';
import type { Ufw } from '@homeward/shared/kernel/ufw';
import { FAMILIES, parseIpv4 } from '@homeward/shared/net/address';
import { parseLinkName } from '@homeward/shared/net/names';
import { keyOf } from '@homeward/shared/state/describe';
import type { HostState } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { paired, relayState, throughDevice, throughGre } from '../store/relay-states.js';
import { facts, sharedTunnel, tunnel } from './backend-states.js';
import { relayFacts } from './relay-facts.js';

const ufw: Ufw = { isActive: true, families: FAMILIES, rules: [] };
const firewalld: Firewalld = {
  zones: [
    { name: 'trusted', interfaces: [], richRules: [] },
    { name: 'external', interfaces: ['eth0'], richRules: [] },
  ],
  defaultZone: 'public',
};

const asked = (state: HostState): string[] =>
  [...state.values()].flatMap((resource) =>
    resource.kind === 'allowance' ? [keyOf(resource).replace(/^(rule of ufw|rich-rule of firewalld) /, '')] : [],
  );
const atRelay = (state: ReturnType<typeof relayState>, more: Partial<RelayFacts>) =>
  asked(relayHostState(state, relayFacts({ control: 7700, uplinks: ['eth0'], ...more })));
const wireguard = paired('home', 1, ['443/tcp']);
const gre = throughGre(paired('gre', 2, ['80/tcp']));
const device = throughDevice(paired('vpn', 3, ['25/tcp']), 'tun0', { ipv4: '10.8.0.2', ipv6: null });

describe('desired/allowances', () => {
  it('at the relay ufw lets backends in, and clients into the tunnels of our own', () => {
    const devices = { tun0: { ipv4: parseIpv4('10.8.0.1'), ipv6: null, mtu: 1500 } };
    expect(atRelay(relayState([wireguard, gre, device]), { ufw, devices })).to.deep.equal([
      'allow proto tcp to any port 7700 comment homeward_relay',
      'allow proto udp to any port 51820 comment homeward_relay',
      'allow proto gre from 203.0.113.9 comment homeward_relay',
      'route allow out on hw0 comment homeward_relay',
      'route allow out on hwg2 comment homeward_relay',
    ]);
  });

  it('at the relay firewalld lets backends in by the zone of the uplink, and forwards by itself', () => {
    expect(atRelay(relayState([wireguard, gre]), { firewalld })).to.deep.equal([
      'zone external rule priority="7700" port port="7700" protocol="tcp" accept',
      'zone external rule priority="7700" port port="51820" protocol="udp" accept',
      'zone external rule priority="7700" family="ipv4" source address="203.0.113.9" protocol value="gre" accept',
    ]);
  });

  it('a daemon that only this machine reaches needs no door', () => {
    const lines = atRelay(relayState([]), { ufw, firewalld, control: null });
    expect(lines.filter((line) => line.includes('tcp'))).to.deep.equal([]);
  });

  it('without a daemon its door stays as it left it', () => {
    const rule = 'allow proto tcp to any port 7800';
    const left = { rule, allows: true, comment: 'homeward_relay' };
    const present = { ...ufw, rules: FAMILIES.map((family) => ({ family, ...left })) };
    const opened = 'rule priority="7700" port port="7800" protocol="tcp" accept';
    const zones = firewalld.zones.map((zone) => ({ ...zone, richRules: zone.name === 'external' ? [opened] : [] }));
    const lines = atRelay(relayState([]), { ufw: present, firewalld: { ...firewalld, zones }, control: 'unknown' });
    expect(lines.filter((line) => line.includes('tcp'))).to.deep.equal([
      `${rule} comment homeward_relay`,
      `zone external ${opened}`,
    ]);
  });

  it('at the backend what came through our own filter is let in, and on to other hosts where there are any', () => {
    const ofUfw = (forwards: readonly string[]) => asked(backendState([tunnel(1, forwards)], facts({ ufw })));
    expect(ofUfw(['443/tcp'])).to.deep.equal(['allow in on hw1 comment homeward_backend']);
    expect(ofUfw(['80=192.168.1.99/tcp'])).to.deep.equal([
      'allow in on hw1 comment homeward_backend',
      'route allow in on hw1 comment homeward_backend',
    ]);
    expect(asked(backendState([tunnel(1, ['80=192.168.1.99/tcp'])], facts({ firewalld })))).to.deep.equal([
      'interface of firewalld zone trusted hw1',
    ]);
  });

  it('at the backend a device of its owner is left to him', () => {
    const shared = sharedTunnel(1, 'tun0', { ipv4: parseIpv4('10.8.0.2') }, ['443/tcp']);
    expect(asked(backendState([shared], facts({ ufw, firewalld })))).to.deep.equal([]);
  });

  it('at the backend the relay may speak first by GRE', () => {
    const remote = parseIpv4('198.51.100.1');
    const link = parseLinkName('hw2');
    const gre = { type: 'gre', remote, local: null, key: null, udp: null } as const;
    const made = { slot: 2, link, shared: null };
    const allowances = (udp: typeof gre.udp | { source: number; destination: number }) =>
      backendAllowances(
        [{ ...made, resources: [{ kind: 'link', name: link, device: { ...gre, udp }, mtu: 1400, up: true }] }],
        new Set(),
        ['eth0'],
        { docker: [], ufw, firewalld },
      ).map(keyOf);
    expect(allowances(null).filter((line) => line.includes('gre'))).to.deep.equal([
      'rule of ufw allow proto gre from 198.51.100.1 comment homeward_backend',
      'rich-rule of firewalld zone external rule priority="7701" family="ipv4" source address="198.51.100.1" protocol value="gre" accept',
    ]);
    expect(allowances({ source: 1, destination: 2 }).filter((line) => line.includes('gre'))).to.deep.equal([]);
  });
});
