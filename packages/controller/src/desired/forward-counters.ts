/** What counts the bytes of forwards: elements of counting sets, by the ports at which they arrive at their backend. Pure. */

import { type AddressPair, FAMILIES, type Family } from '@homeward/shared/net/address';
import { arrivalPorts, type Forward, familiesOf, isWhole } from '@homeward/shared/net/forward-spec';
import { formatPortRange, joinRanges, type PortRange, rangeContains, rangeLength } from '@homeward/shared/net/port';
import { TRANSPORTS, type Transport } from '@homeward/shared/net/transport';
import type { NftElement } from '@homeward/shared/state/resources';
import { relayElement, SETS } from './relay-sets.js';

/** What counts a forward of one port; several public ports that lead to one are counted together. */
export function portCounters(
  forward: Forward,
  family: Family,
  transport: Transport,
  backend: AddressPair,
): NftElement[] {
  const { bytesIn, bytesOut } = SETS[family];
  const ports = arrivalPorts(forward);
  return isSingle(ports) ? counters([bytesIn, bytesOut], countKey(ports, family, transport, backend)) : [];
}

/** What counts forwards of ranges. Those that overlap are counted as one: an interval set holds no two that do. */
export function rangeCounters(
  forwards: readonly Forward[],
  families: readonly Family[],
  backend: AddressPair,
): NftElement[] {
  // Public ports and targets are equally many; of ten thousand forwards most have one.
  const ranges = forwards.filter(({ publicPorts }) => !isSingle(publicPorts));
  return families.flatMap((family) => {
    const { rangeBytesIn, rangeBytesOut } = SETS[family];
    return TRANSPORTS.flatMap((transport) =>
      countedRanges(ranges, family, transport).flatMap((ports) =>
        counters([rangeBytesIn, rangeBytesOut], countKey(ports, family, transport, backend)),
      ),
    );
  });
}

function counters(sets: readonly string[], key: string): NftElement[] {
  return sets.map((set) => relayElement(set, key));
}

/** The keys of a backend's counters that count one of its forwards; those of an `all` count the others as well. */
export function countKeys(forwards: readonly Forward[], backend: AddressPair): (forward: Forward) => string[] {
  const ports = forwards.filter((forward) => !isWhole(forward));
  const ranges = new Map(
    FAMILIES.flatMap((family) =>
      TRANSPORTS.map((transport) => [`${family} ${transport}`, countedRanges(ports, family, transport)] as const),
    ),
  );
  return (forward) => {
    if (isWhole(forward)) return familiesOf(forward).map((family) => backend[family]);
    const arrival = arrivalPorts(forward);
    return familiesOf(forward).flatMap((family) =>
      forward.transports.flatMap((transport) => {
        const range = isSingle(arrival)
          ? arrival
          : ranges.get(`${family} ${transport}`)?.find((candidate) => rangeContains(candidate, arrival.first));
        return range === undefined ? [] : [countKey(range, family, transport, backend)];
      }),
    );
  };
}

function countedRanges(forwards: readonly Forward[], family: Family, transport: Transport): PortRange[] {
  const own = forwards.filter((one) => one.transports.includes(transport) && familiesOf(one).includes(family));
  return joinRanges(own.map(arrivalPorts).filter((range) => !isSingle(range)));
}

function isSingle(range: PortRange): boolean {
  return rangeLength(range) === 1;
}

function countKey(ports: PortRange, family: Family, transport: Transport, backend: AddressPair): string {
  return `${backend[family]} . ${transport} . ${formatPortRange(ports)}`;
}
