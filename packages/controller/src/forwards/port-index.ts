/** Finds the forwards on given ports quickly, among ten thousand. Pure. */

import type { Forward } from '@homeward/shared/net/forward-spec';
import { type PortRange, rangesOverlap } from '@homeward/shared/net/port';

/** A forward with the backend it leads to. */
export interface Holder {
  readonly backend: string;
  readonly forward: Forward;
}

export interface PortIndex {
  add(holder: Holder): void;
  /** Those that have one of the ports, whatever their address and transport. */
  on(ports: PortRange): Holder[];
}

/** For a few questions: building an index of ten thousand would take longer than to look through them. */
export function scanPorts(holders: Iterable<Holder>, portsOf: (forward: Forward) => PortRange): PortIndex {
  const all = [...holders];
  return {
    add: (holder) => all.push(holder),
    on: (ports) => all.filter(({ forward }) => rangesOverlap(portsOf(forward), ports)),
  };
}

/** `portsOf` says which ports of a forward count. Ranges are few, single ports many. */
export function indexPorts(holders: Iterable<Holder>, portsOf: (forward: Forward) => PortRange): PortIndex {
  const singles = new Map<number, Holder[]>();
  const ranges: Holder[] = [];
  const index: PortIndex = {
    add(holder) {
      const { first, last } = portsOf(holder.forward);
      const present = singles.get(first);
      if (first < last) ranges.push(holder);
      else if (present === undefined) singles.set(first, [holder]);
      else present.push(holder);
    },
    on({ first, last }) {
      const inRanges = ranges.filter(({ forward }) => rangesOverlap(portsOf(forward), { first, last }));
      const inSingles =
        first === last
          ? (singles.get(first) ?? [])
          : [...singles].flatMap(([port, found]) => (first <= port && port <= last ? found : []));
      return [...inRanges, ...inSingles];
    },
  };
  for (const holder of holders) index.add(holder);
  return index;
}
