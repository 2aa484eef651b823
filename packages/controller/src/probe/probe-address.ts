/** The addresses of the veth pair between the relay and the synthetic client, of both layers. Pure. */

import type { Family } from '@homeward/shared/net/address';
import { PROBE } from '@homeward/shared/net/allocation';
import type { LinkName } from '@homeward/shared/net/names';

/** A line of `ip -batch`, for one end of the veth pair. */
export function probeAddressAdd(family: Family, end: 'relay' | 'client', link: LinkName): string {
  const { prefix, [end]: address } = PROBE[family];
  // Nobody else is on this link; duplicate address detection would take a second.
  return `address add ${address}/${prefix.length} dev ${link}${family === 'ipv6' ? ' nodad' : ''}`;
}

/** Locally administered (IEEE 802), known to both ends: asking for them would cost a first packet up to a second on a busy machine. */
export const PROBE_MAC = { relay: '02:68:77:00:00:01', client: '02:68:77:00:00:02' } as const;

/** A line of `ip -batch`: where one end finds the other. */
export function probeNeighbourAdd(family: Family, end: 'relay' | 'client', link: LinkName): string {
  const other = end === 'relay' ? 'client' : 'relay';
  return `neighbour replace ${PROBE[family][other]} lladdr ${PROBE_MAC[other]} nud permanent dev ${link}`;
}
