/** The relay's daemon: starts everything in order, serves until told to stop. Traffic goes on without it. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { watchKernel } from '@homeward/shared/host/monitor';
import { openStore } from '@homeward/shared/host/store';
import { takeSnapshot } from '@homeward/shared/kernel/snapshot';
import { listListeners } from '@homeward/shared/kernel/sockets';
import { findUplink } from '@homeward/shared/kernel/uplink';
import { serveApi } from '@homeward/shared/local/api-server';
import { takeInstanceLock } from '@homeward/shared/local/instance-lock';
import { RELAY_LINK } from '@homeward/shared/net/allocation';
import { Secret } from '@homeward/shared/net/secret';
import { keepReconciled } from '@homeward/shared/reconcile/keeper';
import { keyPairFromSecret } from '@homeward/shared/session/keys';
import { implementationOf } from '@homeward/shared/tunnel/wireguard-link';
import type { Logger } from 'pino';
import { relayApi } from '../api/relay-api.js';
import type { Settings } from '../config.js';
import type { Relay } from '../operations/relay.js';
import { createSyntheticClient } from '../probe/probe-namespace.js';
import { createProber } from '../probe/prober.js';
import { createAgentServer } from '../server/agent-server.js';
import { relayTunnelAddress } from '../store/pairings.js';

import { enroll } from '../store/tokens.js';
import { createBackends } from './backends.js';
import { createChanges } from './changes.js';
import { chooseTunnelPort, firstState } from './first-state.js';
import { createRelayKernel, RELAY_OWNERSHIP, type RelaySide, tunnelMtu } from './relay-kernel.js';
import { readFigures } from './status.js';

export interface ServeDeps {
  readonly side: RelaySide;
  readonly settings: Settings;
  readonly logger: Logger;
  /** argv of this program's hidden synthetic client. */
  readonly clientProgram: readonly string[];
  readonly path: string | undefined;
  readonly version: string;
}

/** Serves until the signal aborts or `down` was asked for. */
export async function serve(deps: ServeDeps, signal: AbortSignal): Promise<void> {
  const { side, settings, logger, version } = deps;
  const { runner } = side;
  const lock = await takeInstanceLock('controller');
  const stopper = new AbortController();
  const ended = AbortSignal.any([signal, stopper.signal]);
  const look = () => takeSnapshot(runner, [], RELAY_OWNERSHIP.isLink);

  const store = await openStore(side.stateFile, async () =>
    firstState(settings, await look(), await listListeners(runner)),
  );
  await settleTunnelPort();
  const changes = createChanges();
  let mtu = tunnelMtu(await look());
  const kernel = createRelayKernel({
    runner,
    ledger: await side.openLedger(),
    logger,
    repair: settings.repair,
    state: store.state,
  });

  async function reconcile(): Promise<void> {
    const { changed, drift } = await kernel.reconcile();
    if (changed.length > 0)
      logger.info({ changed: changed.slice(0, 20), count: changed.length }, 'kernel brought up to date');
    if (drift.length > 0) logger.warn({ drift }, 'the kernel is not as it should be, and repair is off');
  }

  async function uplinkAddress() {
    const uplink = findUplink(await look(), RELAY_OWNERSHIP.isLink);
    if (uplink !== null) return uplink.address;
    throw new RelayError('missing-capability', 'this machine has no link with an IPv4 address', {
      hint: 'say what agents dial with --endpoint',
    });
  }

  /** A port given, or taken by somebody else while our device is away, is settled before the device is made. */
  async function settleTunnelPort(): Promise<void> {
    const { links } = await look();
    if (links.some((link) => link.name === RELAY_LINK)) return;
    const wanted = settings.wireguardPort;
    const listeners = await listListeners(runner);
    const present = store.state().wireguard.port;
    const taken = listeners.some((listener) => listener.transport === 'udp' && listener.port === present);
    if (!taken && (wanted === null || wanted === present)) return;
    const port = chooseTunnelPort(wanted, listeners);
    await store.update((state) => ({ state: { ...state, wireguard: { ...state.wireguard, port } }, result: null }));
  }

  const backends = createBackends({ store, changes, logger, mtu: () => mtu, reconcile });
  const server = createAgentServer({
    identity: keyPairFromSecret(new Secret(store.state().identity.secretKey)),
    authority: {
      lookup(agentKey) {
        const pairing = store.state().pairings.find((candidate) => candidate.agentKey === agentKey);
        if (pairing !== undefined) return { kind: 'known', name: pairing.name };
        return { kind: store.state().revoked.some((entry) => entry.agentKey === agentKey) ? 'revoked' : 'unknown' };
      },
      async enroll(request) {
        const outcome = await store.update((state) => enroll(state, request, new Date()));
        logger.info(
          { tokenId: request.tokenId, from: request.from, backend: outcome?.name ?? null },
          outcome === null ? 'enrollment refused' : 'backend enrolled',
        );
        changes.notify();
        return outcome;
      },
    },
    welcome: (name) => ({ type: 'welcome', name, urls: [...endpointUrls] }),
    onSession: (session) => backends.attach(session),
    logger,
  });

  async function endpoints(): Promise<readonly string[]> {
    if (settings.endpoints.length > 0) return settings.endpoints;
    return [`ws://${await uplinkAddress()}:${settings.listen.port}`];
  }
  const endpointUrls = await endpoints();

  const prober = createProber({
    client: createSyntheticClient(runner, deps.clientProgram, deps.path),
    uplinkAddress,
    relayTunnelAddress: () => relayTunnelAddress(store.state()),
  });
  const relay: Relay = {
    store,
    runner,
    kernel,
    server,
    backends,
    changes,
    logger,
    repair: settings.repair,
    version,
    probe: prober.probe,
    reconcile,
    async ports() {
      const listeners = (await listListeners(runner)).filter((listener) => !isOurs(listener.port, listener.transport));
      return { listeners, controlPort: settings.listen.port, tunnelPort: store.state().wireguard.port };
    },
    endpoints,
    uplinkAddress,
    async figures() {
      const link = (await look()).links.find((candidate) => candidate.name === RELAY_LINK);
      return readFigures(runner, {
        implementation: link === undefined ? null : implementationOf(link),
        mtu: link?.mtu ?? mtu,
      });
    },
    now: () => new Date(),
  };

  /** Our own sockets are named as what they are, not as a listener of somebody. */
  function isOurs(port: number, transport: string): boolean {
    return transport === 'udp' ? port === store.state().wireguard.port : port === settings.listen.port;
  }

  await reconcile();
  mtu = tunnelMtu(await look());
  await server.listen(settings.listen.host, settings.listen.port);
  const api = await serveApi(
    side.socketPath,
    relayApi(relay, () => stopper.abort()),
  );
  const keeping = keepReconciled(
    { reconcile, logger, watch: (onChange) => watchKernel(onChange, deps.path, ended) },
    ended,
  );
  logger.info({ listen: settings.listen, endpoints: endpointUrls, repair: settings.repair }, 'controller is serving');

  await keeping;
  await server.close();
  await api.close();
  await lock.release();
}
