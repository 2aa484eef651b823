/** One relay as the daemon talks to it: takes offers, tells what was applied, observes for its probes. */

import { RelayError, toRelayError } from '@homeward/shared/errors/relay-error';
import { bootId } from '@homeward/shared/host/identity-of-kernel';
import type { Runner } from '@homeward/shared/host/runner';
import type { Store } from '@homeward/shared/host/store';
import { takeSnapshot } from '@homeward/shared/kernel/snapshot';
import { listListeners } from '@homeward/shared/kernel/sockets';
import { slotNumbers } from '@homeward/shared/net/allocation';
import type { Port } from '@homeward/shared/net/port';
import { Secret } from '@homeward/shared/net/secret';
import type { Applied, ControllerMessage, Hello, MessageOf, Offer } from '@homeward/shared/protocol/messages';
import { changeText } from '@homeward/shared/reconcile/diff';
import type { Reconciler } from '@homeward/shared/reconcile/reconciler';
import { keyPairFromSecret } from '@homeward/shared/session/keys';
import { implementationOf } from '@homeward/shared/tunnel/wireguard-link';
import type { Logger } from 'pino';
import { type ControllerLink, createControllerLink } from '../link/controller-link.js';
import type { Policy } from '../policy.js';
import { listenersOf } from '../probe/listeners.js';
import { flowKey, sightings, watchPorts } from '../probe/observer.js';
import { pairedRelays, revokeRelay, withAccepted, withUrls } from '../store/relays.js';
import type { AcceptedOffer, BackendState, RelayRecord } from '../store/state.js';
import { BACKEND_OWNERSHIP } from './backend-kernel.js';
import { offerProblem, ownSide, sortForwards, usedPrefixes } from './offer-check.js';

/** As many as the message may carry; a router with more has its first ones told. */
const MOST_PREFIXES = 1024;

/** As many as are kept of what the relay says to dial. */
const MOST_URLS = 16;

export interface RelaySessionDeps {
  readonly store: Store<BackendState>;
  readonly runner: Runner;
  readonly kernel: Reconciler;
  readonly logger: Logger;
  readonly echoPort: Port;
  readonly version: string;
  policy(): Promise<Policy>;
  reconcile(): Promise<void>;
}

export interface RelaySession {
  /** Until the signal, or until the relay ended the pairing. */
  run(signal: AbortSignal): Promise<void>;
  readonly link: ControllerLink;
  state(): 'online' | 'offline' | 'revoked';
  refused(): readonly { readonly spec: string; readonly reason: string }[];
}

