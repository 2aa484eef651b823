/** The main job: makes a pairing and its token, waits for the backend, sets both ends up, proves it. Tells each step as an event. */

import { RelayError, toRelayError } from '@homeward/shared/errors/relay-error';
import { withTimeLimit } from '@homeward/shared/host/time-limit';
import { RELAY_FOU_PORT } from '@homeward/shared/net/allocation';
import { type Forward, parseForward } from '@homeward/shared/net/forward-spec';
import { parseBackendName } from '@homeward/shared/net/names';
import { formatPortRange } from '@homeward/shared/net/port';
import { fingerprint } from '@homeward/shared/session/keys';
import { type TunnelSpec, tunnelText } from '@homeward/shared/tunnel/tunnel-spec';
import { newPresharedKey } from '../daemon/preshared-key.js';
import { pairingTunnel } from '../desired/pairing-tunnel.js';
import { addPairing, pairingNamed, tunnelPorts, withTunnelKept, withTunnelsBack } from '../store/pairings.js';
import { tokenCondition } from '../store/tokens.js';
import { bringAbout, throwRefused, withAdded } from './forwards.js';
import { type ProbeOutcome, probeBackends } from './probe.js';
import type { Relay } from './relay.js';
import { issueToken } from './tokens.js';
import {
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
  readonly expiresMs: number;
  readonly wait: boolean;
  readonly timeoutMs: number;
}

export interface PairOutcome {
  readonly state: 'waiting' | 'paired';
  readonly proof: ProbeOutcome | null;
}

/** How long the backend may take to go back to its former tunnel. */
const ROLLBACK_LIMIT_MS = 60_000;

type Emit = (event: Record<string, unknown>) => void;

export async function pair(relay: Relay, request: PairRequest, emit: Emit, signal: AbortSignal): Promise<PairOutcome> {
  const name = parseBackendName(request.backend);
  const wanted = request.forwards.map(parseForward);
  const ports = await relay.ports();
  const endpoints = relay.machine.endpoints();
  if (request.tunnel !== null) await refuseTunnelBeyondThisMachine(relay, request.tunnel, ports, signal);
  // One change: bad input leaves neither a pairing nor half of the forwards behind.
  await relay.store.update((state) => {
    const present = state.pairings.find((pairing) => pairing.name === name);
    const paired = present === undefined ? addPairing(state, name, newPresharedKey()) : state;
    const { tunnel } = pairingNamed(paired, name);
    const asked = request.tunnel === null ? tunnel : tunnelOf(request.tunnel, present?.tunnel ?? null);
    const tunnelled = withTunnel(paired, name, asked);
    const doors = { ...ports, tunnelPorts: [...new Set([...ports.tunnelPorts, ...tunnelPorts(tunnelled)])] };
    return { state: withAdded(tunnelled, name, wanted, doors, request.takeOver), result: null };
  });
  if (pairingNamed(relay.store.state(), name).agentKey === null) {
    emit(await tokenEvent(relay, name, request.expiresMs, endpoints));
  }
  return withRollback(relay, name, emit, async () => {
    if (!request.wait && !relay.backends.isOnline(name)) return { state: 'waiting', proof: null };
    await untilOnline(relay, name, request.timeoutMs, emit, signal);
    refuseImpossibleTunnel(relay, name);
    if ((await bringAbout(relay, name, signal)) !== 'applied') throw lostAgain(name);
    emit(appliedEvent(relay, name));
    throwRefused(relay, name, wanted);
    await untilTunnelReady(relay, name, signal);
    const proof = await probeBackends(relay, name, null, signal);
    emit({ event: 'probed', backend: name, ...proof });
    return { state: 'paired', proof };
  });
}

/** Another tunnel is kept when everything was proven through it; else the one before is set up again, whatever happened. */
async function withRollback(
  relay: Relay,
  name: string,
  emit: Emit,
  bring: () => Promise<PairOutcome>,
): Promise<PairOutcome> {
  const { tunnel, fallback } = pairingNamed(relay.store.state(), name);
  if (fallback === null) return bring();
  const back = async (reason: string): Promise<RelayError> => {
    await relay.store.update((state) => ({ state: withTunnelsBack(state, name), result: null }));
    // Not by the caller's signal: who interrupts wants to be back where it worked.
    await bringAbout(relay, name, AbortSignal.timeout(ROLLBACK_LIMIT_MS)).catch((error: unknown) =>
      relay.logger.error({ err: error, backend: name }, 'the former tunnel could not be set up at once'),
    );
    const [was, is] = [tunnelText(tunnel), tunnelText(fallback)];
    emit({ event: 'rolled-back', backend: name, from: was, to: is, reason });
    return new RelayError('rolled-back', `${reason}; the ${is} tunnel is back as it was`, {
      hint: `see how it is: controller probe ${name}`,
    });
  };
  let outcome: PairOutcome;
  try {
    outcome = await bring();
  } catch (error) {
    const { message, hint } = toRelayError(error);
    throw await back(hint === undefined ? message : `${message} (${hint})`);
  }
  if (outcome.proof?.ok !== true) throw await back(`the ${tunnelText(tunnel)} tunnel did not prove itself`);
  await relay.store.update((state) => ({ state: withTunnelKept(state, name), result: null }));
  await relay.reconcile();
  return outcome;
}

async function tokenEvent(
  relay: Relay,
  name: string,
  expiresMs: number,
  endpoints: readonly string[],
): Promise<Record<string, unknown>> {
  const request = { name, namePrefix: null, uses: 1, expiresMs };
  const { token, expiresAt, urls } = await issueToken(relay, request, endpoints);
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
function publicSide({ publicPorts, transports }: Forward): string {
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
