/** TCP and UDP ports and inclusive port ranges. */

import { RelayError } from '../errors/relay-error.js';
import type { Brand } from './brand.js';

export type Port = Brand<number, 'Port'>;

/** An inclusive range; a single port has `first === last`. */
export interface PortRange {
  readonly first: Port;
  readonly last: Port;
}

/** A port from a number; throws `bad-input` outside 1 to 65535. */
export function port(value: number): Port {
  if (!Number.isInteger(value) || value < 1 || value > 65_535) {
    throw new RelayError('bad-input', `${value} is not a port: ports go from 1 to 65535`);
  }
  return value as Port;
}

/** A port from decimal text without sign, spaces or leading zeros; throws `bad-input`. */
export function parsePort(text: string): Port {
  if (!/^[1-9]\d*$/.test(text)) throw new RelayError('bad-input', `"${text}" is not a port: ports go from 1 to 65535`);
  return port(Number(text));
}

/** `5000` or `5000-6000`; throws `bad-input`, also for a range that runs backwards. */
export function parsePortRange(text: string): PortRange {
  const [first = '', last, ...rest] = text.split('-');
  if (rest.length > 0) throw new RelayError('bad-input', `"${text}" is not a port or a range such as 5000-6000`);
  const from = parsePort(first);
  const to = last === undefined ? from : parsePort(last);
  if (to < from) throw new RelayError('bad-input', `range ${text} runs backwards`, { hint: `write ${to}-${from}` });
  return { first: from, last: to };
}

export function formatPortRange(range: PortRange): string {
  return range.first === range.last ? `${range.first}` : `${range.first}-${range.last}`;
}

/** How many ports the range covers. */
export function rangeLength(range: PortRange): number {
  return range.last - range.first + 1;
}

/** Every port of the range. */
export function portsOf(range: PortRange): Port[] {
  return Array.from({ length: rangeLength(range) }, (_, offset) => port(range.first + offset));
}

export function rangesOverlap(a: PortRange, b: PortRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

export function rangeContains(range: PortRange, value: number): boolean {
  return range.first <= value && value <= range.last;
}

/** The range without some ports: what is left, in ascending order. */
export function rangesWithout(range: PortRange, holes: readonly number[]): PortRange[] {
  const inside = [...new Set(holes.filter((hole) => rangeContains(range, hole)))].sort((a, b) => a - b);
  return rangesBetween(
    range,
    inside.map((hole) => ({ first: port(hole), last: port(hole) })),
  );
}

/** The range without some ranges, which are disjoint and in ascending order: what is left, in ascending order. */
export function rangesBetween(range: PortRange, holes: readonly PortRange[]): PortRange[] {
  const inside = holes.filter((hole) => rangesOverlap(range, hole));
  if (inside.length === 0) return [range];
  const starts = [range.first, ...inside.map((hole) => hole.last + 1)];
  const ends = [...inside.map((hole) => hole.first - 1), range.last];
  return starts.flatMap((first, index) => {
    const last = ends[index] ?? range.last;
    return first <= last ? [{ first: port(first), last: port(last) }] : [];
  });
}

/** Ranges that overlap become one, so that none do; in ascending order. */
export function joinRanges(ranges: readonly PortRange[]): PortRange[] {
  const joined: PortRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const previous = joined.at(-1);
    if (previous !== undefined && range.first <= previous.last) {
      joined[joined.length - 1] = {
        first: previous.first,
        last: previous.last < range.last ? range.last : previous.last,
      };
    } else {
      joined.push(range);
    }
  }
  return joined;
}
