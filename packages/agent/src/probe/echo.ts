/** homeward's own echo: TCP and UDP on one port of the wildcard address, for probes only, so that a path is proven where no service answers. */

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { PROBE_PREFIX } from '@homeward/shared/net/allocation';
import { ipv4PrefixContains, isIpv4 } from '@homeward/shared/net/ipv4';
import { type Port, port } from '@homeward/shared/net/port';

/** Tries to find a port that is free for both; one is nearly always enough. */
const ATTEMPTS = 20;

export interface Echo {
  readonly port: Port;
  close(): Promise<void>;
}

/** Starts the echo on the port it had before, or else on a free one; throws `conflict` when none was found. */
export async function startEcho(preferred: number | null): Promise<Echo> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const udp = await bindUdp(attempt === 0 ? (preferred ?? 0) : 0);
    if (udp === null) continue;
    const tcp = await listenTcp(udp.address().port);
    if (tcp !== null) return echoOf(udp, tcp);
    udp.close();
  }
  throw new RelayError('conflict', 'no port is free for the probe echo, on TCP and UDP at once');
}

function echoOf(udp: Socket, tcp: Server): Echo {
  return {
    port: port(udp.address().port),
    async close() {
      const closed = [once(udp, 'close'), once(tcp, 'close')];
      udp.close();
      tcp.close();
      await Promise.all(closed);
    },
  };
}

async function bindUdp(wanted: number): Promise<Socket | null> {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    if (isProbe(from.address)) socket.send(message, from.port, from.address, () => undefined);
  });
  socket.bind(wanted, '0.0.0.0');
  try {
    await once(socket, 'listening');
  } catch {
    return null;
  }
  // A reply that could not be sent must not end the daemon; the probe misses it.
  socket.on('error', () => undefined);
  return socket;
}

async function listenTcp(wanted: number): Promise<Server | null> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    if (isProbe(socket.remoteAddress ?? '')) socket.end();
    else socket.destroy();
  });
  server.listen(wanted, '0.0.0.0');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return null;
  }
}

/** Anybody else gets nothing: an echo for all is a reflector. */
function isProbe(address: string): boolean {
  return isIpv4(address) && ipv4PrefixContains(PROBE_PREFIX, address);
}
