/** Forwards as elements of the relay's maps. Pure. */

import type { AddressPair, Family } from '@homeward/shared/net/address';
import { arrivalPorts, type Forward, familiesOf, isWhole } from '@homeward/shared/net/forward-spec';
import { formatPortRange, portsOf, rangeLength, rangesWithout } from '@homeward/shared/net/port';
import type { Transport } from '@homeward/shared/net/transport';
import { type Remember, recompute } from '@homeward/shared/reconcile/plan-memory';
import type { NftElement } from '@homeward/shared/state/resources';
import { portCounters, rangeCounters } from './forward-counters.js';
import { relayElement, SETS } from './relay-sets.js';
import { wholeElements } from './whole-host.js';

/** Where clients of forwards are sent: a backend, and what of them it gets. */
export interface Reach {
  readonly backend: AddressPair;
  /** Those the backend speaks. */
  readonly families: readonly Family[];
  /** TCP ports that stay the relay's own. */
  readonly spared: readonly number[];
}

/** Everything that leads clients to a backend, and counts what passes: a list for each forward, and one for all. */
export function forwardElements(
  forwards: readonly Forward[],
  reach: Reach,
  remember: Remember<Forward, readonly NftElement[]> = recompute,
): readonly (readonly NftElement[])[] {
  const remembered = remember(JSON.stringify(reach));
  return [
    ...forwards.map((forward) => remembered(forward, () => elementsOf(forward, reach))),
    rangeCounters(
      forwards.filter((forward) => !isWhole(forward)),
      reach.families,
      reach.backend,
    ),
  ];
}

function elementsOf(forward: Forward, reach: Reach): NftElement[] {
  const { backend, spared } = reach;
  const families = familiesOf(forward).filter((family) => reach.families.includes(family));
  if (isWhole(forward)) return wholeElements(forward, families, backend);
  return families.flatMap((family) =>
    forward.transports.flatMap((transport) => [
      ...dnatElements(forward, family, transport, backend, transport === 'tcp' ? spared : []),
      ...portCounters(forward, family, transport, backend),
    ]),
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
