/** Which UDP flows of clients the relay leads elsewhere after a change of its maps. Pure. */

import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import type { StaleFlows } from '@homeward/shared/kernel/stale-flows';
import { isIpv4 } from '@homeward/shared/net/ipv4';
import { type Change, subjectOf } from '@homeward/shared/reconcile/diff';
import { SETS } from './relay-table.js';

/** A port forwarded on every address is stale on each that this machine has. */
export function relayStaleFlows(changes: readonly Change[], snapshot: Snapshot): StaleFlows[] {
  const own = snapshot.links
    .filter((link) => link.name !== 'lo')
    .flatMap((link) => link.addresses.map(({ address }) => address))
    .filter(isIpv4);
  return changes.map(subjectOf).flatMap((resource) => {
    if (resource.kind !== 'nft-element') return [];
    const words = resource.key.split(' . ');
    if (resource.set === SETS.any && words[0] === 'udp')
      return own.map((address) => ({ address, port: Number(words[1]) }));
    const [address = ''] = words;
    if (resource.set !== SETS.exact || words[1] !== 'udp' || !isIpv4(address)) return [];
    return [{ address, port: Number(words[2]) }];
  });
}
