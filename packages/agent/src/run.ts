/** The backend's daemon: applies the last good offers, then keeps a session with each relay. Traffic goes on without it. */

import type { Audit, AuditLog } from '@homeward/shared/audit/audit-log';
import { auditedStore } from '@homeward/shared/audit/audited-store';
import { createGuardStarter, type GuardProgram } from '@homeward/shared/confirm/start-guard';
import { watchKernel } from '@homeward/shared/host/monitor';
import { keepHeapSmall } from '@homeward/shared/host/small-heap';
import { openStore, type Store } from '@homeward/shared/host/store';
import { createProbeTracer } from '@homeward/shared/kernel/probe-trace';
import { askWays } from '@homeward/shared/kernel/route-get';
import { NO_TABLES, takeSnapshot } from '@homeward/shared/kernel/snapshot';
import { serveApi } from '@homeward/shared/local/api-server';
import { callerOf } from '@homeward/shared/local/caller';
import { takeLocks } from '@homeward/shared/local/instance-lock';
import { BACKEND_TABLE } from '@homeward/shared/net/allocation';
import type { Secret } from '@homeward/shared/net/secret';
import { createUpkeep, type KeepOptions, type Upkeep } from '@homeward/shared/reconcile/upkeep';
import { createNotifier, type NotifyTarget } from '@homeward/shared/service/notifier';
import type { Logger } from 'pino';
import { backendApi } from './api/backend-api.js';
import { openAudit, watchedPolicy } from './daemon/audit.js';
import { BACKEND_OWNERSHIP, type BackendSide, createBackendKernel } from './daemon/backend-kernel.js';
import { createForwardReader } from './daemon/forward-reader.js';
import { createForwardSorter } from './daemon/forward-sorter.js';
import { createLastLook } from './daemon/last-look.js';
import { createSessions, type Sessions } from './daemon/sessions.js';
import { needsEnrollment, refuseIdleStart } from './daemon/start-check.js';
import { createTunnelRenewal } from './daemon/tunnel-renewal.js';
import { createWaysOut } from './daemon/ways-out.js';
import { addressesOf } from './link/addresses.js';
import { keepAllMapped } from './link/keepalive.js';
import type { Backend } from './operations/backend.js';
import { lookAtClaims } from './operations/claims.js';
import { enroll, firstState } from './operations/enroll.js';
import { summary } from './operations/status.js';
import { readPolicy } from './policy.js';
import { type Echo, startEcho } from './probe/echo.js';
import { formerOffer, withOffersBack, withOffersSettled } from './store/offer-changes.js';
import { pairedRelays, removeRelay, withDevice, withTrials } from './store/relays.js';
import type { AcceptedOffer, BackendState, OwnersDevice } from './store/state.js';
import { stateChanges } from './store/state-changes.js';

export interface RunDeps {
  readonly side: BackendSide;
  readonly logger: Logger;
  readonly policyFile: string;
  readonly repair: boolean;
  /** Enrolls first with it, unless it is already paired with its relay. */
  readonly token: Secret | null;
  readonly enrollTimeoutMs: number;
  /** The device of an external tunnel, for a relay that is enrolled with the token. */
  readonly device: OwnersDevice | null;
  /** What starts the guard of an offer that has to be confirmed. */
  readonly guardProgram: GuardProgram;
  readonly path: string | undefined;
  readonly version: string;
  /** The service manager that waits to hear how the daemon is, or null. */
  readonly notifyTarget: NotifyTarget | null;
}

/** Runs until the signal aborts or `down` was asked for. Throws `bad-input` when there is neither a pairing nor a token. */
export async function run(deps: RunDeps, signal: AbortSignal): Promise<void> {
  const { side, token } = deps;
  keepHeapSmall();
  const lock = await takeLocks('agent', side);
  const audit = openAudit(side.auditPath, deps.logger);
  try {
    const store = await openStore(side.stateFile, async () => firstState());
    refuseIdleStart(store.state(), token);
    await undoUnconfirmed(store, deps.logger);
    // Read at the start, so that a broken policy is told at once and not at the first offer.
    await readPolicy(deps.policyFile);
    const echo = await startEcho(store.state().echoPort);
    try {
      await keepEchoPort(store, echo);
      audit.record({ event: 'started', details: { version: deps.version } });
      await runWithEcho(deps, store, echo, audit, signal);
    } finally {
      audit.record({ event: 'stopped', details: {} });
      await echo.close();
    }
  } finally {
    await audit.close();
    await lock.release();
  }
}

