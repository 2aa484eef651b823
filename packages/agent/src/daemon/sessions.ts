/** The sessions with all relays of this backend: started, found, ended. */

import type { Logger } from 'pino';
import { createRelaySession, type RelaySession, type RelaySessionDeps } from './relay-session.js';

/** How long leaving waits for the relay to hear it, and how often it looks. */
const LEAVE_LIMIT_MS = 3_000;
const LEAVE_POLL_MS = 20;

export interface Sessions {
  start(controllerKey: string): void;
  find(controllerKey: string): RelaySession | undefined;
  /** Tells the relay that this backend leaves and ends the session; true when it was told. */
  leave(controllerKey: string): Promise<boolean>;
  /** Tells every relay what of its slot is not as it should be. */
  reportDrift(drift: readonly string[]): void;
  /** Lets every session look whether the owner's policy or device has changed. */
  review(): Promise<void>;
  /** Resolves when all sessions are over: after the signal. */
  ended(): Promise<void>;
}

interface Running {
  readonly session: RelaySession;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

export function createSessions(deps: RelaySessionDeps, logger: Logger, signal: AbortSignal): Sessions {
  const running = new Map<string, Running>();
  return {
    start(controllerKey) {
      const session = createRelaySession(controllerKey, deps);
      const stop = new AbortController();
      const done = session
        .run(AbortSignal.any([signal, stop.signal]))
        .catch((error: unknown) => logger.error({ err: error }, 'a relay session ended'));
      running.set(controllerKey, { session, stop, done });
    },
    find: (controllerKey) => running.get(controllerKey)?.session,
    async leave(controllerKey) {
      const found = running.get(controllerKey);
      if (found === undefined) return false;
      let told = false;
      if (found.session.state() === 'online') {
        found.session.link.send({ type: 'leave' });
        await untilOffline(found.session, AbortSignal.timeout(LEAVE_LIMIT_MS));
        told = found.session.link.endpoint() === null;
      }
      found.stop.abort();
      await found.done;
      running.delete(controllerKey);
      return told;
    },
    reportDrift(drift) {
      for (const { session } of running.values()) session.reportDrift(drift);
    },
    async review() {
      await Promise.all([...running.values()].map(({ session }) => session.review()));
    },
    async ended() {
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

/** The relay closes the session once it has heard. */
function untilOffline(session: RelaySession, limit: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (session.link.endpoint() !== null && !limit.aborted) return;
      clearInterval(timer);
      resolve();
    }, LEAVE_POLL_MS);
  });
}
