/** What firewalls of others have to let through at the relay: clients into the tunnels, and backends to the doors of the relay itself. Pure. */

import { type DockerMatch, dockerRule } from '@homeward/shared/kernel/docker-user';
import type { Door } from '@homeward/shared/kernel/door';
import {
  type Firewalld,
  type FirewalldOwnership,
  presentFirewalldAllowances,
  richRule,
  richRules,
  zonesOf,
} from '@homeward/shared/kernel/firewalld';
import type { Firewalls } from '@homeward/shared/kernel/firewalls';
import { presentUfwAllowances, type UfwMatch, ufwAllowances, ufwRule } from '@homeward/shared/kernel/ufw';
import type { Family } from '@homeward/shared/net/address';
import { FIREWALLD_PRIORITIES, RELAY_TABLE } from '@homeward/shared/net/allocation';
import type { LinkName } from '@homeward/shared/net/names';
import type { Allowance, FirewalldAllowance, UfwAllowance } from '@homeward/shared/state/resources';
import type { RelayPeer } from '@homeward/shared/tunnel/tunnel-kind';
import type { PairingTunnel } from './pairing-tunnel.js';

/** Of what it forwards firewalld lets through what was DNATed, and what answers: no device has to be trusted. */
export const RELAY_IN_FIREWALLD: FirewalldOwnership = {
  priority: FIREWALLD_PRIORITIES.relay,
  isTrustedLink: () => false,
};

/** By what backends come to the relay. */
export interface Doors {
  /** The TCP port at which everybody can reach the daemon; null where only this machine can, `unknown` without a daemon. */
  readonly control: number | null | 'unknown';
  /** UDP ports of tunnels. */
  readonly tunnelPorts: readonly number[];
  readonly peers: readonly RelayPeer[];
  /** Links by which others come. */
  readonly uplinks: readonly string[];
}

/** `led` are the tunnels that clients are led to, `links` those of our own. */
export function relayAllowances(
  led: readonly PairingTunnel[],
  links: readonly LinkName[],
  doors: Doors,
  { docker, ufw, firewalld }: Firewalls,
): Allowance[] {
  // Our own table lets nothing out by them that was not forwarded. Of a device that is somebody else's its owner decides.
  const ways = [...new Set(links)].map((outLink): UfwMatch => ({ route: true, outLink }));
  return [
    ...docker.flatMap((family) => dockerAllowances(led, family)),
    ...ufwAllowances([...doorsOf(doors), ...ways], ufw, RELAY_TABLE),
    ...(doors.control === 'unknown' ? controlDoors(ufw) : []),
    ...(firewalld === null ? [] : firewalldAllowances(doors, firewalld)),
  ];
}

/** Of the forward hook what our own table accepts there, and no more. */
function dockerAllowances(led: readonly PairingTunnel[], family: Family): Allowance[] {
  return led
    .filter(({ families }) => families.includes(family))
    .flatMap((tunnel) => passages(tunnel, family))
    .map((match) => ({ kind: 'allowance', firewall: 'docker', family, rule: dockerRule(family, match, RELAY_TABLE) }));
}

/** There and back. On a link that is not ours only a backend's own address is ours. */
function passages({ link, isOurs, backend }: PairingTunnel, family: Family): DockerMatch[] {
  if (isOurs) {
    return [
      { outLink: link, states: ['DNAT'] },
      { inLink: link, states: ['RELATED', 'ESTABLISHED'] },
    ];
  }
  const address = backend[family];
  return [
    { destination: address, outLink: link, states: ['DNAT'] },
    { source: address, inLink: link, states: ['DNAT'] },
  ];
}

function doorsOf({ control, tunnelPorts, peers }: Doors): Door[] {
  return [
    ...(typeof control === 'number' ? [controlDoor(control)] : []),
    ...tunnelPorts.map((port): Door => ({ protocol: 'udp', port })),
    ...peers.flatMap(({ spec, outer }): Door[] =>
      spec.kind === 'gre' && !spec.udp && outer !== null ? [{ protocol: 'gre', source: outer.remote }] : [],
    ),
  ];
}

function controlDoor(port: number): Door {
  return { protocol: 'tcp', port };
}

/** As the daemon left them. */
function controlDoors(ufw: Firewalls['ufw']): UfwAllowance[] {
  const withoutPort = ufwRule(controlDoor(0)).slice(0, -1);
  return presentUfwAllowances(ufw, RELAY_TABLE).filter(({ rule }) => rule.startsWith(withoutPort));
}

/** Clients it lets into the tunnels by itself: what was DNATed, and what answers. */
function firewalldAllowances(doors: Doors, firewalld: Firewalld): FirewalldAllowance[] {
  const rules = doorsOf(doors).map((match) => richRule(match, RELAY_IN_FIREWALLD.priority));
  const zones = zonesOf(firewalld, doors.uplinks);
  if (doors.control !== 'unknown') return richRules(zones, rules);
  const present = presentFirewalldAllowances(firewalld, RELAY_IN_FIREWALLD);
  return [...richRules(zones, rules), ...present.filter(({ value }) => value.includes(' protocol="tcp" '))];
}
