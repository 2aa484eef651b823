/**
 * Keeps a NAT's mapping for GRE in UDP: a datagram through the tunnel now and then. WireGuard does so by itself, GRE
 * does not; and the relay learns from it where the backend's packets come from.
 */

import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TunnelOffer } from '@homeward/shared/protocol/messages';

/** Below the 30 s after which home routers forget a silent UDP flow, with room for a lost one. */
const KEEPALIVE_MS = 10_000;

/** Discard (RFC 863); the relay's filter drops it anyway, once it has come out of the tunnel. */
const DISCARD = 9;

/** Sends one datagram for a tunnel that goes through NAT in UDP; nothing for others. A tunnel that is away is no error: it comes back. */
export async function keepMapped(tunnel: TunnelOffer): Promise<void> {
  if (tunnel.kind !== 'gre' || tunnel.udpPort === null) return;
  const { backendAddress, relayAddress } = tunnel;
  await new Promise<void>((resolve) => {
    const socket = createSocket('udp4');
    const done = () => socket.close(() => resolve());
    socket.once('error', done);
    // From the tunnel's own address, which leads into the tunnel wherever main leads.
    socket.bind({ address: backendAddress, port: 0 }, () => socket.send('', DISCARD, relayAddress, done));
  });
}

/** Goes on until the signal. */
export async function keepAllMapped(tunnels: () => readonly TunnelOffer[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const tunnel of tunnels()) await keepMapped(tunnel);
    await sleep(KEEPALIVE_MS, undefined, { signal }).catch(() => undefined);
  }
}
