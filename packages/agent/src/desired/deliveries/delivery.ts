/** How forwarded ports can reach their service at the backend: what every way of delivery has to answer. */

import type { Listener } from '@homeward/shared/kernel/sockets';
import type { Family, IpAddress } from '@homeward/shared/net/address';
import type { Forward } from '@homeward/shared/net/forward-spec';
import type { PortRange } from '@homeward/shared/net/port';
import type { Transport } from '@homeward/shared/net/transport';
import type { PortEntry } from '../backend-sets.js';

/** A forward's ports where they come out of the tunnel, for one family and transport: one port that somebody listens on, or ports that are all alike. */
export interface Arrival {
  readonly forward: Forward;
  readonly family: Family;
  readonly transport: Transport;
  /** At the tunnel address. */
  readonly ports: PortRange;
  readonly tunnelAddress: IpAddress;
  /** Sockets of the family on these ports that are bound to no link. */
  readonly sockets: readonly Listener[];
}

export interface Delivery {
  /** What delivers the ports, or null where this is not the way for them. */
  entries(arrival: Arrival): PortEntry[] | null;
  /** Whether the service answers from an address the kernel chooses, so that replies need a route even without a default one. */
  readonly answersFromChosenAddress: boolean;
  /** Whether the backend has to forward packets for it. */
  readonly needsForwarding: boolean;
}

/** `tunnel address . transport`: what stands before the ports where they are looked up. */
export function arrivalPlace({ tunnelAddress, transport }: Arrival): string {
  return `${tunnelAddress} . ${transport}`;
}
