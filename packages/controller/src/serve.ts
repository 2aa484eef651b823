/** The relay's daemon: starts everything in order, serves until told to stop. Traffic goes on without it. */

import type { AuditLog } from '@homeward/shared/audit/audit-log';
import { auditedStore } from '@homeward/shared/audit/audited-store';
import { createGuardStarter, type GuardProgram } from '@homeward/shared/confirm/start-guard';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { watchKernel } from '@homeward/shared/host/monitor';
import { keepHeapSmall } from '@homeward/shared/host/small-heap';
import { openStore } from '@homeward/shared/host/store';
import { createSysctlFiles } from '@homeward/shared/host/sysctl';
import { availableFamilies } from '@homeward/shared/kernel/families';
import { createProbeTracer } from '@homeward/shared/kernel/probe-trace';
import { NO_TABLES, takeSnapshot } from '@homeward/shared/kernel/snapshot';
import { listListeners } from '@homeward/shared/kernel/sockets';
import { serveApi } from '@homeward/shared/local/api-server';
import { callerOf } from '@homeward/shared/local/caller';
import { takeLocks } from '@homeward/shared/local/instance-lock';
import { RELAY_LINK, RELAY_TABLE } from '@homeward/shared/net/allocation';
import { Secret } from '@homeward/shared/net/secret';
import { createUpkeep, type KeepOptions, type Upkeep } from '@homeward/shared/reconcile/upkeep';
import { createNotifier, type NotifyTarget } from '@homeward/shared/service/notifier';
import { keyPairFromSecret } from '@homeward/shared/session/keys';
import { tunnelText } from '@homeward/shared/tunnel/tunnel-spec';
import type { Logger } from 'pino';
import { relayApi } from './api/relay-api.js';
import type { Settings } from './config.js';
import { createRefusals, openAudit } from './daemon/audit.js';
import { createAuthority } from './daemon/authority.js';
import { createBackends } from './daemon/backends.js';
import { createChanges } from './daemon/changes.js';
import { firstState } from './daemon/first-state.js';
import { createFouMappings } from './daemon/fou-mappings.js';
import { createMachine } from './daemon/machine.js';
import { createRelayKernel, RELAY_OWNERSHIP, type RelaySide } from './daemon/relay-kernel.js';
import { settle } from './daemon/settle.js';
import { pairingTunnel } from './desired/pairing-tunnel.js';
import { keptPorts, type OwnDoor } from './desired/whole-host.js';
import type { Relay } from './operations/relay.js';
import { summary } from './operations/status.js';
import { createSyntheticClient } from './probe/probe-namespace.js';
import { createProber } from './probe/prober.js';
import { type AgentServer, createAgentServer } from './server/agent-server.js';
import { tunnelPorts } from './store/pairings.js';
import { stateChanges } from './store/state-changes.js';
import { isUnsettled, withChangesSettled } from './store/tunnel-changes.js';

export interface ServeDeps {
  readonly side: RelaySide;
  readonly settings: Settings;
  readonly logger: Logger;
  /** argv of this program's hidden synthetic client. */
  readonly clientProgram: readonly string[];
  /** What starts the guard of a change of tunnels. */
  readonly guardProgram: GuardProgram;
  readonly path: string | undefined;
  readonly version: string;
  /** The service manager that waits to hear how the daemon is, or null. */
  readonly notifyTarget: NotifyTarget | null;
}

/** Serves until the signal aborts or `down` was asked for. */
export async function serve(deps: ServeDeps, signal: AbortSignal): Promise<void> {
  const { settings } = deps;
  keepHeapSmall();
  const lock = await takeLocks('controller', deps.side);
  const audit = openAudit(deps.side.auditPath, deps.logger);
  try {
    const relay = await buildRelay(deps, audit);
    // First of all, so that a port that is taken ends the start before anything is changed.
    await listen(relay.server, settings.listen);
    audit.record({ event: 'started', details: { version: deps.version } });
    try {
      const failure = await firstReconcile(relay);
      // The kernel is as before a change that was cut off: there is nothing left to guard.
      await relay.store.update((state) => ({ state: withChangesSettled(state, null), result: null }));
      await serveCommands(deps, relay, audit, failure, signal);
    } finally {
      await relay.server.close();
      audit.record({ event: 'stopped', details: {} });
    }
  } finally {
    await audit.close();
    await lock.release();
  }
}

/** `failure` is what setting up the kernel has failed by so far, or null. */
async function serveCommands(
  deps: ServeDeps,
  relay: Relay,
  audit: AuditLog,
  failure: string | null,
  signal: AbortSignal,
): Promise<void> {
  const { side, settings, logger } = deps;
  const stopper = new AbortController();
  const ended = AbortSignal.any([signal, stopper.signal]);
  const api = await serveApi(
    side.socketPath,
    relayApi(relay, audit, () => stopper.abort()),
    (socket) => callerOf(socket, side.runner),
  );
  const notifier = createNotifier({
    ...{ target: deps.notifyTarget, runner: side.runner, logger },
    status: () => summary(relay),
  });
  try {
    logger.info({ listen: settings.listen, repair: settings.repair }, 'controller is serving');
    notifier.round(failure);
    const watch: KeepOptions['watch'] = (events) =>
      watchKernel({ ...events, tables: [RELAY_TABLE] }, side.runner, deps.path, ended);
    const following = relay.mappings.follow(ended);
    await relay.upkeep.keep({ watch, onRound: notifier.round, afterWhole: async () => undefined }, ended);
    await following;
  } finally {
    stopper.abort();
    await notifier.stopping();
    await api.close();
  }
}

