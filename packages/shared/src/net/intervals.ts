/** Turns overlapping prefixes into disjoint intervals, as nft's interval sets and maps want them: pure. */

import { bitsOf, ipFromNumber } from './address.js';
import { type IpInterval, type IpPrefix, prefixInterval } from './prefix.js';

export interface ValuedPrefix<Value> {
  readonly prefix: IpPrefix;
  readonly value: Value;
}

export interface ValuedInterval<Value> extends IpInterval {
  readonly value: Value;
}

/** Prefixes of one family. Longest prefix wins, as in a routing table; of equal prefixes the first. Neighbours with the same value are joined. */
export function flattenPrefixes<Value>(entries: readonly ValuedPrefix<Value>[]): ValuedInterval<Value>[] {
  return joinNeighbours(cutPrefixes(entries));
}

/** As `flattenPrefixes`, with neighbours left apart: within one piece every address is covered by the same prefixes. */
export function cutPrefixes<Value>(entries: readonly ValuedPrefix<Value>[]): ValuedInterval<Value>[] {
  const ranked = entries
    .map((entry) => ({ ...entry, ...prefixInterval(entry.prefix) }))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  const starts = [...new Set(ranked.flatMap(({ first, last }) => [first, last + 1n]))].sort((a, b) => (a < b ? -1 : 1));
  return starts.flatMap((first, index) => {
    const next = starts[index + 1];
    const winner = ranked.find((entry) => entry.first <= first && first <= entry.last);
    if (next === undefined || winner === undefined) return [];
    return [{ family: winner.family, first, last: next - 1n, value: winner.value }];
  });
}

/** `pieces` in ascending order and disjoint. */
export function joinNeighbours<Value>(pieces: readonly ValuedInterval<Value>[]): ValuedInterval<Value>[] {
  const joined: ValuedInterval<Value>[] = [];
  for (const piece of pieces) {
    const previous = joined.at(-1);
    if (previous !== undefined && previous.last + 1n === piece.first && previous.value === piece.value) {
      joined[joined.length - 1] = { ...previous, last: piece.last };
    } else {
      joined.push(piece);
    }
  }
  return joined;
}

/** An interval as nft prints it: a prefix where it is one, an address where it is one, else `first-last`. */
export function intervalText({ family, first, last }: IpInterval): string {
  if (first === last) return ipFromNumber(family, first);
  const size = last - first + 1n;
  const sizeBits = size.toString(2).length - 1;
  const isPrefix = size === 1n << BigInt(sizeBits) && first % size === 0n;
  if (isPrefix) return `${ipFromNumber(family, first)}/${bitsOf(family) - sizeBits}`;
  return `${ipFromNumber(family, first)}-${ipFromNumber(family, last)}`;
}
