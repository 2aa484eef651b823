/** One relay as the daemon talks to it: takes offers, tells what was applied, observes for its probes. */

import { RelayError, toRelayError } from '@homeward/shared/errors/relay-error';
import { bootId } from '@homeward/shared/host/identity-of-kernel';
import type { Runner } from '@homeward/shared/host/runner';
import type { Store } from '@homeward/shared/host/store';
import { takeSnapshot } from '@homeward/shared/kernel/snapshot';
import { listListeners } from '@homeward/shared/kernel/sockets';
import { slotNumbers } from '@homeward/shared/net/allocation';
import { formatForward, parseForward } from '@homeward/shared/net/forward-spec';
import type { Port } from '@homeward/shared/net/port';
import { Secret } from '@homeward/shared/net/secret';
import type { Applied, ControllerMessage, Hello, MessageOf, Offer } from '@homeward/shared/protocol/messages';
import { plainText } from '@homeward/shared/protocol/plain-text';
import { changeText } from '@homeward/shared/reconcile/diff';
import type { Reconciler } from '@homeward/shared/reconcile/reconciler';
import { keyPairFromSecret } from '@homeward/shared/session/keys';
import { implementationOf } from '@homeward/shared/tunnel/wireguard-link';
import type { Logger } from 'pino';
import { type ControllerLink, createControllerLink } from '../link/controller-link.js';
import type { Policy } from '../policy.js';
import { listenersOf } from '../probe/listeners.js';
import { flowKey, probeFlows, sightings, type WatchedPort, watchPorts } from '../probe/observer.js';
import { pairedRelays, revokeRelay, withAccepted, withUrls } from '../store/relays.js';
import type { AcceptedOffer, BackendState, RelayRecord } from '../store/state.js';
import { BACKEND_OWNERSHIP } from './backend-kernel.js';
import { offerProblem, ownSide, sortForwards, usedPrefixes } from './offer-check.js';

/** As many as the message may carry; a router with more has its first ones told. */
const MOST_PREFIXES = 1024;

/** As many lines of drift as are told: the first ones say enough. */
const MOST_DRIFT = 64;

/** As many as are kept of what the relay says to dial. */
const MOST_URLS = 16;

export interface RelaySessionDeps {
  readonly store: Store<BackendState>;
  readonly runner: Runner;
  readonly kernel: Reconciler;
  readonly logger: Logger;
  readonly echoPort: Port;
  readonly version: string;
  /** Offers being tried on, by controller key: applied, but not yet the last good ones. */
  readonly trials: Map<string, AcceptedOffer>;
  /** SSH's ports seen so far. */
  readonly knownSshPorts: Set<number>;
  policy(): Promise<Policy>;
  reconcile(): Promise<void>;
}

export interface RelaySession {
  /** Until the signal, or until the relay ended the pairing. */
  run(signal: AbortSignal): Promise<void>;
  readonly link: ControllerLink;
  state(): 'online' | 'offline' | 'revoked';
  refused(): readonly { readonly spec: string; readonly reason: string }[];
  /** Sorts the forwards anew and tells the relay if the owner's policy now says otherwise. */
  reviewPolicy(): Promise<void>;
  /** Tells the relay what of its own slot is not as it should be. */
  reportDrift(lines: readonly string[]): void;
}