async function runWithEcho(
  deps: RunDeps,
  store: Store<BackendState>,
  echo: Echo,
  audit: AuditLog,
  signal: AbortSignal,
): Promise<void> {
  const { side, logger, token } = deps;
  const stopper = new AbortController();
  const ended = AbortSignal.any([signal, stopper.signal]);
  const { backend, sessions, afterWhole } = await buildBackend(deps, store, echo, audit, ended);
  const failure = await lastGoodState(store, backend.upkeep.reconcile, logger);
  // The kernel is as before an offer that nobody confirmed: there is nothing left to guard.
  await store.update((state) => ({ state: withOffersSettled(state, null), result: null }));
  const api = await serveApi(
    side.socketPath,
    backendApi(backend, side.runner, audit, () => stopper.abort()),
    (socket) => callerOf(socket, side.runner),
  );
  const notifier = createNotifier({
    ...{ target: deps.notifyTarget, runner: side.runner, logger },
    status: () => summary(backend),
  });
  try {
    for (const relay of pairedRelays(store.state())) sessions.start(relay.controllerKey);
    if (token !== null && needsEnrollment(store.state(), token)) {
      const enrolling = backend.enroll(token, deps.enrollTimeoutMs, deps.device, audit, ended);
      // Without a pairing there is nothing else to do; with one, its relay must not wait for another's.
      if (pairedRelays(store.state()).length === 0) await enrolling;
      else enrolling.catch((error: unknown) => logger.error({ err: error }, 'enrolling with the given token failed'));
    }
    const relays = pairedRelays(store.state()).map((relay) => relay.urls[0]);
    logger.info({ relays, repair: deps.repair }, 'agent is running');
    notifier.round(failure);
    const watch: KeepOptions['watch'] = (events) =>
      watchKernel({ ...events, tables: [BACKEND_TABLE] }, side.runner, deps.path, ended);
    const tunnels = () => pairedRelays(store.state()).flatMap(({ accepted }) => accepted?.offer.tunnel ?? []);
    const keeping = keepAllMapped(tunnels, ended);
    await backend.upkeep.keep({ watch, onRound: notifier.round, afterWhole }, ended);
    await keeping;
  } finally {
    stopper.abort();
    await notifier.stopping();
    await sessions.ended();
    await api.close();
  }
}

