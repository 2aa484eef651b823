/** The main job: makes a pairing and its token, waits for the backend, sets both ends up, proves it. Tells each step as an event. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { withTimeLimit } from '@homeward/shared/host/time-limit';
import { RELAY_FOU_PORT } from '@homeward/shared/net/allocation';
import { type Forward, isWhole, parseForward } from '@homeward/shared/net/forward-spec';
import { parseBackendName } from '@homeward/shared/net/names';
import { formatPortRange } from '@homeward/shared/net/port';
import { fingerprint } from '@homeward/shared/session/keys';
import type { TunnelSpec } from '@homeward/shared/tunnel/tunnel-spec';
import { newPresharedKey } from '../daemon/preshared-key.js';
import { pairingTunnel } from '../desired/pairing-tunnel.js';
import { addPairing, pairingNamed, tunnelPorts } from '../store/pairings.js';
import type { RelayState } from '../store/state.js';
import { tokenCondition } from '../store/tokens.js';
import { confirmed } from './confirmed-change.js';
import { bringAbout, problemsOf, throwRefused, withAdded } from './forwards.js';
import { type ProbeOutcome, probeBackends } from './probe.js';
import type { Relay } from './relay.js';
import { issueToken } from './tokens.js';
import {
  type GuardedChange,
  isChange,
  refuseImpossibleTunnel,
  refuseTunnelBeyondThisMachine,
  type TunnelWish,
  tunnelOf,
  untilTunnelReady,
  withTunnel,
} from './tunnel.js';

export interface PairRequest {
  readonly backend: string;
  readonly forwards: readonly string[];
  readonly takeOver: boolean;
  /** Null: as it is, or WireGuard for a new pairing. */
  readonly tunnel: TunnelWish | null;
  /** How long another tunnel for a backend that has one may take to be proven, milliseconds. */
  readonly confirmMs: number;
  readonly expiresMs: number;
  readonly wait: boolean;
  readonly timeoutMs: number;
}

export interface PairOutcome {
  readonly state: 'waiting' | 'paired';
  readonly proof: ProbeOutcome | null;
}

type Emit = (event: Record<string, unknown>) => void;

/**
 * Throws `rolled-back` when another tunnel was asked for and did not prove itself in time, `conflict` and `bad-input` with
 * nothing changed.
 */
export async function pair(relay: Relay, request: PairRequest, emit: Emit, signal: AbortSignal): Promise<PairOutcome> {
  const name = parseBackendName(request.backend);
  const wanted = request.forwards.map(parseForward);
  const ports = await relay.ports();
  const endpoints = relay.machine.endpoints();
  if (request.tunnel !== null) await refuseTunnelBeyondThisMachine(relay, request.tunnel, ports, signal);
  const present = relay.store.state().pairings.find((pairing) => pairing.name === name);
  const asked = request.tunnel === null ? null : tunnelOf(request.tunnel, present?.tunnel ?? null);
  /** The state as asked for; whatever is wrong with that is thrown, and nothing was changed. */
  const withAsked = (state: RelayState, guarded: GuardedChange | null): RelayState => {
    const isThere = state.pairings.some((pairing) => pairing.name === name);
    const paired = isThere ? state : addPairing(state, name, newPresharedKey());
    const tunnelled = withTunnel(paired, name, asked ?? pairingNamed(paired, name).tunnel, guarded);
    const doors = { ...ports, tunnelPorts: [...new Set([...ports.tunnelPorts, ...tunnelPorts(tunnelled)])] };
    return withAdded(tunnelled, name, wanted, doors, request.takeOver);
  };
  const isGuarded = present !== undefined && asked !== null && isChange(present, asked);
  if (isGuarded) {
    withAsked(relay.store.state(), { change: '', confirmMs: request.confirmMs });
    // Before anything is changed: without its backend a tunnel cannot be proven, while the present one works.
    await untilThere(relay, request, name, emit, signal);
  }
  const guarded = isGuarded
    ? { change: await relay.startGuard(request.confirmMs), confirmMs: request.confirmMs }
    : null;
  // One change: bad input leaves neither a pairing nor half of the forwards behind.
  await relay.store.update((state) => ({ state: withAsked(state, guarded), result: null }));
  if (pairingNamed(relay.store.state(), name).agentKey === null) {
    emit(await tokenEvent(relay, name, request.expiresMs, endpoints));
  }
  const bring = async (limit: AbortSignal): Promise<PairOutcome> => {
    if (!request.wait && !relay.backends.isOnline(name)) return { state: 'waiting', proof: null };
    await untilOnline(relay, name, request.timeoutMs, emit, limit);
    refuseImpossibleTunnel(relay, name);
    if ((await bringAbout(relay, name, limit)) !== 'applied') throw lostAgain(name);
    emit(appliedEvent(relay, name));
    throwRefused(relay, name, wanted);
    await untilTunnelReady(relay, name, limit);
    const proof = await probeBackends(relay, name, null, limit);
    emit({ event: 'probed', backend: name, ...proof });
    return { state: 'paired', proof };
  };
  return guarded === null ? bring(signal) : confirmed(relay, guarded, emit, signal, bring);
}

