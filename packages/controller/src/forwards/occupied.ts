/** Which backend has which public port, for quick answers among ten thousand forwards. Pure. */

import type { Family, IpAddress } from '@homeward/shared/net/address';
import { type Forward, familiesOf, type Transport } from '@homeward/shared/net/forward-spec';
import type { PortRange } from '@homeward/shared/net/port';

/** A forward with the backend it leads to. */
export interface Holder {
  readonly backend: string;
  readonly forward: Forward;
}

export interface Occupied {
  /** Puts a forward beside those there are. */
  add(holder: Holder): void;
  /** Those that share a public port, transport, family and address (or lack of one) with it. */
  overlapping(forward: Forward): Holder[];
}

/** One port range of a place; ranges longer than one port are few, single ports many. */
interface Place {
  readonly singles: Map<number, Holder[]>;
  readonly ranges: { readonly ports: PortRange; readonly holder: Holder }[];
}

export function occupiedPorts(holders: Iterable<Holder>): Occupied {
  const places = new Map<string, Place>();
  const occupied: Occupied = {
    add(holder) {
      const { publicPorts: ports } = holder.forward;
      for (const key of placesOf(holder.forward)) {
        const place: Place = places.get(key) ?? { singles: new Map(), ranges: [] };
        places.set(key, place);
        if (ports.first < ports.last) place.ranges.push({ ports, holder });
        else place.singles.set(ports.first, [...(place.singles.get(ports.first) ?? []), holder]);
      }
    },
    overlapping(forward) {
      const found = placesOf(forward).flatMap((key) => {
        const place = places.get(key);
        return place === undefined ? [] : overlappingIn(place, forward.publicPorts);
      });
      return [...new Set(found)];
    },
  };
  for (const holder of holders) occupied.add(holder);
  return occupied;
}

function placesOf(forward: Forward): string[] {
  return familiesOf(forward).flatMap((family) =>
    forward.transports.map((transport) => placeKey(family, transport, forward.address)),
  );
}

/** A forward with an address goes before one without: the two do not collide. */
function placeKey(family: Family, transport: Transport, address: IpAddress | null): string {
  return `${family} ${transport} ${address ?? '*'}`;
}

function overlappingIn({ singles, ranges }: Place, { first, last }: PortRange): Holder[] {
  const inRanges = ranges.filter(({ ports }) => ports.first <= last && first <= ports.last);
  const inSingles =
    first === last
      ? (singles.get(first) ?? [])
      : [...singles].flatMap(([port, holders]) => (first <= port && port <= last ? holders : []));
  return [...inRanges.map(({ holder }) => holder), ...inSingles];
}
