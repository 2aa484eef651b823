/** The addresses of the veth pair between the relay and the synthetic client. Pure. */

import type { Family } from '@homeward/shared/net/address';
import { PROBE } from '@homeward/shared/net/allocation';
import type { LinkName } from '@homeward/shared/net/names';

/** A line of `ip -batch`, for one end of the veth pair. */
export function probeAddressAdd(family: Family, end: 'relay' | 'client', link: LinkName): string {
  const { prefix, [end]: address } = PROBE[family];
  // Nobody else is on this link; duplicate address detection would take a second.
  return `address add ${address}/${prefix.length} dev ${link}${family === 'ipv6' ? ' nodad' : ''}`;
}
