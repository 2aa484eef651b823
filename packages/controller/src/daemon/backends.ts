/** The backends as the daemon talks to them: takes in sessions, sends offers, remembers what was applied, asks what was observed. */

import type { Audit } from '@homeward/shared/audit/audit-log';
import { toRelayError } from '@homeward/shared/errors/relay-error';
import type { Store } from '@homeward/shared/host/store';
import type { IpAddress } from '@homeward/shared/net/address';
import type { AgentMessage, Applied, Observed } from '@homeward/shared/protocol/messages';
import { fingerprint } from '@homeward/shared/session/keys';
import type { Logger } from 'pino';
import type { TunnelFacts } from '../desired/pairing-tunnel.js';
import type { AgentSession } from '../server/agent-session.js';
import { pairingNamed, removePairing, withPairing } from '../store/pairings.js';
import type { Pairing, RelayState } from '../store/state.js';
import type { Changes } from './changes.js';
import { foreignAddress, isForeignKey } from './foreign-claims.js';
import { createObservations, offline, type Watch } from './observations.js';
import { canConfirm, createOffering, type OnlineBackend } from './offering.js';
import { createRenewals } from './renewals.js';
import { withSessionFacts } from './session-facts.js';

/** How long a backend may take to hang up after it was told that it is unpaired. */
const DISMISS_TIMEOUT_MS = 5_000;

export interface BackendsDeps {
  readonly store: Store<RelayState>;
  readonly changes: Changes;
  readonly logger: Logger;
  /** Of what agents do. */
  readonly audit: Audit;
  tunnelFacts(): TunnelFacts;
  /** Whether an address lies behind one of this machine's devices: a backend may claim no other as its own. */
  isBehind(device: string, address: IpAddress): boolean;
  /** Brings the relay's kernel to the present state. */
  reconcile(): Promise<unknown>;
}

export interface Backends {
  /** Takes in a confirmed session. */
  attach(session: AgentSession): void;
  isOnline(name: string): boolean;
  /** Offers the present state to the backend, if it is online. */
  offer(name: string): void;
  /** Tells the backend that its tunnel is kept; one that is offline hears it with its next offer. */
  confirm(name: string): void;
  /** Offers anew where a tunnel has become otherwise, or possible: a device that came back, another MTU. */
  review(): void;
  /** Lets backends begin anew whose tunnel ends at a WireGuard device of ours that was just made: it knows no session. */
  renewTunnels(): void;
  /** Last error a backend reported for its newest offer, or null. */
  failure(name: string): string | null;
  /** Whether the backend has said what it did with its newest offer, and the relay has done its part upon it. */
  hasAnswered(name: string): boolean;
  /** Asks a backend to watch ports, or what it saw; throws `unreachable` when it is offline or does not answer. */
  observe(name: string, action: 'start' | 'stop', watch: Watch, signal: AbortSignal): Promise<Observed>;
  /** Tells an online backend that it is unpaired and waits, within a limit, until it has cleaned up and gone. */
  dismiss(session: AgentSession | undefined): Promise<boolean>;
  /** The live session of an agent's key, which outlives its pairing and its name. */
  sessionOf(agentKey: string | null): AgentSession | undefined;
}

