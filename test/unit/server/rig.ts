/** A real agent server on loopback with an authority in memory, and a raw client that may misbehave. */

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentServer, createAgentServer } from '@homeward/controller/server/agent-server';
import type { AgentSession, Authority, EnrollRequest, Standing } from '@homeward/controller/server/agent-session';
import type { Limits } from '@homeward/controller/server/limits';
import { decodeMessage, encodeMessage } from '@homeward/shared/protocol/codec';
import {
  type AgentMessage,
  type ControllerMessage,
  type Hello,
  parseControllerMessage,
} from '@homeward/shared/protocol/messages';
import { generateKeyPair, type KeyPair } from '@homeward/shared/session/keys';
import { createInitiator, type NoiseSession } from '@homeward/shared/session/noise';
import { createTransport, type Transport } from '@homeward/shared/session/transport';
import { SUBPROTOCOL } from '@homeward/shared/session/wire';
import { pino } from 'pino';
import { WebSocket } from 'ws';

/** Polls until the condition holds; fails after `limitMs`. */
export async function eventually(what: string, condition: () => boolean, limitMs = 3000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`did not happen in ${limitMs} ms: ${what}`);
    await sleep(2);
  }
}

export interface Ticket {
  readonly tokenId: string;
  readonly secret: string;
}

/** An authority that awaits between looking and writing, so that races show. */
export class FakeAuthority implements Authority {
  readonly names = new Map<string, string>();
  readonly revoked = new Set<string>();
  readonly requests: EnrollRequest[] = [];
  mostAtOnce = 0;
  #running = 0;
  readonly #tokens = new Map<string, { secret: string; name: string; expired: boolean; usedBy: string | null }>();

  issue(name: string, expired = false): Ticket {
    const ticket = { tokenId: randomBytes(8).toString('base64url'), secret: randomBytes(32).toString('base64url') };
    this.#tokens.set(ticket.tokenId, { secret: ticket.secret, name, expired, usedBy: null });
    return ticket;
  }

  lookup(agentKey: string): Standing {
    const name = this.names.get(agentKey);
    if (name !== undefined) return { kind: 'known', name };
    return { kind: this.revoked.has(agentKey) ? 'revoked' : 'unknown' };
  }

  async enroll(request: EnrollRequest): Promise<{ name: string } | null> {
    this.requests.push(request);
    this.#running += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#running);
    const token = this.#tokens.get(request.tokenId);
    const free = token?.usedBy === null || token?.usedBy === request.agentKey;
    await sleep(5);
    this.#running -= 1;
    const right = token?.secret === Buffer.from(request.secret).toString('base64url');
    if (token === undefined || !right || token.expired || !free) return null;
    token.usedBy = request.agentKey;
    this.revoked.delete(request.agentKey);
    this.names.set(request.agentKey, token.name);
    return { name: token.name };
  }
}

export interface Rig {
  readonly server: AgentServer;
  readonly identity: KeyPair;
  readonly authority: FakeAuthority;
  readonly port: number;
  readonly url: string;
  /** In order of confirmation; closed ones stay. */
  readonly sessions: AgentSession[];
  readonly closed: AgentSession[];
  readonly received: AgentMessage[];
  /** What the audit log hears of those that do not come in. */
  readonly refused: string[];
  log(): string;
  close(): Promise<void>;
}

export interface RigOptions {
  readonly limits?: Partial<Limits>;
  readonly now?: () => number;
  readonly host?: string;
  readonly port?: number;
  readonly identity?: KeyPair;
  readonly authority?: FakeAuthority;
  /** Judges in the place of `authority`. */
  readonly judge?: Authority;
  readonly onSession?: (session: AgentSession) => void;
}

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const { host = '127.0.0.1', identity = generateKeyPair(), authority = new FakeAuthority() } = options;
  const lines: string[] = [];
  const sessions: AgentSession[] = [];
  const closed: AgentSession[] = [];
  const received: AgentMessage[] = [];
  const refused: string[] = [];
  const server = createAgentServer({
    identity,
    authority: options.judge ?? authority,
    welcome: (name) => ({ type: 'welcome', name, urls: ['ws://relay.example:7700'] }),
    refusals: {
      stranger: (address, reason) => refused.push(`a stranger from ${address}: ${reason}`),
      agent: (address, _, reason) => refused.push(`an agent from ${address}: ${reason}`),
    },
    onSession(session) {
      sessions.push(session);
      session.onMessage((message) => received.push(message));
      session.onClose(() => closed.push(session));
      options.onSession?.(session);
    },
    logger: pino({ level: 'debug' }, { write: (line: string) => lines.push(line) }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.now === undefined ? {} : { now: options.now }),
  });
  const { port } = await server.listen(host, options.port ?? 0);
  return {
    server,
    identity,
    authority,
    port,
    url: `ws://127.0.0.1:${port}`,
    sessions,
    closed,
    received,
    refused,
    log: () => lines.join(''),
    close: () => server.close(),
  };
}

