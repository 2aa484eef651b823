/** The main job: makes a pairing and its token, waits for the backend, sets both ends up, proves it. Tells each step as an event. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { type Forward, parseForward } from '@homeward/shared/net/forward-spec';
import { parseBackendName } from '@homeward/shared/net/names';
import { formatPortRange } from '@homeward/shared/net/port';
import { fingerprint } from '@homeward/shared/session/keys';
import { newPresharedKey } from '../daemon/preshared-key.js';
import { addPairing, backendTunnelAddresses, pairingNamed } from '../store/pairings.js';
import { tokenCondition } from '../store/tokens.js';
import { bringAbout, throwRefused, withAdded } from './forwards.js';
import { type ProbeOutcome, probeBackends, untilHandshake } from './probe.js';
import type { Relay } from './relay.js';
import { issueToken } from './tokens.js';

export interface PairRequest {
  readonly backend: string;
  readonly forwards: readonly string[];
  readonly takeOver: boolean;
  readonly expiresMs: number;
  readonly wait: boolean;
  readonly timeoutMs: number;
}

export interface PairOutcome {
  readonly state: 'waiting' | 'paired';
  readonly proof: ProbeOutcome | null;
}

type Emit = (event: Record<string, unknown>) => void;

export async function pair(relay: Relay, request: PairRequest, emit: Emit, signal: AbortSignal): Promise<PairOutcome> {
  const name = parseBackendName(request.backend);
  const wanted = request.forwards.map(parseForward);
  const ports = await relay.ports();
  const endpoints = relay.machine.endpoints();
  // One change: bad input leaves neither a pairing nor half of the forwards behind.
  await relay.store.update((state) => {
    const isNew = !state.pairings.some((pairing) => pairing.name === name);
    const paired = isNew ? addPairing(state, name, newPresharedKey()) : state;
    return { state: withAdded(paired, name, wanted, ports, request.takeOver), result: null };
  });
  if (pairingNamed(relay.store.state(), name).agentKey === null) {
    emit(await tokenEvent(relay, name, request.expiresMs, endpoints));
  }
  if (!request.wait && !relay.backends.isOnline(name)) return { state: 'waiting', proof: null };
  await untilOnline(relay, name, request.timeoutMs, emit, signal);
  if ((await bringAbout(relay, name, signal)) !== 'applied') throw lostAgain(name);
  emit(appliedEvent(relay, name));
  throwRefused(relay, name, wanted);
  await untilHandshake(relay, name, signal);
  const proof = await probeBackends(relay, name, null, signal);
  emit({ event: 'probed', backend: name, ...proof });
  return { state: 'paired', proof };
}

async function tokenEvent(
  relay: Relay,
  name: string,
  expiresMs: number,
  endpoints: readonly string[],
): Promise<Record<string, unknown>> {
  const request = { name, namePrefix: null, uses: 1, expiresMs };
  const { token, expiresAt, urls } = await issueToken(relay, request, endpoints);
  const { controlPort, tunnelPort } = await relay.ports();
  return {
    event: 'token',
    backend: name,
    token,
    command: 'agent enroll',
    expiresAt,
    urls,
    openPorts: [
      `${controlPort}/tcp`,
      `${tunnelPort}/udp`,
      ...pairingNamed(relay.store.state(), name).forwards.map(publicSide),
    ],
  };
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
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
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
  const { ipv4: backendAddress, ipv6: backendAddress6 } = backendTunnelAddresses(state, pairing);
  return {
    event: 'applied',
    backend: name,
    revision: pairing.revision,
    forwards: pairing.forwards.map(({ spec }) => spec),
    refused: pairing.applied?.refused ?? [],
    tunnel: {
      kind: 'wireguard',
      implementation: pairing.applied?.implementation ?? null,
      device: pairing.applied?.device ?? null,
      backendAddress,
      backendAddress6,
    },
  };
}
