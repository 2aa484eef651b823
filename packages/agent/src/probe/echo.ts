/** homeward's own echo: TCP and UDP on one port of the wildcard addresses, for probes only, so that a path is proven where no service answers. */

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { type Family, isIp } from '@homeward/shared/net/address';
import { isProbeAddress } from '@homeward/shared/net/allocation';
import { type Port, port } from '@homeward/shared/net/port';

/** Tries to find a port that is free for all; one is nearly always enough. */
const ATTEMPTS = 20;

const WILDCARDS: Readonly<Record<Family, string>> = { ipv4: '0.0.0.0', ipv6: '::' };

export interface Echo {
  readonly port: Port;
  close(): Promise<void>;
}

type Listening = Socket | Server;

/** Starts the echo on the port it had before, or else on a free one; throws `conflict` when none was found. A machine without IPv6 has IPv4's only. */
export async function startEcho(preferred: number | null): Promise<Echo> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const udp = await bindUdp('ipv4', attempt === 0 ? (preferred ?? 0) : 0);
    if (typeof udp === 'string') continue;
    const wanted = udp.address().port;
    const others = [await listenTcp('ipv4', wanted), await bindUdp('ipv6', wanted), await listenTcp('ipv6', wanted)];
    const listening = others.filter((one): one is Listening => typeof one !== 'string');
    if (!others.includes('EADDRINUSE')) return echoOf(port(wanted), [udp, ...listening]);
    await closeAll([udp, ...listening]);
  }
  throw new RelayError('conflict', 'no port is free for the probe echo, on TCP and UDP at once');
}

function echoOf(at: Port, listening: readonly Listening[]): Echo {
  return { port: at, close: () => closeAll(listening) };
}

async function closeAll(listening: readonly Listening[]): Promise<void> {
  const closed = listening.map((one) => once(one, 'close'));
  for (const one of listening) one.close();
  await Promise.all(closed);
}

/** The socket, or the code of the error that kept it from the port. */
async function bindUdp(family: Family, wanted: number): Promise<Socket | string> {
  const socket = createSocket({ type: family === 'ipv6' ? 'udp6' : 'udp4', ipv6Only: family === 'ipv6' });
  socket.on('message', (message, from) => {
    if (isProbe(from.address)) socket.send(message, from.port, from.address, () => undefined);
  });
  socket.bind(wanted, WILDCARDS[family]);
  try {
    await once(socket, 'listening');
  } catch (error) {
    return codeOf(error);
  }
  // A reply that could not be sent must not end the daemon; the probe misses it.
  socket.on('error', () => undefined);
  return socket;
}

async function listenTcp(family: Family, wanted: number): Promise<Server | string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (isProbe(socket.remoteAddress ?? '')) socket.end();
    else socket.destroy();
  });
  server.listen({ port: wanted, host: WILDCARDS[family], ipv6Only: family === 'ipv6' });
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}

/** Anybody else gets nothing: an echo for all is a reflector. */
function isProbe(address: string): boolean {
  return isIp(address) && isProbeAddress(address);
}
