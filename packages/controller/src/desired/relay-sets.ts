/** The sets and maps of the relay's table: the same for both families. */

import type { Family } from '@homeward/shared/net/address';
import { RELAY_TABLE } from '@homeward/shared/net/allocation';
import type { NftElement } from '@homeward/shared/state/resources';

export interface RelaySets {
  /** public address . transport . port : backend . port */
  readonly exact: string;
  /** public address . transport . ports : backend, where a range keeps its ports. */
  readonly range: string;
  /** transport . port : backend . port, for every address of the relay. */
  readonly any: string;
  /** transport . ports : backend */
  readonly anyRange: string;
  /** public address : backend, of everything that no other forward has. */
  readonly whole: string;
  /** The same for every address of the relay. */
  readonly anyWhole: string;
  /** public address . transport . ports that do not go by `all`. */
  readonly keptAt: string;
  /** backend, counted towards it whatever comes. */
  readonly wholeBytesIn: string;
  readonly wholeBytesOut: string;
  /** backend . transport . port, counted towards it. */
  readonly bytesIn: string;
  /** The same, counted from it. */
  readonly bytesOut: string;
  /** backend . transport . ports, counted towards it. */
  readonly rangeBytesIn: string;
  readonly rangeBytesOut: string;
  /** link . backend: backends behind a link that somebody else made, and uses for other things as well. */
  readonly shared: string;
}

/** Sets without addresses in them. */
export const COMMON_SETS = {
  /** Links of our own tunnels. */
  tunnels: 'tunnels',
  /** transport . ports that do not go by any `all`. */
  kept: 'kept',
  /** transport . ports that are excepted from the `all` of every address. */
  excepted: 'excepted',
} as const;

/** Where a backend's GRE in UDP was seen to come from: address . port, the newest lives longest. */
export function mappingSet(index: number): string {
  return `mapping-${index}`;
}

export const SETS: Readonly<Record<Family, RelaySets>> = { ipv4: namesFor('4'), ipv6: namesFor('6') };

function namesFor(digit: string): RelaySets {
  return {
    exact: `exact${digit}`,
    range: `range${digit}`,
    any: `any${digit}`,
    anyRange: `any-range${digit}`,
    whole: `whole${digit}`,
    anyWhole: `any-whole${digit}`,
    keptAt: `kept-at${digit}`,
    wholeBytesIn: `whole-bytes-in${digit}`,
    wholeBytesOut: `whole-bytes-out${digit}`,
    bytesIn: `bytes-in${digit}`,
    bytesOut: `bytes-out${digit}`,
    rangeBytesIn: `range-bytes-in${digit}`,
    rangeBytesOut: `range-bytes-out${digit}`,
    shared: `shared${digit}`,
  };
}

/** An element of one of the sets or maps. */
export function relayElement(set: string, key: string, value: string | null = null): NftElement {
  return { kind: 'nft-element', table: RELAY_TABLE, set, key, value };
}
