/** Turns overlapping prefixes into disjoint intervals, as nft's interval sets and maps want them: pure. */

import { type Ipv4Interval, type Ipv4Prefix, ipv4FromNumber, ipv4PrefixInterval } from './ipv4.js';

export interface ValuedPrefix<Value> {
  readonly prefix: Ipv4Prefix;
  readonly value: Value;
}

export interface ValuedInterval<Value> extends Ipv4Interval {
  readonly value: Value;
}

/** Longest prefix wins, as in a routing table; of equal prefixes the first. Neighbours with the same value are joined. */
export function flattenPrefixes<Value>(entries: readonly ValuedPrefix<Value>[]): ValuedInterval<Value>[] {
  const ranked = entries
    .map((entry) => ({ ...entry, ...ipv4PrefixInterval(entry.prefix) }))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  const starts = [...new Set(ranked.flatMap(({ first, last }) => [first, last + 1]))].sort((a, b) => a - b);
  const pieces: ValuedInterval<Value>[] = [];
  starts.forEach((first, index) => {
    const next = starts[index + 1];
    const winner = ranked.find((entry) => entry.first <= first && first <= entry.last);
    if (next === undefined || winner === undefined) return;
    const previous = pieces.at(-1);
    if (previous !== undefined && previous.last + 1 === first && previous.value === winner.value) {
      pieces[pieces.length - 1] = { ...previous, last: next - 1 };
    } else {
      pieces.push({ first, last: next - 1, value: winner.value });
    }
  });
  return pieces;
}

/** An interval as nft prints it: a prefix where it is one, an address where it is one, else `first-last`. */
export function intervalText({ first, last }: Ipv4Interval): string {
  if (first === last) return ipv4FromNumber(first);
  const size = last - first + 1;
  const length = 32 - Math.log2(size);
  if (Number.isInteger(length) && first % size === 0) return `${ipv4FromNumber(first)}/${length}`;
  return `${ipv4FromNumber(first)}-${ipv4FromNumber(last)}`;
}
