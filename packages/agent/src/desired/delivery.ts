/** How a forwarded port reaches its service at the backend: one kind of delivery a row. Pure. */

import type { Listener } from '@homeward/shared/kernel/sockets';
import type { Forward, PortMapping } from '@homeward/shared/net/forward-spec';
import { type Ipv4Address, isIpv4 } from '@homeward/shared/net/ipv4';

/**
 * - `local`: the tunnel address itself is where the service listens (TCP on the wildcard, or bound to it).
 * - `pinned`: UDP on the wildcard address: delivered to the address from which the kernel will answer.
 * - `redirected`: delivered to another address: of this host, where the service is bound to it, or of a LAN host.
 */
export type Delivery =
  | { readonly kind: 'local' }
  | { readonly kind: 'pinned' }
  | { readonly kind: 'redirected'; readonly address: Ipv4Address; readonly port: number };

/**
 * Chooses by how the service is bound. Where nothing listens yet, UDP is pinned: most services bind the wildcard, and
 * the kernel's own port-unreachable passes as well.
 */
export function deliveryOf(
  forward: Forward,
  mapping: PortMapping,
  tunnelAddress: Ipv4Address,
  listeners: readonly Listener[],
): Delivery {
  if (forward.targetHost !== null) {
    return { kind: 'redirected', address: forward.targetHost, port: mapping.targetPort };
  }
  const sockets = listeners.filter(
    (listener) =>
      listener.transport === mapping.transport &&
      listener.port === mapping.targetPort &&
      listener.family !== 'ipv6' &&
      listener.link === null,
  );
  if (sockets.some((socket) => socket.address === tunnelAddress)) return { kind: 'local' };
  if (sockets.some((socket) => socket.address === '*')) return unbound(mapping);
  const other = sockets.map((socket) => socket.address).find((address) => isIpv4(address) && !isLoopback(address));
  if (other !== undefined && isIpv4(other)) return { kind: 'redirected', address: other, port: mapping.targetPort };
  return unbound(mapping);
}

function unbound(mapping: PortMapping): Delivery {
  return mapping.transport === 'udp' ? { kind: 'pinned' } : { kind: 'local' };
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.');
}

/** Why no client can reach a service that listens as found, or null. */
export function unreachableReason(mapping: PortMapping, listeners: readonly Listener[]): string | null {
  const sockets = listeners.filter(
    (listener) => listener.transport === mapping.transport && listener.port === mapping.targetPort,
  );
  if (sockets.length === 0) return null;
  if (sockets.every((socket) => isLoopback(socket.address) || socket.address === '::1')) {
    return `${sockets[0]?.program} listens on loopback only; let it listen on all addresses`;
  }
  if (sockets.every((socket) => socket.link !== null)) {
    return `${sockets[0]?.program} is bound to the link ${sockets[0]?.link}; what comes by the tunnel cannot reach it`;
  }
  return null;
}
