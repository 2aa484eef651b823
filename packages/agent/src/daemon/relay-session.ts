/** One relay as the daemon talks to it: says hello, hands its messages on, and ends when the pairing does. */

import type { Audit } from '@homeward/shared/audit/audit-log';
import type { StartGuard } from '@homeward/shared/confirm/start-guard';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { bootId } from '@homeward/shared/host/identity-of-kernel';
import type { Runner } from '@homeward/shared/host/runner';
import type { Store } from '@homeward/shared/host/store';
import type { TraceProbes } from '@homeward/shared/kernel/probe-trace';
import { NO_TABLES, takeSnapshot } from '@homeward/shared/kernel/snapshot';
import { isIp } from '@homeward/shared/net/address';
import type { Port } from '@homeward/shared/net/port';
import { Secret } from '@homeward/shared/net/secret';
import {
  CONFIRM,
  type ControllerMessage,
  type Hello,
  type MessageOf,
  RENEW,
  TRACE,
  VISIT,
} from '@homeward/shared/protocol/messages';
import type { Reconciler } from '@homeward/shared/reconcile/reconciler';
import { fingerprint, keyPairFromSecret } from '@homeward/shared/session/keys';
import type { Logger } from 'pino';
import { type ControllerLink, createControllerLink, type LinkState } from '../link/controller-link.js';
import { dialList } from '../link/dial-list.js';
import type { Policy } from '../policy.js';
import { revokeRelay, withUrls } from '../store/relays.js';
import type { AcceptedOffer, BackendState, RelayRecord } from '../store/state.js';
import { BACKEND_OWNERSHIP, type MachineLook } from './backend-kernel.js';
import type { ForwardReader } from './forward-reader.js';
import type { ForwardSorter } from './forward-sorter.js';
import { createObservation } from './observation.js';
import { usedPrefixes } from './offer-check.js';
import { createOffers, type Refused } from './offers.js';

/** As many as the message may carry; a router with more has its first ones told. */
const MOST_PREFIXES = 1024;

export interface RelaySessionDeps {
  readonly store: Store<BackendState>;
  readonly runner: Runner;
  readonly kernel: Reconciler;
  readonly logger: Logger;
  /** Of what relays do. */
  readonly audit: Audit;
  readonly echoPort: Port;
  readonly version: string;
  /** Offers being tried on, by controller key: applied, but not yet the last good ones. */
  readonly trials: Map<string, AcceptedOffer>;
  /** SSH's ports seen so far. */
  readonly knownSshPorts: Set<number>;
  policy(): Promise<Policy>;
  /** What the last look of the kernel's keeper found; looks now where there was none. */
  lastLook(): Promise<MachineLook>;
  readonly readForwards: ForwardReader;
  readonly sortForwards: ForwardSorter;
  reconcile(goBy?: 'last-look'): Promise<unknown>;
  readonly traceProbes: TraceProbes;
  /** Of an offer that has to be confirmed. */
  readonly startGuard: StartGuard;
  /** Lets a relay's WireGuard begin a session at once. */
  beginTunnelAnew(relay: RelayRecord): Promise<void>;
}

export interface RelaySession {
  /** Until the signal, or until the relay ended the pairing. */
  run(signal: AbortSignal): Promise<void>;
  readonly link: ControllerLink;
  state(): 'online' | 'offline' | 'revoked';
  /** Forwards that the owner's policy does not allow. */
  refused(): Refused;
  /** Looks at policy and device anew, and tells the relay if they are otherwise now. */
  review(): Promise<void>;
  /** Tells the relay what of its own slot is not as it should be. */
  reportDrift(lines: readonly string[]): void;
}