/** `controllerKey` names the relay in the store. */
export function createRelaySession(controllerKey: string, deps: RelaySessionDeps): RelaySession {
  const { store, runner, kernel } = deps;
  const logger = deps.logger.child({ relay: record().urls[0] });
  const ended = new AbortController();
  let online = false;
  let refused: Applied['refused'] = [];
  let queue: Promise<void> = Promise.resolve();
  /** Flows from before the probe: of other clients, or of an earlier probe. */
  let seenBefore: ReadonlySet<string> = new Set();

  function record(): RelayRecord {
    const found = store.state().relays.find((relay) => relay.controllerKey === controllerKey);
    if (found === undefined) throw new RelayError('not-found', 'this relay was left');
    return found;
  }

  const snapshotNow = () => takeSnapshot(runner, [], BACKEND_OWNERSHIP.isLink);

  async function hello(localAddress: string | null): Promise<Hello> {
    const relay = record();
    return {
      type: 'hello',
      version: deps.version,
      capabilities: ['wireguard'],
      bootId: await bootId(),
      prefixes: usedPrefixes(await snapshotNow()).slice(0, MOST_PREFIXES),
      wireguardPublicKey: relay.wireguard.publicKey,
      outerAddress: localAddress,
      revision: relay.accepted?.offer.revision ?? 0,
    };
  }

  /** The URL that works stays first, whatever the relay believes of its own address. */
  async function rememberRelay({ name, urls }: MessageOf<ControllerMessage, 'welcome'>): Promise<void> {
    const working = link.endpoint()?.url;
    const dialled = [...new Set([...(working === undefined ? [] : [working]), ...urls])].slice(0, MOST_URLS);
    const known = record();
    if (known.name === name && known.urls.join(' ') === dialled.join(' ')) return;
    await store.update((state) => ({ state: withUrls(state, controllerKey, name, dialled), result: null }));
  }

  /** Takes the offer if policy and machine allow it, and answers in any case: the relay waits. */
  async function takeOffer(offer: Offer): Promise<void> {
    try {
      return await answer(offer, await problemWith(offer));
    } catch (error) {
      logger.error({ err: error }, 'the offer could not be taken');
      return answer(offer, toRelayError(error).message);
    }
  }

  /** Why the offer was not taken, or null; puts the last good one back when applying fails. */
  async function problemWith(offer: Offer): Promise<string | null> {
    const before = record().accepted;
    const [policy, listeners, snapshot] = await Promise.all([deps.policy(), listListeners(runner), snapshotNow()]);
    const problem = offerProblem(offer, record(), pairedRelays(store.state()), policy, snapshot);
    if (problem !== null) return problem;
    const endpointHost = link.endpoint()?.host ?? before?.endpointHost;
    if (endpointHost === undefined) return 'the connection was lost while the offer was looked at';
    const accepted = { offer, endpointHost };
    refused = [...sortForwards(offer.forwards, policy, ownSide(snapshot, listeners)).refused];
    try {
      await adopt(accepted, before);
    } catch (error) {
      logger.error({ err: error }, 'the offer could not be applied; the last good one is put back');
      await adopt(before, accepted).catch((again: unknown) =>
        logger.error({ err: again }, 'nor could the last good one'),
      );
      return toRelayError(error).message;
    }
    for (const { spec, reason } of refused) logger.warn({ spec, reason }, 'forward refused');
    return null;
  }

  async function adopt(accepted: AcceptedOffer | null, before: AcceptedOffer | null): Promise<void> {
    if (JSON.stringify(accepted) !== JSON.stringify(before)) {
      await store.update((state) => ({ state: withAccepted(state, controllerKey, accepted), result: null }));
    }
    await deps.reconcile();
  }

  async function answer(offer: Offer, problem: string | null): Promise<void> {
    const { link: device } = slotNumbers(record().slot);
    const made = (await snapshotNow()).links.find((candidate) => candidate.name === device);
    link.send({
      type: 'applied',
      revision: offer.revision,
      ok: problem === null,
      reason: problem === null ? null : problem.slice(0, 500),
      refused: refused.map(({ spec, reason }) => ({ spec, reason: reason.slice(0, 500) })),
      device,
      implementation: made === undefined ? null : implementationOf(made),
      echoPort: deps.echoPort,
    });
  }

  async function observe({ id, action, watch }: MessageOf<ControllerMessage, 'observe'>): Promise<void> {
    if (action === 'start') {
      // What came or went since the last look (a service, an address) is no fault that a probe should report.
      await deps.reconcile();
      await watchPorts(runner, watch).catch(unseeing);
      seenBefore = new Set(((await sightings(runner).catch(unseeing)) ?? []).map(flowKey));
      return link.send({ type: 'observed', id, flows: [], drift: [], listeners: [] });
    }
    const [flows, changes, listeners] = await Promise.all([
      sightings(runner).catch(unseeing),
      kernel.plan(),
      listListeners(runner),
    ]);
    link.send({
      type: 'observed',
      id,
      flows: (flows ?? []).filter((flow) => !seenBefore.has(flowKey(flow))),
      drift: changes.slice(0, 64).map((change) => changeText(change).slice(0, 500)),
      listeners: listenersOf(watch, listeners),
    });
  }

  /** Without our table nothing can be watched; the drift that is sent along says so, and the proof is red. */
  function unseeing(error: unknown): null {
    logger.warn({ err: error }, 'cannot watch for the probe');
    return null;
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
        return takeOffer(message);
      case 'observe':
        return observe(message);
      case 'unpair':
        return endPairing();
      case 'refused':
      case 'ping':
        // The link deals with these itself.
        return;
    }
  }

  const link = createControllerLink({
    identity: keyPairFromSecret(new Secret(store.state().identity.secretKey)),
    controllerKey,
    urls: () => record().urls,
    hello,
    onMessage(message) {
      queue = queue
        .then(() => handle(message))
        .catch((error: unknown) =>
          logger.error({ err: error, type: message.type }, 'a message of the relay could not be handled'),
        );
    },
    onState(state, detail) {
      if (state === 'online' && !online) logger.info({ url: detail }, 'relay online');
      if (state !== 'online' && online && !ended.signal.aborted) logger.info({ detail }, 'relay offline; reconnecting');
      if (state === 'refused') logger.warn('the relay does not know this backend; it keeps its state and tries again');
      online = state === 'online';
    },
    logger,
  });

  return {
    link,
    state: () => (record().revoked ? 'revoked' : online ? 'online' : 'offline'),
    refused: () => refused,
    async run(signal) {
      await link.run(AbortSignal.any([signal, ended.signal]));
      await queue;
    },
  };
}
