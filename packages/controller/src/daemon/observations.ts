/** What backends saw, on request: each question has a number, and only the session that was asked can answer it. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { withTimeLimit } from '@homeward/shared/host/time-limit';
import { type Observed, TRACE, VISIT } from '@homeward/shared/protocol/messages';
import type { AgentSession } from '../server/agent-session.js';
import type { Changes } from './changes.js';

/** How long a backend may take to say what it observed: it looks at its whole kernel first, on a slow machine for seconds. */
const OBSERVE_TIMEOUT_MS = 20_000;

/** The ports at the backend that are probed, and those the synthetic client comes from. */
export interface Watch {
  readonly ports: readonly { readonly transport: 'tcp' | 'udp'; readonly port: number }[];
  readonly clientPorts: readonly number[];
  /** Whether it is to find out as well what became of those that failed, as far as it can. */
  readonly explain: boolean;
}

export interface Observations {
  /** Takes in an answer; one that nobody asked for is nobody's. */
  answered(session: AgentSession, observed: Observed): void;
  /** Asks the backend of that name; throws `unreachable` when its session ends (`isLive`) or it does not answer. */
  ask(
    session: AgentSession,
    name: string,
    action: 'start' | 'stop',
    watch: Watch,
    isLive: () => boolean,
    signal: AbortSignal,
  ): Promise<Observed>;
}

export function createObservations(changes: Changes): Observations {
  /** Answers that are waited for, by session and id: nobody answers for another, and nothing piles up. */
  const answers = new Map<AgentSession, Map<number, Observed | null>>();
  let lastId = 0;
  return {
    answered(session, observed) {
      if (answers.get(session)?.has(observed.id) === true) answers.get(session)?.set(observed.id, observed);
      changes.notify();
    },
    async ask(session, name, action, watch, isLive, signal) {
      lastId += 1;
      const id = lastId;
      const pending = answers.get(session) ?? new Map<number, Observed | null>();
      answers.set(session, pending.set(id, null));
      const { ports, clientPorts } = watch;
      const can = (capability: string) => watch.explain && session.hello.capabilities.includes(capability);
      session.send({
        ...{ type: 'observe', id, action, watch: [...ports], clientPorts: [...clientPorts] },
        ...(can(TRACE) ? { trace: true } : {}),
        ...(can(VISIT) ? { visit: true } : {}),
      });
      const limit = withTimeLimit(signal, OBSERVE_TIMEOUT_MS);
      try {
        return await changes.until(() => {
          if (!isLive()) throw offline(name);
          return pending.get(id) ?? null;
        }, limit);
      } catch (error) {
        if (signal.aborted || !(error instanceof RelayError) || error.code !== 'interrupted') throw error;
        throw new RelayError(
          'unreachable',
          `backend "${name}" did not say what it observed within ${OBSERVE_TIMEOUT_MS / 1000} s`,
        );
      } finally {
        pending.delete(id);
        if (pending.size === 0) answers.delete(session);
      }
    },
  };
}

/** Of a backend without a session. */
export function offline(name: string): RelayError {
  return new RelayError('unreachable', `backend "${name}" is offline`, { hint: 'look at it there: agent status' });
}
