/** Connects to one URL of the controller and does the handshake: the result is an authenticated connection. */

import type { IncomingMessage } from 'node:http';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { decodeMessage } from '@homeward/shared/protocol/codec';
import { type AgentMessage, type ControllerMessage, parseControllerMessage } from '@homeward/shared/protocol/messages';
import { afterTimeout, createHeartbeat, type Heartbeat } from '@homeward/shared/session/heartbeat';
import type { KeyPair } from '@homeward/shared/session/keys';
import { createInitiator, SECOND_MESSAGE_BYTES } from '@homeward/shared/session/noise';
import { plainAddress } from '@homeward/shared/session/peer-address';
import { createTransport, MAX_FRAME_BYTES, type Transport } from '@homeward/shared/session/transport';
import {
  answerPings,
  closeGently,
  frameOf,
  ignoreSendError,
  SUBPROTOCOL,
  sendSealed,
} from '@homeward/shared/session/wire';
import { WebSocket } from 'ws';
import { createBacklog } from './backlog.js';
import { networkReason } from './network-error.js';

/** From the first packet to the end of the handshake; three TCP retransmissions of SYN take 7 s. */
const DIAL_TIMEOUT_MS = 10_000;

export interface Timings {
  readonly dialTimeoutMs?: number;
  readonly deadAfterMs?: number;
}

export interface DialOptions {
  readonly url: string;
  readonly identity: KeyPair;
  /** The controller's public key as the token pinned it, base64. */
  readonly controllerKey: string;
  /** Every checked message but `ping`, which is answered here. While many are not handled yet, no more is read. */
  readonly onMessage: (message: ControllerMessage, connection: ControllerConnection) => void | Promise<void>;
  /** Once, after the promise was fulfilled; says why. */
  readonly onClosed: (reason: string) => void;
  readonly timings?: Timings | undefined;
}

export interface ControllerConnection {
  readonly url: string;
  /** Remote IP address as dialled: a reverse proxy's, if there is one. */
  readonly host: string;
  /** Our own address towards the controller. */
  readonly localAddress: string | null;
  send(message: AgentMessage): void;
  close(reason: string): void;
  /** Resolves when every message that was handed on is handled. */
  handled(): Promise<void>;
}

/** Rejects with `unreachable` and the reason, or `interrupted`. The signal also closes the connection later on. */
export function dial(options: DialOptions, signal: AbortSignal): Promise<ControllerConnection> {
  return new Promise((resolve, reject) => {
    const initiator = createInitiator({ identity: options.identity, remoteKey: options.controllerKey });
    const socket = openWebsocket(options.url);
    const backlog = createBacklog(
      () => socket.pause(),
      () => socket.resume(),
    );
    const { dialTimeoutMs = DIAL_TIMEOUT_MS, deadAfterMs } = options.timings ?? {};
    let addresses = { host: '', localAddress: null as string | null };
    let live: { readonly connection: ControllerConnection; readonly transport: Transport } | null = null;
    let heartbeat: Heartbeat | null = null;
    let reason: string | null = null;
    let relayVersion: string | null = null;

    function end(why: string): void {
      reason ??= why;
      if (live === null) socket.terminate();
      else closeGently(socket);
    }
    function finishHandshake(frame: Uint8Array): void {
      if (frame.length !== SECOND_MESSAGE_BYTES) throw new RelayError('protocol', 'unknown answer to the handshake');
      const transport = createTransport(initiator.read(frame).session);
      const connection: ControllerConnection = {
        url: options.url,
        ...addresses,
        send: (message) => sendSealed(socket, transport, message),
        close: end,
        handled: backlog.handled,
      };
      live = { connection, transport };
      cancelTimeout();
      heartbeat = createHeartbeat({
        onDead() {
          reason ??= 'the relay is silent';
          // Nobody is there to answer a closing.
          socket.terminate();
        },
        after: afterTimeout,
        ...(deadAfterMs === undefined ? {} : { deadAfterMs }),
      });
      resolve(connection);
    }
    function receive(frame: Uint8Array): void {
      if (live === null) {
        finishHandshake(frame);
        return;
      }
      const bytes = live.transport.open(frame);
      heartbeat?.received();
      if (bytes === null) return;
      const message = parseControllerMessage(decodeMessage(bytes));
      if (message.type === 'welcome') relayVersion = message.version ?? null;
      if (message.type === 'ping') live.connection.send({ type: 'pong', id: message.id });
      else {
        const handling = options.onMessage(message, live.connection);
        if (handling !== undefined) backlog.add(handling);
      }
    }

    const cancelTimeout = afterTimeout(dialTimeoutMs, () => end(`no answer in ${Math.ceil(dialTimeoutMs / 1000)} s`));
    const onAbort = (): void => end('interrupted');
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();

    socket.on('upgrade', ({ socket: { remoteAddress, localAddress } }) => {
      addresses = {
        host: plainAddress(remoteAddress ?? ''),
        localAddress: localAddress === undefined ? null : plainAddress(localAddress),
      };
    });
    socket.on('unexpected-response', (_request, response) => end(statusReason(response)));
    answerPings(socket);
    socket.on('open', () => socket.send(initiator.write(), ignoreSendError));
    socket.on('message', (data, isBinary) => {
      if (reason !== null) return;
      try {
        receive(frameOf(data, isBinary));
      } catch (error) {
        const runs = relayVersion === null ? '' : ` (the relay runs homeward ${relayVersion})`;
        end(error instanceof Error ? `${error.message}${runs}` : 'unknown error');
      }
    });
    socket.on('error', (error) => {
      reason ??= networkReason(error);
    });
    socket.on('close', () => {
      cancelTimeout();
      heartbeat?.stop();
      signal.removeEventListener('abort', onAbort);
      if (live !== null) options.onClosed(reason ?? 'the relay closed the connection');
      else if (signal.aborted) reject(new RelayError('interrupted', 'interrupted'));
      else reject(new RelayError('unreachable', reason ?? CLOSED_EARLY));
    });
  });
}

/** A controller with another key cannot read our first message and hangs up; so does one that is full. */
const CLOSED_EARLY =
  'the relay closed the connection during the handshake: busy, or not the relay that made this token';

function openWebsocket(url: string): WebSocket {
  try {
    return new WebSocket(url, [SUBPROTOCOL], {
      // A compressed message can blow up memory, and ciphertext does not compress.
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: MAX_FRAME_BYTES,
      followRedirects: false,
    });
  } catch (error) {
    throw new RelayError('unreachable', 'not a URL that can be dialled', { cause: error });
  }
}

/** A relay of another major version of the wire says which one it speaks. */
function statusReason({ statusCode: status, headers }: IncomingMessage): string {
  const [own, theirs] = [majorVersion(SUBPROTOCOL), majorVersion(headers['sec-websocket-protocol'] ?? '')];
  if (status === 426 && own !== null && theirs !== null && own !== theirs) {
    return `the relay speaks version ${theirs} of homeward's protocol, this backend version ${own}: upgrade ${theirs > own ? 'this backend' : 'the relay'}`;
  }
  if (status === 426) return 'another version of homeward runs there (HTTP 426)';
  return `no homeward relay answers there (HTTP ${status ?? 'without a status'})`;
}

function majorVersion(subprotocol: string): number | null {
  const digits = /^homeward\.v(\d{1,4})$/.exec(subprotocol)?.[1];
  return digits === undefined ? null : Number(digits);
}