async function buildRelay(deps: ServeDeps, audit: AuditLog): Promise<Relay> {
  const { side, settings, logger, clientProgram, guardProgram, path, version } = deps;
  const { runner } = side;
  const [snapshot, listeners, families] = await Promise.all([
    takeSnapshot(runner, NO_TABLES, RELAY_OWNERSHIP.isLink),
    listListeners(runner),
    availableFamilies(createSysctlFiles()),
  ]);
  const stored = await openStore(side.stateFile, async () => firstState(settings, snapshot, listeners));
  for (const { name, fallback } of stored.state().pairings.filter(isUnsettled)) {
    logger.warn({ backend: name, to: tunnelText(fallback.tunnel) }, 'a change of the tunnel was cut off; it is undone');
  }
  const store = auditedStore(stored, audit, stateChanges);
  const agents = audit.by({ actor: 'agent' });
  await settle(store, settings, snapshot, listeners);
  const machine = createMachine(runner, settings, families, snapshot);
  const changes = createChanges();
  let doors: readonly OwnDoor[] = [];
  const kernel = createRelayKernel({
    runner,
    ledger: await side.openLedger(),
    logger,
    repair: settings.repair,
    state: store.state,
    listen: settings.listen,
    onLook: machine.sees,
    onDoors: (seen) => {
      doors = seen;
    },
  });
  const upkeep: Upkeep = createUpkeep({
    ...{ kernel, logger },
    onOutcome({ changed }) {
      if (changed.some((line) => line.startsWith(`+ link ${RELAY_LINK} `))) backends.renewTunnels();
      backends.review();
    },
  });
  const { reconcile } = upkeep;
  const { tunnelFacts, isBehind } = machine;
  const backends = createBackends({
    ...{ changes, logger, tunnelFacts, isBehind, reconcile },
    audit: agents,
    store: auditedStore(stored, agents, stateChanges),
  });
  const server = createAgentServer({
    identity: keyPairFromSecret(new Secret(store.state().identity.secretKey)),
    authority: createAuthority(
      auditedStore(stored, agents, stateChanges),
      changes,
      audit.by({ actor: 'stranger' }),
      logger,
    ),
    refusals: createRefusals(audit, store),
    welcome: (name, capabilities) => ({
      type: 'welcome',
      name,
      urls: [...machine.endpoints()],
      ...(capabilities.includes('versions') ? { version } : {}),
    }),
    onSession: backends.attach,
    knownAddresses: store.state().pairings.flatMap(({ outer }) => (outer === null ? [] : [outer.remote])),
    logger,
  });
  const prober = createProber({
    client: createSyntheticClient(runner, families, clientProgram, path),
    uplinkAddress: machine.uplinkAddress,
    ownAddresses: machine.addresses,
    relayTunnelAddresses: (pairing) => pairingTunnel(store.state(), pairing, machine.tunnelFacts()).relay,
    kept: () => keptPorts(doors),
    relayDrift: upkeep.drift,
    traceProbes: createProbeTracer(runner, RELAY_TABLE, path),
    logger,
  });
  const mappings = createFouMappings({ store, runner, logger, reconcile });
  const relay: Relay = {
    ...{ mappings, store, runner, kernel, upkeep, machine, server, backends, changes, logger, version, reconcile },
    repair: settings.repair,
    startGuard: createGuardStarter(guardProgram, runner),
    probe: prober.probe,
    async ports() {
      const ownPorts = tunnelPorts(store.state());
      return {
        listeners: await machine.foreignListeners(ownPorts),
        controlPort: settings.listen.port,
        tunnelPorts: ownPorts,
      };
    },
    now: () => new Date(),
    auditProblem: audit.problem,
    actingFor: (who) => ({ ...relay, store: auditedStore(stored, who, stateChanges) }),
  };
  return relay;
}

/** A kernel without IPv6 has no wildcard of both families. */
async function listen(server: AgentServer, { host, port }: Settings['listen']): Promise<void> {
  try {
    await server.listen(host, port);
  } catch (error) {
    const cause = error instanceof RelayError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (host !== '::' || cause?.code !== 'EAFNOSUPPORT') throw error;
    await server.listen('0.0.0.0', port);
  }
}

/** What the machine lacks ends the start; what may pass (a lock held by somebody, a link that is busy) is given, and tried again. */
async function firstReconcile({ reconcile, logger }: Relay): Promise<string | null> {
  try {
    await reconcile();
    return null;
  } catch (error) {
    if (!(error instanceof RelayError) || error.code !== 'command-failed') throw error;
    logger.error({ err: error }, 'the kernel could not be set up; trying again');
    return error.message;
  }
}
