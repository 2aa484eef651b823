/** The HTTP front: accepts sockets under the admission limits and turns the right upgrade requests into websockets. */

import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { systemErrorText } from '@homeward/shared/host/system-error';
import { plainAddress } from '@homeward/shared/session/peer-address';
import { MAX_FRAME_BYTES } from '@homeward/shared/session/transport';
import { answerPings, SUBPROTOCOL } from '@homeward/shared/session/wire';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Admission } from './admission.js';
import type { Limits } from './limits.js';

/** What the front knows of a socket, and the clock that cuts it unless it is authenticated in time. */
export interface Visitor {
  /** As `plainAddress` gives it. */
  readonly address: string;
  /** This machine's address that the peer reached. */
  readonly localAddress: string;
  /** The peer waits for us now: its clock stops. */
  hold(): void;
  /** The peer is to speak again: a fresh clock. */
  resume(): void;
  /** The peer's key is known: it may send more than a stranger. */
  trusted(): void;
  /** The peer's session stands. */
  confirmed(): void;
}

export interface Front {
  /** Resolves with the bound port; rejects with `conflict`, `permission` or `bad-input`. Port 0 takes a free one. */
  listen(host: string, port: number): Promise<{ port: number }>;
  /** Stops listening, cuts who is not authenticated, and resolves when the last websocket is closed. */
  close(): Promise<void>;
}

export interface FrontDeps {
  readonly limits: Limits;
  readonly admission: Admission;
  onSocket(socket: WebSocket, visitor: Visitor): void;
  /** Of what was no request of an agent, and is hung up. */
  onRefused(address: string, reason: string): void;
}

export function createFront(deps: FrontDeps): Front {
  const { limits, admission } = deps;
  const visitors = new Map<Duplex, { readonly visitor: Visitor; startMeter(): void }>();
  const unconfirmed = new Set<Socket>();
  const http = createServer({
    maxHeaderSize: limits.requestHeadBytes,
    headersTimeout: limits.authenticationTimeoutMs,
    requestTimeout: limits.authenticationTimeoutMs,
  });
  const websockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_FRAME_BYTES,
    maxFragments: limits.fragments,
    // A compressed message can blow up memory, and ciphertext does not compress.
    perMessageDeflate: false,
    autoPong: false,
    handleProtocols: () => SUBPROTOCOL,
  });

  http.on('connection', (socket: Socket) => {
    socket.on('error', ignoreSocketError);
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const address = plainAddress(socket.remoteAddress);
    const ticket = admission.enter(address, () => socket.destroy());
    if (ticket === null) {
      socket.destroy();
      return;
    }
    const startClock = () => setTimeout(() => socket.destroy(), limits.authenticationTimeoutMs);
    let clock = startClock();
    unconfirmed.add(socket);
    // ws bounds what one message may have, and for all sockets alike; before that the HTTP parser bounds the head.
    const meter = (): void => {
      if (socket.bytesRead > limits.strangerBytes) socket.destroy();
    };
    const visitor: Visitor = {
      address,
      localAddress: plainAddress(socket.localAddress ?? ''),
      hold: () => clearTimeout(clock),
      resume() {
        clearTimeout(clock);
        if (!socket.destroyed) clock = startClock();
      },
      trusted: () => socket.off('data', meter),
      confirmed() {
        clearTimeout(clock);
        unconfirmed.delete(socket);
        ticket.confirmed();
      },
    };
    visitors.set(socket, { visitor, startMeter: () => socket.on('data', meter) });
    socket.once('close', () => {
      clearTimeout(clock);
      unconfirmed.delete(socket);
      visitors.delete(socket);
      ticket.leave();
    });
  });
  /** Whoever is gone by itself was not refused. */
  function tellRefused(socket: Duplex, reason: string): void {
    const known = visitors.get(socket);
    if (known !== undefined) deps.onRefused(known.visitor.address, reason);
  }
  http.on('request', ({ socket }, response) => {
    tellRefused(socket, 'a page request, no websocket (HTTP 426)');
    response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end();
  });
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const reason = requestFault(error.code ?? '');
    if (reason !== null) tellRefused(socket, reason);
    socket.destroy();
  });
  http.on('upgrade', (request, socket, head) => {
    const known = visitors.get(socket);
    const status = refusalOf(request);
    if (known === undefined) socket.destroy();
    else if (status !== null) {
      tellRefused(socket, REFUSAL_WORDS[status]);
      refuse(socket, status);
    } else {
      websockets.handleUpgrade(request, socket, head, (websocket) => {
        // Behind ws's own listener: what makes the peer known counts before the bytes that come along with it.
        known.startMeter();
        answerPings(websocket);
        deps.onSocket(websocket, known.visitor);
      });
    }
  });

  return {
    listen(host, port) {
      return new Promise((resolve, reject) => {
        const fail = (error: NodeJS.ErrnoException): void => reject(listenError(host, port, error));
        http.once('error', fail);
        http.listen({ host, port }, () => {
          http.off('error', fail);
          // An error of a single accept (too many open files) must not end the daemon; the peer tries again.
          http.on('error', ignoreSocketError);
          resolve({ port: (http.address() as AddressInfo).port });
        });
      });
    },
    close() {
      return new Promise((resolve) => {
        http.close(() => resolve());
        for (const socket of unconfirmed) socket.destroy();
      });
    },
  };
}

/** The close event follows every socket error and is where it is dealt with. */
function ignoreSocketError(): void {}

const REFUSAL_WORDS = {
  403: 'a request of a browser (HTTP 403)',
  426: `a request without the subprotocol ${SUBPROTOCOL} (HTTP 426)`,
} as const;

/** What was wrong with a request by the parser's code; null where a connection was lost. */
function requestFault(code: string): string | null {
  if (code === 'HPE_HEADER_OVERFLOW') return 'a request head that is too large';
  return code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE' ? 'no HTTP request' : null;
}

/** The HTTP status that refuses an upgrade, or null. A browser always sends Origin, and no browser is an agent. */
function refusalOf(request: IncomingMessage): 403 | 426 | null {
  if (request.headers.origin !== undefined) return 403;
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((name) => name.trim() === SUBPROTOCOL) ? null : 426;
}

/** Ends the socket; a peer that keeps its half open is cut by its clock. */
function refuse(socket: Duplex, status: 403 | 426): void {
  const upgrade = status === 426 ? `Upgrade: websocket\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n` : '';
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n${upgrade}Content-Length: 0\r\n\r\n`);
}

function listenError(host: string, port: number, cause: NodeJS.ErrnoException): RelayError {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (cause.code === 'EADDRINUSE') {
    return new RelayError('conflict', `${where} is taken by another program`, {
      hint: `see by which: ss -tlnp 'sport = :${port}'; or choose another --listen`,
      cause,
    });
  }
  if (cause.code === 'EACCES') return new RelayError('permission', `not allowed to listen on ${where}`, { cause });
  return new RelayError('bad-input', `cannot listen on ${where}: ${systemErrorText(cause)}`, {
    hint: 'choose another --listen, for example [::]:7700',
    cause,
  });
}
