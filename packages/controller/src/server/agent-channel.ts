/** The responder's end of one websocket: handshake, decryption, size limits; gives checked messages or closes. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { decodeMessage, MAX_MESSAGE_BYTES } from '@homeward/shared/protocol/codec';
import { type AgentMessage, type ControllerMessage, parseAgentMessage } from '@homeward/shared/protocol/messages';
import type { KeyPair } from '@homeward/shared/session/keys';
import { createResponder, FIRST_MESSAGE_BYTES } from '@homeward/shared/session/noise';
import { createTransport, MAX_FIRST_FRAME_BYTES, type Transport } from '@homeward/shared/session/transport';
import { closeGently, frameOf, ignoreSendError, sendSealed } from '@homeward/shared/session/wire';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';

export interface AgentChannel {
  send(message: ControllerMessage): void;
  /** Closes once; `onClosed` runs at once. */
  close(reason: string): void;
  /** The peer enrolled: it may send long messages from now on. */
  trust(): void;
  /** Runs an action of ours; what it throws is logged and closes the channel. */
  guard(action: () => void): void;
}

export interface AgentChannelDeps {
  readonly socket: WebSocket;
  readonly identity: KeyPair;
  /** Asked before the arithmetic of a handshake. */
  mayHandshake(): boolean;
  /** Asked at the peer's first valid transport message, which is the first proof that it owns its key. */
  isKnown(agentKey: string): boolean;
  /** Once, when the peer has proven a known key or has enrolled. */
  onTrusted(): void;
  onMessage(message: AgentMessage, agentKey: string): void;
  onClosed(reason: string): void;
  /** The peer misbehaved before it was trusted. */
  onRefused(reason: string): void;
  readonly logger: Logger;
}

export function createAgentChannel(deps: AgentChannelDeps): AgentChannel {
  const { socket, logger } = deps;
  let peer: { readonly transport: Transport; readonly agentKey: string } | null = null;
  let proven = false;
  let trusted = false;
  let closed = false;

  function answerHandshake(frame: Uint8Array): void {
    if (frame.length !== FIRST_MESSAGE_BYTES) {
      throw new RelayError('protocol', 'the peer sent a handshake of the wrong length');
    }
    if (!deps.mayHandshake()) throw new RelayError('protocol', 'too many handshakes');
    const responder = createResponder({ identity: deps.identity });
    const { remoteKey } = responder.read(frame);
    const { message, session } = responder.write();
    peer = { transport: createTransport(session), agentKey: remoteKey };
    socket.send(message, ignoreSendError);
  }

  function trust(): void {
    if (trusted) return;
    trusted = true;
    deps.onTrusted();
  }

  function receive(frame: Uint8Array): void {
    if (!trusted && frame.length > MAX_FIRST_FRAME_BYTES) {
      throw new RelayError('protocol', 'the peer sent too long a message before it was authenticated');
    }
    if (peer === null) {
      answerHandshake(frame);
      return;
    }
    const bytes = peer.transport.open(frame, trusted ? MAX_MESSAGE_BYTES : MAX_FIRST_FRAME_BYTES);
    if (!proven) {
      proven = true;
      if (deps.isKnown(peer.agentKey)) trust();
    }
    if (bytes !== null) deps.onMessage(parseAgentMessage(decodeMessage(bytes)), peer.agentKey);
  }

  function close(reason: string): void {
    if (closed) return;
    closed = true;
    logger.debug({ reason }, 'agent connection closed');
    closeGently(socket);
    deps.onClosed(reason);
  }

  function guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      // A stranger's misbehaviour is everyday and must not fill the log; an agent's, or a fault of ours, is worth a line.
      const everyday = error instanceof RelayError && error.code === 'protocol' && !trusted;
      if (!everyday) logger.error({ err: error }, 'the connection of an agent failed');
      if (everyday && !closed) deps.onRefused(error.message);
      close(error instanceof Error ? error.message : 'unknown error');
    }
  }

  socket.on('message', (data, isBinary) => {
    if (!closed) guard(() => receive(frameOf(data, isBinary)));
  });
  socket.on('error', () => close('the websocket failed'));
  socket.on('close', () => guard(() => close('the peer closed')));

  return {
    send(message) {
      if (!closed && peer !== null) sendSealed(socket, peer.transport, message);
    },
    close,
    trust,
    guard,
  };
}
