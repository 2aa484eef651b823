/** Which UDP flows out of a tunnel are delivered elsewhere after a change of the backend's maps. Pure. */

import type { StaleFlows } from '@homeward/shared/kernel/stale-flows';
import { isIpv4 } from '@homeward/shared/net/ipv4';
import { type Change, subjectOf } from '@homeward/shared/reconcile/diff';
import { SETS } from './backend-sets.js';

/** Of pins and redirections; a changed source address makes every pinned flow stale. */
export function backendStaleFlows(changes: readonly Change[], pinnedKeys: readonly string[]): StaleFlows[] {
  const elements = changes.map(subjectOf).flatMap((resource) => (resource.kind === 'nft-element' ? [resource] : []));
  const repinned = elements.some((element) => element.set === SETS.sourcePin) ? pinnedKeys : [];
  const pins = elements.filter((element) => element.set === SETS.pinned).map((element) => element.key);
  const redirected = elements.filter((element) => element.set === SETS.redirected).map((element) => element.key);
  return [
    ...[...pins, ...repinned].flatMap((key) => {
      const [, address = '', port] = key.split(' . ');
      return flowsTo(address, port);
    }),
    ...redirected.flatMap((key) => {
      const [, address = '', transport, port] = key.split(' . ');
      return transport === 'udp' ? flowsTo(address, port) : [];
    }),
  ];
}

function flowsTo(address: string, port: string | undefined): StaleFlows[] {
  return isIpv4(address) && port !== undefined ? [{ address, port: Number(port) }] : [];
}
