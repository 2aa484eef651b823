/** The websocket under a session: names, bounds and the three things both ends do with it. */

import { type RawData, WebSocket } from 'ws';
import { RelayError } from '../errors/relay-error.js';
import { encodeMessage } from '../protocol/codec.js';
import type { AgentMessage, ControllerMessage } from '../protocol/messages.js';
import type { Transport } from './transport.js';

/** Carries the wire's major version, so that a mismatch is a plain HTTP 426 and not a failed handshake. */
export const SUBPROTOCOL = 'homeward.v1';

/** A peer that does not read makes us keep what we send; eight whole messages is more than an honest one ever lags. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

/** How long a closing peer may take to answer the close frame; what was sent before it has left by then or never will. */
const CLOSE_GRACE_MS = 2000;

/** The bytes of a websocket message; throws `protocol` for text, which no homeward sends. */
export function frameOf(data: RawData, isBinary: boolean): Uint8Array {
  if (!isBinary) throw new RelayError('protocol', 'the peer sent text');
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

/** Sends one message; silent on a socket that is closing, throws `protocol` when the message is over 1 MiB. */
export function sendSealed(socket: WebSocket, transport: Transport, message: AgentMessage | ControllerMessage): void {
  const bytes = encodeMessage(message);
  if (socket.readyState !== WebSocket.OPEN) return;
  if (socket.bufferedAmount > MAX_BUFFERED_BYTES) {
    socket.terminate();
    return;
  }
  for (const frame of transport.seal(bytes)) socket.send(frame, ignoreSendError);
}

/** Pongs that may wait for a peer that does not read, bytes. */
const MAX_PONG_BYTES = 64 * 1024;

/**
 * Answers websocket pings, which a proxy between may send, on a socket that was made with `autoPong: false`: ws itself
 * keeps an answer for each ping of a peer that reads none. Not every ping needs its own answer (RFC 6455, 5.5.3).
 */
export function answerPings(socket: WebSocket): void {
  socket.on('ping', (data) => {
    if (socket.bufferedAmount < MAX_PONG_BYTES) socket.pong(data, undefined, ignoreSendError);
  });
}

/** A failed send is followed by the socket's close event, which is where it is dealt with. */
export function ignoreSendError(): void {}

/** Closes after what was sent so far, and cuts a peer that does not answer the close. */
export function closeGently(socket: WebSocket): void {
  if (socket.readyState === WebSocket.CLOSED) return;
  const timer = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
  socket.close();
}
