/** The sets and maps of the backend's table: most exist once for each family. */

import type { Family } from '@homeward/shared/net/address';
import { BACKEND_TABLE } from '@homeward/shared/net/allocation';
import { formatPortRange, joinRanges, type PortRange, rangeLength } from '@homeward/shared/net/port';
import type { NftElement } from '@homeward/shared/state/resources';

/** Sets without addresses in them. */
export const COMMON_SETS = {
  /** Links of our tunnels. */
  tunnels: 'tunnels',
  /** Ports being probed now. */
  watchTcp: 'watch-tcp',
  watchUdp: 'watch-udp',
} as const;

/** A set for single ports, and one for ranges: a hash is fast for ten thousand ports, an interval set holds a wide range as one. */
export interface PortSets {
  readonly single: string;
  readonly range: string;
}

export interface BackendSets {
  /** link . tunnel address of each slot. */
  readonly tunnelAddresses: string;
  /** Sources that cannot be clients. */
  readonly impossibleSources: string;
  /** tunnel address . transport . ports of every allowed forward. */
  readonly allowed: PortSets;
  /** The same for our echo, which answers probes only. */
  readonly echo: string;
  /** Tunnel addresses of forwards of everything: what has no ports comes in, too. */
  readonly whole: string;
  /** tunnel address . ports of UDP services on the wildcard address. */
  readonly pinned: PortSets;
  /** client interval : source address the kernel would choose. */
  readonly sourcePin: string;
  /** tunnel address . transport . port : address . port of deliveries elsewhere; of ranges, which keep their ports, : address. */
  readonly redirected: PortSets;
  /** What was seen of watched ports: as it came out of the tunnel. */
  readonly entered: string;
  /** As it was handed to a socket here, and as it left for another host or container. */
  readonly delivered: string;
  readonly forwarded: string;
  readonly left: string;
  /** client . port . link of ICMP errors towards probes: port-unreachable is an answer, too. */
  readonly leftIcmp: string;
}

export const SETS: Readonly<Record<Family, BackendSets>> = { ipv4: namesFor('4'), ipv6: namesFor('6') };

function namesFor(digit: string): BackendSets {
  const ports = (name: string): PortSets => ({ single: `${name}${digit}`, range: `${name}-ranges${digit}` });
  return {
    tunnelAddresses: `tunnel-addresses${digit}`,
    impossibleSources: `impossible-sources${digit}`,
    allowed: ports('allowed'),
    whole: `whole${digit}`,
    echo: `echo${digit}`,
    pinned: ports('pinned'),
    sourcePin: `source-pin${digit}`,
    redirected: ports('redirected'),
    entered: `entered${digit}`,
    delivered: `delivered${digit}`,
    forwarded: `forwarded${digit}`,
    left: `left${digit}`,
    leftIcmp: `left-icmp${digit}`,
  };
}

/** An element of one of the sets or maps. */
export function backendElement(set: string, key: string, value: string | null = null): NftElement {
  return { kind: 'nft-element', table: BACKEND_TABLE, set, key, value };
}

/** Ports in a set for ports, before it is known how they stand beside others. */
export interface PortEntry {
  readonly sets: PortSets;
  /** What stands before the ports in the key. */
  readonly place: string;
  readonly ports: PortRange;
  /** Of a single port. */
  readonly value: string | null;
  /** Of a range. */
  readonly rangeValue: string | null;
}

/** The elements of entries of one port. */
export function singleElements(entries: readonly PortEntry[]): NftElement[] {
  return entries
    .filter(isSingle)
    .map(({ sets, place, ports, value }) => backendElement(sets.single, `${place} . ${ports.first}`, value));
}

/** The elements of entries of ranges; those that overlap become one, since an interval set holds no two that do. */
export function rangeElements(entries: readonly PortEntry[]): NftElement[] {
  const together = new Map<string, PortEntry[]>();
  for (const entry of entries) {
    if (isSingle(entry)) continue;
    const key = `${entry.sets.range} ${entry.place} ${entry.rangeValue ?? ''}`;
    together.set(key, [...(together.get(key) ?? []), entry]);
  }
  return [...together.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return joinRanges(group.map(({ ports }) => ports)).map((ports) =>
      backendElement(first.sets.range, `${first.place} . ${formatPortRange(ports)}`, first.rangeValue),
    );
  });
}

/** Of one port. */
export function isSingle({ ports }: PortEntry): boolean {
  return rangeLength(ports) === 1;
}