export function createBackends(deps: BackendsDeps): Backends {
  const { store, changes, logger } = deps;
  // By agent key, since a name may change while its backend is online; one that has not enrolled has none and is in neither.
  const sessions = new Map<string | null, AgentSession>();
  const failures = new Map<string | null, string>();
  /** Backends that have not answered their newest offer yet. */
  const unanswered = new Set<string | null>();
  const observations = createObservations(changes);
  const offering = createOffering(store, deps.tunnelFacts);
  const renewals = createRenewals();

  const tell = (event: 'session-opened' | 'session-ended', session: AgentSession, reason?: string) =>
    deps.audit.record({
      ...{ event, subject: nameOf(session), address: session.remoteAddress },
      ...(reason === undefined ? {} : { reason }),
      details: { key: fingerprint(session.agentKey) },
    });

  function pairingOf(session: AgentSession): Pairing | null {
    return store.state().pairings.find((pairing) => pairing.agentKey === session.agentKey) ?? null;
  }

  /** As it is called now; a pairing that is gone is called as its session began. */
  const nameOf = (session: AgentSession): string => pairingOf(session)?.name ?? session.name;

  /** The key of the backend that has this name now; null while it waits, or where there is none. */
  const keyOf = (name: string): string | null =>
    store.state().pairings.find((pairing) => pairing.name === name)?.agentKey ?? null;

  /** Those that have a pairing still. */
  function online(): OnlineBackend[] {
    const byKey = new Map(store.state().pairings.map((pairing) => [pairing.agentKey, pairing]));
    return [...sessions.values()].flatMap((session) => {
      const pairing = byKey.get(session.agentKey);
      return pairing === undefined ? [] : [{ session, pairing }];
    });
  }

  /** The peer must stand at the relay before the agent calls it, or its first handshake is lost. */
  async function welcomeBackend(session: AgentSession): Promise<void> {
    const { wireguardPublicKey } = session.hello;
    if (isForeignKey(store.state(), session.agentKey, wireguardPublicKey)) {
      logger.error({ backend: nameOf(session) }, "the backend claims another one's WireGuard key; it is sent away");
      return session.close('foreign WireGuard key');
    }
    try {
      await store.update((state) => ({ state: withSessionFacts(state, session), result: null }));
    } catch (error) {
      fail(session, `the relay could not remember it: ${toRelayError(error).message}`);
      // Without its key in the store no tunnel would come of an offer: it comes back, and it is tried again.
      if (pairingOf(session)?.wireguardPublicKey !== wireguardPublicKey) return session.close('not remembered');
    }
    try {
      await deps.reconcile();
    } finally {
      // Whatever the kernel said: it is mended later, while a backend without an offer would wait until its next session.
      const pairing = pairingOf(session);
      if (pairing !== null) sendOffer(session, pairing);
      if (pairing !== null) renewals.attached(session, pairing);
    }
  }

  /** Where the tunnel cannot be had, that is the backend's failure, and its kernel stays as it is. */
  function sendOffer(session: AgentSession, pairing: Pairing): void {
    const problem = offering.send(session, pairing);
    if (problem === null) return;
    failures.set(session.agentKey, problem.reason);
    unanswered.delete(session.agentKey);
    logger.error({ backend: pairing.name, ...problem }, 'the backend cannot have its tunnel');
    changes.notify();
  }

  async function recordApplied(session: AgentSession, applied: Applied): Promise<void> {
    const pairing = pairingOf(session);
    if (pairing === null || applied.revision !== pairing.revision) return;
    if (!applied.ok) return fail(session, applied.reason ?? 'no reason given');
    const claimed = foreignAddress(store.state(), pairing, applied, deps.isBehind);
    if (claimed !== null)
      return fail(session, `it claims the address ${claimed}, which is not behind the relay's device`);
    failures.delete(session.agentKey);
    const { revision, refused, device, implementation, ipv6, echoPort } = applied;
    // Of tunnels of ours the relay itself gives the addresses.
    const addresses = pairing.tunnel.kind === 'external' ? applied.addresses : null;
    const stored = store.update((state) => {
      const current = state.pairings.find((candidate) => candidate.agentKey === session.agentKey);
      const next = { revision, refused, device, implementation, addresses, ipv6, echoPort };
      if (current === undefined || JSON.stringify(current.applied) === JSON.stringify(next))
        return { state, result: null };
      return { state: withPairing(state, { ...current, applied: next }), result: null };
    });
    try {
      await stored;
    } catch (error) {
      return fail(session, `the relay could not remember its answer: ${toRelayError(error).message}`);
    }
    // Only now both ends are set up, and whoever waits may go on; whatever the relay's own kernel says, the backend has done its part.
    await deps.reconcile().finally(() => {
      unanswered.delete(session.agentKey);
      changes.notify();
    });
  }

  /** Whoever waits for the backend hears it at once. */
  function fail(session: AgentSession, reason: string): void {
    unanswered.delete(session.agentKey);
    failures.set(session.agentKey, reason);
    logger.error({ backend: nameOf(session), reason }, 'the backend could not be set up');
    changes.notify();
  }

  async function leave(session: AgentSession): Promise<void> {
    const at = new Date().toISOString();
    const name = await store.update((state) => {
      const pairing = state.pairings.find((candidate) => candidate.agentKey === session.agentKey);
      if (pairing === undefined) return { state, result: null };
      return { state: removePairing(state, pairing.name, at), result: pairing.name };
    });
    if (name === null) return;
    logger.info({ backend: name }, 'the backend left');
    await deps.reconcile();
    session.close('left');
  }

  async function handle(session: AgentSession, message: AgentMessage): Promise<void> {
    switch (message.type) {
      case 'applied':
        return recordApplied(session, message);
      case 'observed':
        return observations.answered(session, message);
      case 'report':
        if (message.drift.length > 0)
          logger.warn({ backend: nameOf(session), drift: message.drift }, 'drift at the backend');
        return;
      case 'leave':
        return leave(session);
      case 'enroll':
      case 'hello':
      case 'pong':
        // The server deals with these before a session is handed over.
        return;
    }
  }

  const backends: Backends = {
    attach(session) {
      sessions.set(session.agentKey, session);
      const { name, remoteAddress: from, hello } = session;
      logger.info({ backend: name, from, version: hello.version }, 'backend online');
      tell('session-opened', session);
      const guarded = (task: Promise<void>) =>
        task.catch((error: unknown) =>
          logger.error({ err: error, backend: nameOf(session) }, 'a message of the backend could not be handled'),
        );
      session.onMessage((message) => void guarded(handle(session, message)));
      session.onClose((reason) => {
        tell('session-ended', session, reason);
        if (sessions.get(session.agentKey) !== session) return;
        sessions.delete(session.agentKey);
        unanswered.delete(session.agentKey);
        logger.info({ backend: nameOf(session) }, 'backend offline');
        changes.notify();
      });
      void guarded(welcomeBackend(session));
      changes.notify();
    },
    isOnline: (name) => sessions.has(keyOf(name)),
    sessionOf: (agentKey) => sessions.get(agentKey),
    failure: (name) => failures.get(keyOf(name)) ?? null,
    hasAnswered: (name) => !unanswered.has(keyOf(name)),
    offer(name) {
      const pairing = pairingNamed(store.state(), name);
      const session = sessions.get(pairing.agentKey);
      failures.delete(pairing.agentKey);
      if (pairing.wireguardPublicKey === null || session === undefined) return;
      unanswered.add(pairing.agentKey);
      sendOffer(session, pairing);
    },
    confirm(name) {
      const { agentKey, revision } = pairingNamed(store.state(), name);
      const session = sessions.get(agentKey);
      if (session !== undefined && canConfirm(session)) session.send({ type: 'confirmed', revision });
    },
    review() {
      for (const { pairing } of offering.outdated(online())) backends.offer(pairing.name);
    },
    renewTunnels() {
      renewals.deviceMade(online());
    },
    async observe(name, action, watch, signal) {
      const session = sessions.get(keyOf(name));
      if (session === undefined) throw offline(name);
      const isLive = () => sessions.get(session.agentKey) === session;
      return observations.ask(session, name, action, watch, isLive, signal);
    },
    async dismiss(session) {
      if (session === undefined) return false;
      session.send({ type: 'unpair' });
      const gone = () => ([...sessions.values()].includes(session) ? null : true);
      try {
        await changes.until(gone, AbortSignal.timeout(DISMISS_TIMEOUT_MS));
        return true;
      } catch {
        session.close('unpaired');
        return false;
      }
    },
  };
  return backends;
}
