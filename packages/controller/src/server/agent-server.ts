/** The controller's websocket server for agents. */

import type { KeyPair } from '@homeward/shared/session/keys';
import type { Logger } from 'pino';
import { createAdmission } from './admission.js';
import { serveAgent } from './agent-connection.js';
import type { AgentSession, Authority, Refusals, Welcome } from './agent-session.js';
import { createCloneWatch } from './clone-watch.js';
import { createFront, type Front } from './front.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { createSessionRegistry } from './session-registry.js';

export interface AgentServerDeps {
  /** The static key that tokens pin. */
  readonly identity: KeyPair;
  readonly authority: Authority;
  /** What an agent of this name is told first: its name and what to dial next time. */
  readonly welcome: (name: string, capabilities: readonly string[]) => Welcome;
  /** A confirmed session; the older one of the same key, if any, is already closed and its handlers have run. */
  readonly onSession: (session: AgentSession) => void;
  readonly refusals: Refusals;
  readonly logger: Logger;
  readonly limits?: Partial<Limits>;
  /** Addresses of sessions before this start: a flood must not shut out who was here. */
  readonly knownAddresses?: readonly string[];
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

export interface AgentServer {
  /** `::` is dual stack; port 0 takes a free one. Rejects with `conflict`, `permission` or `bad-input`. */
  listen: Front['listen'];
  /** Closes every session and stops listening. */
  close(): Promise<void>;
  /** The live session of a key. */
  find(agentKey: string): AgentSession | undefined;
}

export function createAgentServer(deps: AgentServerDeps): AgentServer {
  const { identity, welcome, onSession, refusals, logger, now = () => performance.now() } = deps;
  const limits = { ...DEFAULT_LIMITS, ...deps.limits };
  const admission = createAdmission({ limits, now, known: deps.knownAddresses ?? [] });
  const registry = createSessionRegistry({ cloneWatch: createCloneWatch({ limits, now }), logger });
  const authority = enrollInTurn(deps.authority);
  const front = createFront({
    limits,
    admission,
    onRefused: refusals.stranger,
    onSocket: (socket, visitor) =>
      serveAgent({
        socket,
        visitor,
        identity,
        authority,
        limits,
        logger: logger.child({ from: visitor.address }),
        mayHandshake: () => admission.mayHandshake(visitor.address),
        welcome,
        claim: registry.claim,
        ...{ onSession, refusals },
      }),
  });
  return {
    listen: front.listen,
    close() {
      for (const session of registry.all()) session.close('the relay stops');
      return front.close();
    },
    find: registry.find,
  };
}

/** One enrollment at a time: of two that race for a token the second sees it burnt, whatever the store awaits. */
function enrollInTurn(authority: Authority): Authority {
  let last: Promise<unknown> = Promise.resolve();
  return {
    lookup: (agentKey) => authority.lookup(agentKey),
    enroll(request) {
      const turn = last.then(() => authority.enroll(request));
      last = turn.catch(() => undefined);
      return turn;
    },
  };
}
