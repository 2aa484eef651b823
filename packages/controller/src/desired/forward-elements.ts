/** Forwards as elements of the relay's maps. Pure. */

import type { AddressPair, Family } from '@homeward/shared/net/address';
import { arrivalPorts, type Forward, familiesOf, TRANSPORTS, type Transport } from '@homeward/shared/net/forward-spec';
import { formatPortRange, portsOf, rangeLength, rangesWithout } from '@homeward/shared/net/port';
import type { NftElement } from '@homeward/shared/state/resources';
import { countElements } from './forward-counters.js';
import { relayElement, SETS } from './relay-sets.js';

/**
 * Everything that leads clients to a backend, and counts what passes. `families` are those the backend speaks; `spared`
 * are TCP ports that stay the relay's own.
 */
export function forwardElements(
  forwards: readonly Forward[],
  backend: AddressPair,
  families: readonly Family[],
  spared: readonly number[],
): NftElement[] {
  return families.flatMap((family) =>
    TRANSPORTS.flatMap((transport) => {
      const own = forwards.filter(
        (forward) => forward.transports.includes(transport) && familiesOf(forward).includes(family),
      );
      return [
        ...own.flatMap((forward) =>
          dnatElements(forward, family, transport, backend, transport === 'tcp' ? spared : []),
        ),
        ...countElements(own, family, transport, backend),
      ];
    }),
  );
}

function dnatElements(
  forward: Forward,
  family: Family,
  transport: Transport,
  backend: AddressPair,
  spared: readonly number[],
): NftElement[] {
  const sets = SETS[family];
  const { address, publicPorts } = forward;
  const shift = arrivalPorts(forward).first - publicPorts.first;
  const place = address === null ? transport : `${address} . ${transport}`;
  const pieces = rangesWithout(publicPorts, spared);
  if (rangeLength(publicPorts) > 1 && shift === 0) {
    const set = address === null ? sets.anyRange : sets.range;
    return pieces.map((piece) => relayElement(set, `${place} . ${formatPortRange(piece)}`, backend[family]));
  }
  const set = address === null ? sets.any : sets.exact;
  const leading = (port: number) => relayElement(set, `${place} . ${port}`, `${backend[family]} . ${port + shift}`);
  return pieces.flatMap((piece) => (piece.first === piece.last ? leading(piece.first) : portsOf(piece).map(leading)));
}