/** `controllerKey` names the relay in the store. */
export function createRelaySession(controllerKey: string, deps: RelaySessionDeps): RelaySession {
  const { store, runner, kernel } = deps;
  const logger = deps.logger.child({ relay: record().urls[0] });
  const ended = new AbortController();
  let online = false;
  let refused: readonly Applied['refused'][number][] = [];
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
    const { link: device } = slotNumbers(record().slot);
    if (snapshot.links.some((other) => other.name === device) && !kernel.ownsLink(device)) {
      return `a link named ${device} exists at this backend that homeward did not make; rename or remove it`;
    }
    const accepted = { offer, endpointHost };
    refused = sortForwards(offer.forwards, policy, ownSide(snapshot, listeners, deps.knownSshPorts)).refused;
    try {
      await tryOn(accepted);
    } catch (error) {
      logger.error({ err: error }, 'the offer could not be applied; the last good one is put back');
      await deps.reconcile().catch((again: unknown) => logger.error({ err: again }, 'nor could the last good one'));
      return toRelayError(error).message;
    }
    for (const { spec, reason } of refused) logger.warn({ spec, reason }, 'forward refused');
    return null;
  }

  /** Applies an offer that is stored only once it has been applied: a crash in between boots into the last good one. */
  async function tryOn(accepted: AcceptedOffer): Promise<void> {
    deps.trials.set(controllerKey, accepted);
    try {
      await deps.reconcile();
      if (JSON.stringify(accepted) !== JSON.stringify(record().accepted)) {
        await store.update((state) => ({ state: withAccepted(state, controllerKey, accepted), result: null }));
      }
    } finally {
      deps.trials.delete(controllerKey);
    }
  }

  async function answer(offer: Offer, problem: string | null): Promise<void> {
    const { link: device } = slotNumbers(record().slot);
    const made = (await snapshotNow()).links.find((candidate) => candidate.name === device);
    link.send({
      type: 'applied',
      revision: offer.revision,
      ok: problem === null,
      reason: problem === null ? null : plainText(problem),
      refused: refused.map(({ spec, reason }) => ({ spec, reason: plainText(reason) })),
      device,
      implementation: made === undefined ? null : implementationOf(made),
      echoPort: deps.echoPort,
    });
  }

  async function observe(message: MessageOf<ControllerMessage, 'observe'>): Promise<void> {
    const { id, action, clientPorts } = message;
    const watch = message.watch.filter(isOffered);
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
    const { slot, accepted } = record();
    const fresh = (flows ?? []).filter((flow) => !seenBefore.has(flowKey(flow)));
    const relayAddress = accepted?.offer.tunnel.relayAddress ?? '';
    link.send({
      type: 'observed',
      id,
      flows: probeFlows(fresh, slotNumbers(slot).link, relayAddress, clientPorts),
      drift: ownDrift(changes.map(changeText)),
      listeners: listenersOf(watch, listeners),
    });
  }

  /** A relay may watch what it forwards, and our echo; nothing else of this backend. */
  function isOffered({ transport, port }: WatchedPort): boolean {
    if (port === deps.echoPort) return true;
    return (record().accepted?.offer.forwards ?? [])
      .map(parseForward)
      .some(
        (forward) =>
          forward.transports.includes(transport) &&
          forward.targetPorts.first <= port &&
          port <= forward.targetPorts.last &&
          !refused.some(({ spec }) => spec === formatForward(forward)),
      );
  }

  /** What another relay's slot lacks is not this one's business. */
  function ownDrift(lines: readonly string[]): string[] {
    const others = pairedRelays(store.state()).filter((relay) => relay.controllerKey !== controllerKey);
    const names = others.flatMap(({ slot }) => {
      const { link: name, table, ruleArrival, ruleReply, ruleLocal, ruleSource } = slotNumbers(slot);
      return [name, `table ${table}`, ...[ruleArrival, ruleReply, ruleLocal, ruleSource].map((pref) => `pref ${pref}`)];
    });
    const isOthers = (line: string) => names.some((name) => `${line.replaceAll('/', ' ')} `.includes(` ${name} `));
    return lines
      .filter((line) => !isOthers(line))
      .slice(0, MOST_DRIFT)
      .map(plainText);
  }

  /** The kernel follows the policy by itself; the relay has to hear of it, or it goes on forwarding in vain. */
  async function reviewPolicy(): Promise<void> {
    const { accepted } = record();
    if (accepted === null || deps.trials.has(controllerKey)) return;
    const [policy, listeners, snapshot] = await Promise.all([deps.policy(), listListeners(runner), snapshotNow()]);
    const now = sortForwards(accepted.offer.forwards, policy, ownSide(snapshot, listeners, deps.knownSshPorts)).refused;
    if (JSON.stringify(now) === JSON.stringify(refused)) return;
    refused = now;
    if (online) await answer(accepted.offer, null);
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
    reviewPolicy,
    reportDrift: (lines) => link.send({ type: 'report', drift: ownDrift(lines) }),
    async run(signal) {
      await link.run(AbortSignal.any([signal, ended.signal]));
      await queue;
    },
  };
}
