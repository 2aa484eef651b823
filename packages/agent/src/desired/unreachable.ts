/** Services that no client can reach, however a port is delivered. Pure. */

import type { Listener } from '@homeward/shared/kernel/sockets';
import type { Transport } from '@homeward/shared/net/forward-spec';
import { isLoopback } from './deliveries/delivery.js';

/** Why, with what to do about it; null where a client can, or where nothing listens. */
export function unreachableReason(transport: Transport, port: number, listeners: readonly Listener[]): string | null {
  const sockets = listeners.filter((listener) => listener.transport === transport && listener.port === port);
  const [first] = sockets;
  if (first === undefined) return null;
  if (sockets.every((socket) => isLoopback(socket.address))) {
    return `${first.program} listens on loopback only; let it listen on all addresses`;
  }
  if (sockets.every((socket) => socket.family === 'ipv6')) {
    return `${first.program} listens on IPv6 only; let it listen on IPv4 as well`;
  }
  if (sockets.every((socket) => socket.link !== null)) {
    return `${first.program} is bound to the link ${first.link}; what comes by the tunnel cannot reach it`;
  }
  return null;
}
