/**
 * Datagrams through the tunnel. For GRE in UDP now and then: they keep a NAT's mapping, which WireGuard does by itself, and
 * the relay learns from them where the backend's packets come from. WireGuard needs one when a session begins.
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
  if (tunnel.kind === 'gre' && tunnel.udpPort !== null) await sendThrough(tunnel);
}

/**
 * With the answer to an offer, hence at the beginning of each session: the relay may have been restarted, and its WireGuard
 * know nothing of us any more. WireGuard begins anew when 15 s after a datagram nothing has come back (KEEPALIVE_TIMEOUT and
 * REKEY_TIMEOUT of its protocol). Its own keepalives want no answer: with them alone the silence would last until the
 * old session is two minutes old.
 */
export async function provokeAnswer(tunnel: TunnelOffer): Promise<void> {
  if (tunnel.kind === 'wireguard') await sendThrough(tunnel);
  else await keepMapped(tunnel);
}

type Addressed = Pick<Exclude<TunnelOffer, { kind: 'external' }>, 'backendAddress' | 'relayAddress'>;

async function sendThrough({ backendAddress, relayAddress }: Addressed): Promise<void> {
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