/** Throws `unreachable` for a backend that is away when it is not to be waited for, else as `untilOnline`. */
async function untilThere(
  relay: Relay,
  { wait, timeoutMs }: PairRequest,
  name: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  if (wait || relay.backends.isOnline(name)) return untilOnline(relay, name, timeoutMs, emit, signal);
  throw new RelayError('unreachable', `backend "${name}" is offline: its tunnel stays as it is`, {
    hint: 'look at it there: agent status; without --no-wait it is waited for',
  });
}

async function tokenEvent(
  relay: Relay,
  name: string,
  expiresMs: number,
  endpoints: readonly string[],
): Promise<Record<string, unknown>> {
  const request = { name, namePrefix: null, uses: 1, expiresMs };
  const { token, expiresAt, urls, problem } = await issueToken(relay, request, endpoints);
  const { controlPort } = await relay.ports();
  const { tunnel, forwards } = pairingNamed(relay.store.state(), name);
  return {
    event: 'token',
    backend: name,
    token,
    tunnel: tunnel.kind,
    command: tunnel.kind === 'external' ? `agent enroll --device ${tunnel.device}` : 'agent enroll',
    expiresAt,
    urls,
    problems: [problem, ...problemsOf(relay, forwards)].filter((each) => each !== null),
    openPorts: [`${controlPort}/tcp`, ...tunnelDoors(relay, tunnel), ...forwards.map(publicSide)],
  };
}

/** What a firewall before the relay has to let in for a tunnel; whoever makes an external one knows. */
function tunnelDoors(relay: Relay, tunnel: TunnelSpec): string[] {
  if (tunnel.kind === 'wireguard') return [`${relay.store.state().wireguard.port}/udp`];
  if (tunnel.kind === 'external') return [];
  return [tunnel.udp ? `${RELAY_FOU_PORT}/udp` : 'IP protocol 47 (GRE)'];
}

/** What a firewall before the relay has to let in for a forward: its public ports, not where they lead. */
function publicSide(forward: Forward): string {
  const { publicPorts, transports } = forward;
  if (isWhole(forward)) return 'everything that is to be forwarded';
  return `${formatPortRange(publicPorts)}/${transports.join('+')}`;
}

async function untilOnline(
  relay: Relay,
  name: string,
  timeoutMs: number,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const limit = withTimeLimit(signal, timeoutMs);
  let announced = false;
  const wasPaired = pairingNamed(relay.store.state(), name).agentKey !== null;
  try {
    await relay.changes.until(() => {
      const { agentKey } = pairingNamed(relay.store.state(), name);
      if (agentKey !== null && !announced && !wasPaired) {
        announced = true;
        emit({ event: 'enrolled', backend: name, fingerprint: fingerprint(agentKey) });
      }
      return agentKey !== null && relay.backends.isOnline(name) ? true : null;
    }, limit);
  } catch (error) {
    if (signal.aborted || !(error instanceof RelayError) || error.code !== 'interrupted') throw error;
    throw notCome(relay, name, timeoutMs);
  }
}

function lostAgain(name: string): RelayError {
  return new RelayError('unreachable', `backend "${name}" went away again before it was set up`, {
    hint: `look at it there: agent status; then: controller pair ${name}`,
  });
}

function notCome(relay: Relay, name: string, timeoutMs: number): RelayError {
  const limit = `${Math.round(timeoutMs / 1000)} s`;
  if (pairingNamed(relay.store.state(), name).agentKey !== null) {
    return new RelayError('timeout', `backend "${name}" is paired but did not connect within ${limit}`, {
      hint: 'start it there: agent run',
    });
  }
  const token = relay.store.state().tokens.find((candidate) => candidate.name === name);
  const isValid = token !== undefined && tokenCondition(token, relay.now()) === 'valid';
  return new RelayError('timeout', `backend "${name}" did not come within ${limit}; it stays waiting`, {
    hint: `its token is ${isValid ? `valid until ${token.expiresAt}` : 'not valid any more'}; for a new one: controller pair ${name}`,
  });
}

function appliedEvent(relay: Relay, name: string): Record<string, unknown> {
  const state = relay.store.state();
  const pairing = pairingNamed(state, name);
  const { backend, families } = pairingTunnel(state, pairing, relay.machine.tunnelFacts());
  return {
    event: 'applied',
    backend: name,
    revision: pairing.revision,
    forwards: pairing.forwards.map(({ spec }) => spec),
    refused: pairing.applied?.refused ?? [],
    tunnel: {
      kind: pairing.tunnel.kind,
      implementation: pairing.applied?.implementation ?? null,
      device: pairing.applied?.device ?? null,
      backendAddress: backend.ipv4,
      backendAddress6: families.includes('ipv6') ? backend.ipv6 : null,
    },
  };
}
