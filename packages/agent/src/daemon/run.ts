/** The backend's daemon: applies the last good offers, then keeps a session with each relay. Traffic goes on without it. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { watchKernel } from '@homeward/shared/host/monitor';
import { openStore } from '@homeward/shared/host/store';
import { takeSnapshot } from '@homeward/shared/kernel/snapshot';
import { serveApi } from '@homeward/shared/local/api-server';
import { takeInstanceLock } from '@homeward/shared/local/instance-lock';
import type { Secret } from '@homeward/shared/net/secret';
import { keepReconciled } from '@homeward/shared/reconcile/keeper';
import { parseToken } from '@homeward/shared/session/token';
import type { Logger } from 'pino';
import { backendApi } from '../api/backend-api.js';
import { type Enrollment, enroll, firstState } from '../operations/enroll.js';
import { type Policy, readPolicy } from '../policy.js';
import { startEcho } from '../probe/echo.js';
import { pairedRelays, removeRelay } from '../store/relays.js';
import type { BackendState } from '../store/state.js';
import { BACKEND_OWNERSHIP, type BackendSide, createBackendKernel } from './backend-kernel.js';
import { createRelaySession, type RelaySession } from './relay-session.js';

export interface RunDeps {
  readonly side: BackendSide;
  readonly logger: Logger;
  readonly policyFile: string;
  readonly repair: boolean;
  /** Enrolls first with it, unless it is already paired with its relay. */
  readonly token: Secret | null;
  readonly enrollTimeoutMs: number;
  readonly path: string | undefined;
  readonly version: string;
}

/** What the daemon's commands work with. */
export interface Backend {
  readonly version: string;
  readonly repair: boolean;
  state(): BackendState;
  session(controllerKey: string): RelaySession | undefined;
  kernel: ReturnType<typeof createBackendKernel>;
  enroll(token: Secret, timeoutMs: number, signal: AbortSignal): Promise<Enrollment>;
  /** Ends a pairing from here; true when the relay was told. */
  leave(controllerKey: string): Promise<boolean>;
  snapshot(): ReturnType<typeof takeSnapshot>;
}

/** How long leaving waits for the relay to hear it. */
const LEAVE_LIMIT_MS = 3_000;