export function helloOf(bootId = 'boot-a', extra: Partial<Hello> = {}): Hello {
  return {
    type: 'hello',
    version: '0.1.0',
    capabilities: ['wireguard'],
    bootId,
    prefixes: ['192.168.1.0/24'],
    wireguardPublicKey: generateKeyPair().publicKey,
    outerAddress: null,
    revision: 0,
    ...extra,
  };
}

export interface RawClient {
  readonly socket: WebSocket;
  readonly messages: ControllerMessage[];
  /** The bytes of our first handshake message, to be replayed. */
  readonly opening: Uint8Array;
  readonly transport: Transport;
  /** Under the transport: for frames that it would not make. */
  readonly session: NoiseSession;
  send(message: AgentMessage): void;
  sendRaw(value: unknown): void;
  next(type: ControllerMessage['type']): Promise<ControllerMessage>;
  closed(): Promise<void>;
}

/** An open websocket that has said nothing. */
export function openSocket(url: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [SUBPROTOCOL], { perMessageDeflate: false });
    socket.on('open', () => resolve(socket));
    socket.on('error', reject);
  });
}

export function closing(socket: WebSocket): Promise<void> {
  return eventually('the socket closes', () => socket.readyState === WebSocket.CLOSED);
}

/** Connects and does the handshake; rejects when the server closes before its answer. */
export async function connect(rig: Pick<Rig, 'url' | 'identity'>, identity: KeyPair): Promise<RawClient> {
  const socket = await openSocket(rig.url);
  const initiator = createInitiator({ identity, remoteKey: rig.identity.publicKey });
  const opening = initiator.write();
  const messages: ControllerMessage[] = [];
  const { transport, session } = await new Promise<Pick<RawClient, 'transport' | 'session'>>((resolve, reject) => {
    socket.once('close', () => reject(new Error('closed during the handshake')));
    socket.once('message', (data: Buffer) => {
      const { session } = initiator.read(data);
      const live = createTransport(session);
      socket.on('message', (frame: Buffer) => {
        const bytes = live.open(frame);
        if (bytes !== null) messages.push(parseControllerMessage(decodeMessage(bytes)));
      });
      resolve({ transport: live, session });
    });
    socket.send(opening);
  });
  const sendBytes = (bytes: Uint8Array): void => {
    for (const frame of transport.seal(bytes)) socket.send(frame);
  };
  return {
    socket,
    messages,
    opening,
    transport,
    session,
    send: (message) => sendBytes(encodeMessage(message)),
    sendRaw: (value) => sendBytes(Buffer.from(JSON.stringify(value))),
    async next(type) {
      await eventually(`a message "${type}"`, () => messages.some((message) => message.type === type));
      const index = messages.findIndex((message) => message.type === type);
      return messages.splice(index, 1)[0] as ControllerMessage;
    },
    closed: () => closing(socket),
  };
}

/** An agent that is paired already, with its session confirmed. */
export async function online(
  rig: Rig,
  identity: KeyPair,
  bootId = 'boot-a',
  extra: Partial<Hello> = {},
): Promise<RawClient> {
  const client = await connect(rig, identity);
  client.send(helloOf(bootId, extra));
  await client.next('welcome');
  return client;
}

/** A key the rig's authority knows. */
export function pairedKey(rig: Rig, name = 'home'): KeyPair {
  const identity = generateKeyPair();
  rig.authority.names.set(identity.publicKey, name);
  return identity;
}
