/** Services that no client can reach, however a port is delivered. Pure. */

import { isLoopback, type Listener } from '@homeward/shared/kernel/sockets';
import type { Family } from '@homeward/shared/net/address';
import type { Transport } from '@homeward/shared/net/transport';

const NAMES: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };

/** Why clients of a family cannot, with what to do about it; null where they can, or where nothing listens. */
export function unreachableReason(
  transport: Transport,
  port: number,
  family: Family,
  listeners: readonly Listener[],
): string | null {
  const sockets = listeners.filter((listener) => listener.transport === transport && listener.port === port);
  const own = sockets.filter((socket) => socket.family === 'both' || socket.family === family);
  // Where the family has none, the other's tell whether there is a service for anybody at all.
  const asked = own.length === 0 ? sockets : own;
  const [first] = asked;
  if (first === undefined) return null;
  if (asked.every((socket) => isLoopback(socket.address))) {
    return `${first.program} listens on loopback only; let it listen on all addresses`;
  }
  if (own.length === 0) {
    const other = family === 'ipv4' ? 'ipv6' : 'ipv4';
    return `${first.program} listens on ${NAMES[other]} only; let it listen on ${NAMES[family]} as well`;
  }
  if (own.every((socket) => socket.link !== null)) {
    return `${first.program} is bound to the link ${first.link}; what comes by the tunnel cannot reach it`;
  }
  return null;
}