/** Runs until the signal aborts or `down` was asked for. Throws `bad-input` when there is neither a pairing nor a token. */
export async function run(deps: RunDeps, signal: AbortSignal): Promise<void> {
  const { side, logger, version } = deps;
  const { runner } = side;
  const lock = await takeInstanceLock('agent');
  const stopper = new AbortController();
  const ended = AbortSignal.any([signal, stopper.signal]);
  const store = await openStore(side.stateFile, async () => firstState());
  refuseIdleStart(store.state(), deps.token);
  // Read once at the start, so that a broken policy is told at once and not at the first offer.
  await readPolicy(deps.policyFile);
  const echo = await startEcho(store.state().echoPort);
  await store.update((state) => ({
    state: state.echoPort === echo.port ? state : { ...state, echoPort: echo.port },
    result: null,
  }));
  const policy = (): Promise<Policy> => readPolicy(deps.policyFile);
  const kernel = createBackendKernel({
    runner,
    ledger: await side.openLedger(),
    logger,
    repair: deps.repair,
    state: store.state,
    policy,
    echoPort: () => echo.port,
  });
  const sessions = new Map<string, { session: RelaySession; stop: AbortController; done: Promise<void> }>();

  async function reconcile(): Promise<void> {
    const { changed, drift } = await kernel.reconcile();
    if (changed.length > 0)
      logger.info({ changed: changed.slice(0, 20), count: changed.length }, 'kernel brought up to date');
    if (drift.length > 0) tellDrift(drift);
  }

  let toldDrift = '';
  function tellDrift(drift: readonly string[]): void {
    if (drift.join() === toldDrift) return;
    toldDrift = drift.join();
    logger.warn({ drift }, 'the kernel is not as it should be, and repair is off');
    const lines = drift.slice(0, 64).map((line) => line.slice(0, 500));
    for (const { session } of sessions.values()) {
      session.link.send({ type: 'report', lastHandshakeSeconds: null, drift: lines });
    }
  }

  function startSession(controllerKey: string): void {
    const session = createRelaySession(controllerKey, {
      store,
      runner,
      kernel,
      logger,
      echoPort: echo.port,
      version,
      policy,
      reconcile,
    });
    const stop = new AbortController();
    const done = session
      .run(AbortSignal.any([ended, stop.signal]))
      .catch((error: unknown) => logger.error({ err: error }, 'a relay session ended'));
    sessions.set(controllerKey, { session, stop, done });
  }

  const snapshot = () => takeSnapshot(runner, [], BACKEND_OWNERSHIP.isLink);
  const backend: Backend = {
    version,
    repair: deps.repair,
    state: store.state,
    session: (controllerKey) => sessions.get(controllerKey)?.session,
    kernel,
    snapshot,
    async enroll(token, timeoutMs, callerSignal) {
      const enrollment = await enroll(
        store,
        token,
        timeoutMs,
        await snapshot(),
        AbortSignal.any([ended, callerSignal]),
      );
      logger.info({ relay: enrollment.url, name: enrollment.name, fingerprint: enrollment.fingerprint }, 'enrolled');
      startSession(enrollment.controllerKey);
      return enrollment;
    },
    async leave(controllerKey) {
      const running = sessions.get(controllerKey);
      const told = running?.session.state() === 'online';
      if (running !== undefined && told) {
        running.session.link.send({ type: 'leave' });
        await untilOffline(running.session, AbortSignal.timeout(LEAVE_LIMIT_MS));
      }
      running?.stop.abort();
      await running?.done;
      sessions.delete(controllerKey);
      await store.update((state) => ({ state: removeRelay(state, controllerKey), result: null }));
      await reconcile();
      return told;
    },
  };

  if (pairedRelays(store.state()).length > 0) {
    // The last good state before the network is reached; a failure here must not keep the daemon from its relays.
    await reconcile().catch((error: unknown) =>
      logger.error({ err: error }, 'the last good state could not be applied; trying again'),
    );
  }
  const api = await serveApi(
    side.socketPath,
    backendApi(backend, runner, () => stopper.abort()),
  );
  try {
    for (const relay of pairedRelays(store.state())) startSession(relay.controllerKey);
    if (deps.token !== null && needsEnrollment(store.state(), deps.token)) {
      await backend.enroll(deps.token, deps.enrollTimeoutMs, ended);
    }
    logger.info(
      { relays: pairedRelays(store.state()).map((relay) => relay.urls[0]), repair: deps.repair },
      'agent is running',
    );
    await keepReconciled({ reconcile, logger, watch: (onChange) => watchKernel(onChange, deps.path, ended) }, ended);
  } finally {
    stopper.abort();
    await Promise.all([...sessions.values()].map(({ done }) => done));
    await api.close();
    await echo.close();
    await lock.release();
  }
}

function refuseIdleStart(state: BackendState, token: Secret | null): void {
  if (pairedRelays(state).length > 0 || (token !== null && needsEnrollment(state, token))) return;
  const revoked = state.relays.find((relay) => relay.revoked);
  const why =
    revoked === undefined
      ? 'this backend is paired with no relay'
      : `the relay ${revoked.urls[0] ?? ''} has ended its pairing with this backend`;
  throw new RelayError('bad-input', `${why}, and no unused token was given`, {
    hint: 'at the relay run: controller pair NAME; then here: agent enroll',
  });
}

/** A token that was used before does not bring a revoked backend back. */
function needsEnrollment(state: BackendState, tokenText: Secret): boolean {
  const token = parseToken(tokenText.reveal());
  return !state.relays.some(
    (relay) => relay.controllerKey === token.controllerKey && (!relay.revoked || relay.tokenId === token.id),
  );
}

/** Resolves when the session is gone, or the limit is reached. */
function untilOffline(session: RelaySession, limit: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (session.link.endpoint() !== null && !limit.aborted) return;
      clearInterval(timer);
      resolve();
    }, 20);
  });
}
