/** What the rest of the controller sees of agents: who may come in, and a session with one that did. */

import type { AgentMessage, ControllerMessage, Hello, MessageOf } from '@homeward/shared/protocol/messages';

export type Welcome = MessageOf<ControllerMessage, 'welcome'>;

/** What the store knows of an agent key. */
export type Standing =
  | { readonly kind: 'known'; readonly name: string }
  | { readonly kind: 'revoked' }
  | { readonly kind: 'unknown' };

export interface EnrollRequest {
  /** Base64url. */
  readonly tokenId: string;
  readonly secret: Uint8Array;
  /** Base64. */
  readonly agentKey: string;
  /** The agent's address, for the record. */
  readonly from: string;
}

export interface Authority {
  /** By public key, base64. */
  lookup(agentKey: string): Standing;
  /**
   * Burns the token, binds the key and creates the pairing in one durable write; idempotent for the same key. Null is
   * a refusal, the same for every reason. Never called twice at the same time.
   */
  enroll(request: EnrollRequest): Promise<{ readonly name: string } | null>;
}

/** What the audit log hears of those that do not come in. */
export interface Refusals {
  /** Of a connection that never proved a known key. */
  stranger(address: string, reason: string): void;
  /** Of a key that was known once, or is used by two machines. */
  agent(address: string, agentKey: string, reason: string): void;
}

/** The confirmed session of one agent. */
export interface AgentSession {
  /** Base64. */
  readonly agentKey: string;
  readonly name: string;
  readonly remoteAddress: string;
  /** This machine's address that the agent reached. */
  readonly localAddress: string;
  readonly hello: Hello;
  /** Silent when the session is closed; throws `protocol` for a message over 1 MiB. */
  send(message: ControllerMessage): void;
  /** Sends out what was said before; the handlers of `onClose` run at once. */
  close(reason: string): void;
  /** Messages but `pong`. To be called while `onSession` runs, or messages are lost. */
  onMessage(handler: (message: AgentMessage) => void): void;
  onClose(handler: (reason: string) => void): void;
}
