/** What counts the bytes of forwards: elements of counting sets, by the ports at which they arrive at their backend. Pure. */

import type { AddressPair, Family } from '@homeward/shared/net/address';
import { arrivalPorts, type Forward, familiesOf, TRANSPORTS, type Transport } from '@homeward/shared/net/forward-spec';
import { formatPortRange, joinRanges, type PortRange, rangeContains, rangeLength } from '@homeward/shared/net/port';
import type { NftElement } from '@homeward/shared/state/resources';
import { relayElement, SETS } from './relay-sets.js';

/** For forwards of one family and transport. Ranges that overlap are counted as one: an interval set holds no two that do. */
export function countElements(
  forwards: readonly Forward[],
  family: Family,
  transport: Transport,
  backend: AddressPair,
): NftElement[] {
  const { bytesIn, bytesOut, rangeBytesIn, rangeBytesOut } = SETS[family];
  const counted = (sets: readonly string[], range: PortRange) =>
    sets.map((set) => relayElement(set, countKey(range, family, transport, backend)));
  // Many public ports may lead to one.
  const singles = new Map<number, PortRange>();
  for (const range of forwards.map(arrivalPorts)) if (isSingle(range)) singles.set(range.first, range);
  return [
    ...[...singles.values()].flatMap((range) => counted([bytesIn, bytesOut], range)),
    ...countedRanges(forwards).flatMap((range) => counted([rangeBytesIn, rangeBytesOut], range)),
  ];
}

/** The keys of a backend's counters that count one of its forwards. */
export function countKeys(forwards: readonly Forward[], backend: AddressPair): (forward: Forward) => string[] {
  const ranges = new Map(
    TRANSPORTS.flatMap((transport) =>
      (['ipv4', 'ipv6'] as const).map((family) => {
        const own = forwards.filter((one) => one.transports.includes(transport) && familiesOf(one).includes(family));
        return [`${family} ${transport}`, countedRanges(own)] as const;
      }),
    ),
  );
  return (forward) => {
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

function countedRanges(forwards: readonly Forward[]): PortRange[] {
  return joinRanges(forwards.map(arrivalPorts).filter((range) => !isSingle(range)));
}

function isSingle(range: PortRange): boolean {
  return rangeLength(range) === 1;
}

function countKey(ports: PortRange, family: Family, transport: Transport, backend: AddressPair): string {
  return `${backend[family]} . ${transport} . ${formatPortRange(ports)}`;
}
