/** How a forwarded port can reach its service at the backend: what every way of delivery has to answer. */

import type { Listener } from '@homeward/shared/kernel/sockets';
import { BACKEND_TABLE } from '@homeward/shared/net/allocation';
import type { Forward, PortMapping } from '@homeward/shared/net/forward-spec';
import type { Ipv4Address } from '@homeward/shared/net/ipv4';
import type { LinkName } from '@homeward/shared/net/names';
import type { NftElement } from '@homeward/shared/state/resources';

/** One forwarded port where it comes out of the tunnel. */
export interface ArrivingPort {
  readonly forward: Forward;
  readonly mapping: PortMapping;
  readonly link: LinkName;
  readonly tunnelAddress: Ipv4Address;
  /** IPv4 sockets on the target port of its transport that are bound to no link. */
  readonly sockets: readonly Listener[];
}

export interface Delivery {
  /** The map elements that deliver the port, or null where this is not the way for it. */
  elements(port: ArrivingPort): NftElement[] | null;
  /** Whether the service answers from an address the kernel chooses, so that replies need a route even without a default one. */
  readonly answersFromChosenAddress: boolean;
  /** Whether the backend has to forward packets for it. */
  readonly needsForwarding: boolean;
}

/** An element of one of the backend's sets or maps. */
export function backendElement(set: string, key: string, value: string | null = null): NftElement {
  return { kind: 'nft-element', table: BACKEND_TABLE, set, key, value };
}

/** `link . tunnel address . transport . port`: how an arriving port is looked up. */
export function arrivalKey({ link, tunnelAddress, mapping }: ArrivingPort): string {
  return `${link} . ${tunnelAddress} . ${mapping.transport} . ${mapping.targetPort}`;
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
