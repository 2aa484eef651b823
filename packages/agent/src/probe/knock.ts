/** One connection or datagram of the backend's own to a service elsewhere, to hear whether it answers. */

import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { familyOf, type IpAddress } from '@homeward/shared/net/address';
import type { Port } from '@homeward/shared/net/port';
import { payloadFor } from '@homeward/shared/net/probe-payload';
import type { Transport } from '@homeward/shared/net/transport';
import type { Visit } from '@homeward/shared/protocol/messages';

export interface Knock {
  /** Null as long as nothing was heard. */
  outcome(): Exclude<Visit['outcome'], 'silent'> | null;
  close(): void;
}

type Heard = ReturnType<Knock['outcome']>;

/** What the kernel says of a socket that got an ICMP error or a reset (connect(2), udp(7)); what else there is, says nothing. */
const MEANINGS: Readonly<Record<string, Heard>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'refused',
  EHOSTUNREACH: 'absent',
};

/** Begins, and goes on until it is closed. */
export function knock(transport: Transport, host: IpAddress, port: Port): Knock {
  return transport === 'tcp' ? knockTcp(host, port) : knockUdp(host, port);
}

function knockTcp(host: IpAddress, port: Port): Knock {
  let heard: Heard = null;
  const socket = connect({ host, port });
  socket.once('connect', () => {
    heard = 'answered';
    socket.destroy();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    heard ??= meaningOf(error);
  });
  return { outcome: () => heard, close: () => socket.destroy() };
}

function knockUdp(host: IpAddress, port: Port): Knock {
  let heard: Heard = null;
  const socket = createSocket(familyOf(host) === 'ipv6' ? 'udp6' : 'udp4');
  socket.on('message', () => {
    heard = 'answered';
  });
  socket.on('error', (error) => {
    heard ??= meaningOf(error);
  });
  // Connected, so that the kernel tells of ICMP errors.
  socket.connect(port, host, (error?: Error) => {
    if (error === undefined) socket.send(payloadFor(port));
  });
  return { outcome: () => heard, close: () => socket.close() };
}

function meaningOf(error: NodeJS.ErrnoException): Heard {
  return MEANINGS[error.code ?? ''] ?? null;
}