/** `controllerKey` names the relay in the store. */
export function createRelaySession(controllerKey: string, deps: RelaySessionDeps): RelaySession {
  const { store } = deps;
  const logger = deps.logger.child({ relay: record().urls[0] });
  const ended = new AbortController();
  let online = false;
  /** Where the relay was reached last. */
  let host: string | null = null;
  let queue: Promise<void> = Promise.resolve();

  function record(): RelayRecord {
    const found = store.state().relays.find((relay) => relay.controllerKey === controllerKey);
    if (found === undefined) throw new RelayError('not-found', 'this relay was left');
    return found;
  }

  const snapshot = () => takeSnapshot(deps.runner, NO_TABLES, BACKEND_OWNERSHIP.isLink);

  async function hello(localAddress: string | null): Promise<Hello> {
    const relay = record();
    return {
      type: 'hello',
      version: deps.version,
      capabilities: ['wireguard', 'gre', 'gre-udp', 'external', RENEW, CONFIRM, TRACE, VISIT, 'versions'],
      bootId: await bootId(),
      prefixes: usedPrefixes(await snapshot()).slice(0, MOST_PREFIXES),
      wireguardPublicKey: relay.wireguard.publicKey,
      // One with a zone (a link-local address) tells nobody else anything.
      outerAddress: localAddress !== null && isIp(localAddress) ? localAddress : null,
      revision: relay.accepted?.offer.revision ?? 0,
    };
  }

  async function rememberRelay({ name, urls }: MessageOf<ControllerMessage, 'welcome'>): Promise<void> {
    const known = record();
    const dialled = dialList({ told: urls, known: known.urls, working: link.endpoint()?.url ?? null });
    if (known.name === name && known.urls.join(' ') === dialled.join(' ')) return;
    await store.update((state) => ({ state: withUrls(state, controllerKey, name, dialled), result: null }));
  }

  async function endPairing(): Promise<void> {
    logger.warn('the relay ended this pairing; cleaning up. A new token is needed to come back');
    await store.update((state) => ({ state: revokeRelay(state, controllerKey), result: null }));
    try {
      await deps.reconcile();
    } finally {
      // Also if the kernel could not be cleaned at once: the keeper tries again, the session is over.
      ended.abort();
    }
  }

  async function handle(message: ControllerMessage): Promise<void> {
    switch (message.type) {
      case 'welcome':
        return rememberRelay(message);
      case 'offer':
        return offers.take(message);
      case 'confirmed':
        return offers.confirmed(message.revision);
      case 'observe':
        return link.send(await observation.observe(message));
      case 'renew':
        return deps.beginTunnelAnew(record());
      case 'unpair':
        return endPairing();
      case 'refused':
      case 'ping':
        // The link deals with these itself.
        return;
    }
  }

  function inTurn(task: () => Promise<void>, type: string): Promise<void> {
    queue = queue
      .then(task)
      .catch((error: unknown) => logger.error({ err: error, type }, 'a message of the relay could not be handled'));
    return queue;
  }

  /** Before `online` has its new value. */
  function tell(state: LinkState, detail: string | null): void {
    const relay = store.state().relays.find((one) => one.controllerKey === controllerKey);
    const about = { subject: relay?.name ?? null, details: { key: fingerprint(controllerKey) } };
    if (state === 'online' && !online) {
      deps.audit.record({ event: 'session-opened', ...about, address: link.endpoint()?.host ?? null });
    } else if (state !== 'online' && online) {
      deps.audit.record({
        event: 'session-ended',
        ...about,
        address: host,
        ...(detail === null ? {} : { reason: detail }),
      });
    } else if (state === 'refused') {
      const reason = 'the relay does not know this backend';
      deps.audit.record({ event: 'session-refused', ...about, address: host, outcome: 'refused', reason });
    }
    host = link.endpoint()?.host ?? host;
  }

  const link = createControllerLink({
    identity: keyPairFromSecret(new Secret(store.state().identity.secretKey)),
    controllerKey,
    urls: () => record().urls,
    hello,
    onMessage: (message) => inTurn(() => handle(message), message.type),
    onState(state, detail) {
      tell(state, detail ?? null);
      if (state === 'online' && !online) logger.info({ url: detail }, 'relay online');
      if (state !== 'online' && online && !ended.signal.aborted) logger.info({ detail }, 'relay offline; reconnecting');
      if (state === 'refused') logger.warn('the relay does not know this backend; it keeps its state and tries again');
      online = state === 'online';
    },
    logger,
  });

  const own = { ...deps, controllerKey, logger, record };
  const offers = createOffers({
    ...own,
    endpointHost: () => link.endpoint()?.host ?? null,
    localHost: () => link.endpoint()?.localAddress ?? null,
    send: link.send,
    inTurn: (task) => void inTurn(task, 'confirmed in time'),
  });
  const observation = createObservation({ ...own, refused: offers.refused });

  return {
    link,
    state: () => (record().revoked ? 'revoked' : online ? 'online' : 'offline'),
    refused: offers.refused,
    review: offers.review,
    reportDrift: (lines) => link.send({ type: 'report', drift: observation.ownDrift(lines) }),
    async run(signal) {
      await link.run(AbortSignal.any([signal, ended.signal]));
      await queue;
    },
  };
}
