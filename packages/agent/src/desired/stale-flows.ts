/** Which UDP flows out of a tunnel are delivered elsewhere after a change of the backend's maps. Pure. */

import type { ElementsBySet } from '@homeward/shared/kernel/nft-parse';
import type { StaleFlows } from '@homeward/shared/kernel/stale-flows';
import { FAMILIES, type Family, isIp } from '@homeward/shared/net/address';
import { parsePortRange } from '@homeward/shared/net/port';
import { type Change, subjectOf } from '@homeward/shared/reconcile/diff';
import type { NftElement } from '@homeward/shared/state/resources';
import { SETS } from './backend-sets.js';

/** Of pins and redirections; a changed source address makes every pinned flow of `present` stale. */
export function backendStaleFlows(changes: readonly Change[], present: ElementsBySet): StaleFlows[] {
  const elements = changes.map(subjectOf).flatMap((resource) => (resource.kind === 'nft-element' ? [resource] : []));
  return FAMILIES.flatMap((family) => familyFlows(family, elements, present));
}

function familyFlows(family: Family, elements: readonly NftElement[], present: ElementsBySet): StaleFlows[] {
  const { pinned, redirected, sourcePin } = SETS[family];
  const keysOf = (set: string) => elements.filter((element) => element.set === set).map((element) => element.key);
  const isRepinned = elements.some((element) => element.set === sourcePin);
  const pins = [pinned.single, pinned.range].flatMap((set) => [
    ...keysOf(set),
    ...(isRepinned ? (present.get(set)?.keys() ?? []) : []),
  ]);
  return [
    ...pins.flatMap((key) => {
      const [address = '', ports] = key.split(' . ');
      return flowsTo(address, ports);
    }),
    ...[redirected.single, redirected.range].flatMap(keysOf).flatMap((key) => {
      const [address = '', transport, ports] = key.split(' . ');
      return transport === 'udp' ? flowsTo(address, ports) : [];
    }),
  ];
}

function flowsTo(address: string, ports: string | undefined): StaleFlows[] {
  return isIp(address) && ports !== undefined ? [{ address, ports: parsePortRange(ports) }] : [];
}
