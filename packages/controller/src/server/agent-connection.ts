/**
 * One agent from its first valid message to a confirmed session: nothing has an effect before that message.
 *
 *     first ──hello (known key)──────────────────────────► online
 *       └──enroll──► enrolling ──welcome──► greeting ──hello──┘
 *
 * Everything else ends in a closed socket: `refused` after a bad token, `unpair` for a revoked key.
 */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { AgentMessage, Hello, MessageOf } from '@homeward/shared/protocol/messages';
import { afterTimeout, createHeartbeat, type Heartbeat } from '@homeward/shared/session/heartbeat';
import { fingerprint, type KeyPair } from '@homeward/shared/session/keys';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import { createAgentChannel } from './agent-channel.js';
import type { AgentSession, Authority, Refusals, Welcome } from './agent-session.js';
import type { Visitor } from './front.js';
import type { Limits } from './limits.js';

export interface AgentConnectionDeps {
  readonly socket: WebSocket;
  readonly visitor: Visitor;
  readonly identity: KeyPair;
  readonly authority: Authority;
  readonly limits: Limits;
  readonly logger: Logger;
  mayHandshake(): boolean;
  /** `capabilities` as the agent's hello lists them; none before it has said hello. */
  welcome(name: string, capabilities: readonly string[]): Welcome;
  /** False when the key is cloned; true after an older session of the key was closed. */
  claim(session: AgentSession): boolean;
  onSession(session: AgentSession): void;
  readonly refusals: Refusals;
}

type Phase = 'first' | 'enrolling' | 'greeting' | 'online';

/** Serves the websocket until it closes. */
export function serveAgent(deps: AgentConnectionDeps): void {
  const { visitor, authority, limits, logger, refusals } = deps;
  const remoteAddress = visitor.address;
  const closeHandlers: ((reason: string) => void)[] = [];
  let phase: Phase = 'first';
  let closed = false;
  let heartbeat: Heartbeat | null = null;
  let deliver: (message: AgentMessage) => void = () => {};

  const channel = createAgentChannel({
    socket: deps.socket,
    identity: deps.identity,
    mayHandshake: deps.mayHandshake,
    isKnown: (agentKey) => authority.lookup(agentKey).kind === 'known',
    onTrusted: visitor.trusted,
    onMessage(message, agentKey) {
      heartbeat?.received();
      if (phase === 'first') handleFirst(message, agentKey);
      else if (phase === 'greeting' && message.type === 'hello') handleHello(message, agentKey);
      else if (phase === 'online' && message.type !== 'hello' && message.type !== 'enroll') {
        if (message.type !== 'pong') deliver(message);
      } else throw new RelayError('protocol', `the agent sent "${message.type}" at the wrong time`);
    },
    onClosed(reason) {
      closed = true;
      heartbeat?.stop();
      for (const handler of closeHandlers) channel.guard(() => handler(reason));
    },
    onRefused: (reason) => refusals.stranger(remoteAddress, reason),
    logger,
  });

  function handleFirst(message: AgentMessage, agentKey: string): void {
    const standing = authority.lookup(agentKey);
    if (message.type === 'enroll') {
      phase = 'enrolling';
      visitor.hold();
      void handleEnroll(message, agentKey);
    } else if (standing.kind === 'revoked') {
      unpair(agentKey);
    } else if (message.type === 'hello' && standing.kind === 'known') {
      handleHello(message, agentKey);
    } else {
      throw new RelayError('protocol', `a ${standing.kind} agent began with "${message.type}"`);
    }
  }

  async function handleEnroll(message: MessageOf<AgentMessage, 'enroll'>, agentKey: string): Promise<void> {
    try {
      const secret = Buffer.from(message.secret, 'base64url');
      const result = await authority.enroll({ tokenId: message.tokenId, secret, agentKey, from: remoteAddress });
      if (!closed) channel.guard(() => answerEnroll(result, message.tokenId, agentKey));
    } catch (error) {
      // Not an answer about the token: the agent sees a closed connection and tries again.
      logger.error({ err: error }, 'enrolling failed');
      channel.close('enrolling failed');
    }
  }

  function answerEnroll(result: { readonly name: string } | null, tokenId: string, agentKey: string): void {
    if (result !== null) {
      phase = 'greeting';
      channel.trust();
      channel.send(deps.welcome(result.name, []));
      visitor.resume();
      return;
    }
    logger.warn({ tokenId, agent: fingerprint(agentKey) }, 'a token was refused');
    if (authority.lookup(agentKey).kind === 'revoked') unpair(agentKey);
    else {
      channel.send({ type: 'refused' });
      channel.close('refused');
    }
  }

  function unpair(agentKey: string): void {
    logger.info({ agent: fingerprint(agentKey) }, 'a revoked agent was told so');
    refusals.agent(remoteAddress, agentKey, 'its pairing was ended');
    channel.send({ type: 'unpair' });
    channel.close('revoked');
  }

  function handleHello(hello: Hello, agentKey: string): void {
    // Looked up anew: the key may have been revoked since it enrolled a moment ago.
    const standing = authority.lookup(agentKey);
    if (standing.kind !== 'known') {
      unpair(agentKey);
      return;
    }
    const session: AgentSession = {
      agentKey,
      name: standing.name,
      remoteAddress,
      localAddress: visitor.localAddress,
      hello,
      send: channel.send,
      close: channel.close,
      onMessage(handler) {
        deliver = handler;
      },
      onClose(handler) {
        closeHandlers.push(handler);
      },
    };
    if (!deps.claim(session)) {
      refusals.agent(remoteAddress, agentKey, 'two machines use its key');
      channel.send({ type: 'refused' });
      channel.close('cloned key');
      return;
    }
    phase = 'online';
    visitor.confirmed();
    heartbeat = createHeartbeat({
      ping: (id) => channel.send({ type: 'ping', id }),
      onDead: () => channel.close('the agent is silent'),
      after: afterTimeout,
      intervalMs: limits.pingIntervalMs,
      deadAfterMs: limits.deadAfterMs,
    });
    channel.send(deps.welcome(standing.name, hello.capabilities));
    deps.onSession(session);
  }
}