async function buildBackend(
  deps: RunDeps,
  store: Store<BackendState>,
  echo: Echo,
  audit: AuditLog,
  ended: AbortSignal,
): Promise<{ backend: Backend; sessions: Sessions; afterWhole: () => Promise<void> }> {
  const { side, logger, version, repair } = deps;
  const { runner } = side;
  const policy = watchedPolicy(() => readPolicy(deps.policyFile), audit);
  const relays = audit.by({ actor: 'relay' });
  const storeOf = (who: Audit) => auditedStore(store, who, stateChanges);
  const knownSshPorts = new Set<number>();
  const readForwards = createForwardReader();
  const sortForwards = createForwardSorter();
  const looks = createLastLook(() => kernel.plan());
  const trials = new Map<string, AcceptedOffer>();
  const kernel = createBackendKernel({
    ...{ runner, logger, repair, policy, knownSshPorts, readForwards, sortForwards },
    onLook: looks.take,
    ledger: await side.openLedger(),
    state: () => withTrials(store.state(), trials),
    echoPort: () => echo.port,
  });
  const upkeep: Upkeep = createUpkeep({
    ...{ kernel, logger },
    onOutcome: ({ drift }, isDriftNews) => {
      if (isDriftNews) sessions.reportDrift(drift);
    },
  });
  const { reconcile } = upkeep;
  const sessions = createSessions(
    {
      store: storeOf(relays),
      audit: relays,
      runner,
      kernel,
      logger,
      echoPort: echo.port,
      version,
      policy,
      reconcile,
      trials,
      knownSshPorts,
      readForwards,
      sortForwards,
      lastLook: looks.get,
      traceProbes: createProbeTracer(runner, BACKEND_TABLE, deps.path),
      startGuard: createGuardStarter(deps.guardProgram, runner),
      beginTunnelAnew: (relay) => renewal.beginAnew(relay),
    },
    logger,
    ended,
  );
  const spokenTo = (controllerKey: string) => sessions.find(controllerKey)?.link.endpoint()?.host ?? null;
  const renewSession = (controllerKey: string) => sessions.find(controllerKey)?.link.renew();
  const renewal = createTunnelRenewal({
    ...{ store, logger, reconcile },
    renewWireguard: kernel.renewWireguard,
    steadyMs: () => performance.now(),
    spokenTo,
    resolve: addressesOf,
  });
  const ways = createWaysOut({
    ...{ store, logger, spokenTo, renewSession },
    ask: (destinations) => askWays(runner, destinations),
    beginTunnelAnew: renewal.beginAnew,
  });
  const snapshot = () => takeSnapshot(runner, NO_TABLES, BACKEND_OWNERSHIP.isLink);
  const backend: Backend = {
    ...{ version, repair, kernel, upkeep, snapshot },
    state: store.state,
    session: sessions.find,
    auditProblem: audit.problem,
    async enroll(token, timeoutMs, device, caller, callerSignal) {
      const either = AbortSignal.any([ended, callerSignal]);
      const enrollment = await enroll(store, token, timeoutMs, await lookAtClaims(runner), device, caller, either);
      const { url, name, fingerprint, controllerKey } = enrollment;
      logger.info({ relay: url, name, fingerprint }, 'enrolled');
      sessions.start(controllerKey);
      return enrollment;
    },
    async useDevice(controllerKey, device, caller) {
      await storeOf(caller).update((state) => ({ state: withDevice(state, controllerKey, device), result: null }));
      await reconcile();
      renewSession(controllerKey);
    },
    async undoUnconfirmed() {
      await undoUnconfirmed(store, logger);
      await store.update((state) => ({ state: withOffersSettled(state, null), result: null }));
    },
    async leave(controllerKey, caller) {
      const told = await sessions.leave(controllerKey);
      await storeOf(caller).update((state) => ({ state: removeRelay(state, controllerKey), result: null }));
      await reconcile();
      return told;
    },
  };
  const afterWhole = async () => {
    await sessions.review();
    const { snapshot: seen } = await looks.get();
    await ways.review(seen);
    await renewal.review(seen);
  };
  return { backend, sessions, afterWhole };
}

/** What waits to be confirmed is gone back from; its guard stands until the kernel is as before. */
async function undoUnconfirmed(store: Store<BackendState>, logger: Logger): Promise<void> {
  for (const { name } of store.state().relays.filter((relay) => formerOffer(relay) !== null)) {
    logger.warn({ relay: name }, 'an offer was cut off before the relay confirmed it; the one before is put back');
  }
  await store.update((state) => ({ state: withOffersBack(state, null), result: null }));
}

/** Before the network is reached; a failure here must not keep the daemon from its relays: it is given, and tried again. */
async function lastGoodState(
  store: Store<BackendState>,
  reconcile: Upkeep['reconcile'],
  logger: Logger,
): Promise<string | null> {
  if (pairedRelays(store.state()).length === 0) return null;
  try {
    await reconcile();
    return null;
  } catch (error) {
    logger.error({ err: error }, 'the last good state could not be applied; trying again');
    return (error as Error).message;
  }
}

/** The same port after a restart, so that a restart changes nothing in the kernel. */
async function keepEchoPort(store: Store<BackendState>, echo: Echo): Promise<void> {
  await store.update((state) => ({
    state: state.echoPort === echo.port ? state : { ...state, echoPort: echo.port },
    result: null,
  }));
}
