/** Changing the forwards of a backend while everything runs. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { withTimeLimit } from '@homeward/shared/host/time-limit';
import { type Forward, isWhole, parseForward, placeOf } from '@homeward/shared/net/forward-spec';
import { createForwardCheck, type RelayPorts } from '../forwards/conflicts.js';
import { missingAddress } from '../forwards/entrance.js';
import { withForwardsAdded, withForwardsRemoved } from '../forwards/forward-list.js';
import { pairingNamed, withForwards } from '../store/pairings.js';
import type { RelayState } from '../store/state.js';
import type { Relay } from './relay.js';

/** How long an online backend may take to apply an offer: a small machine with many forwards takes its time. */
const APPLY_TIMEOUT_MS = 60_000;

export interface ForwardsOutcome {
  readonly backend: string;
  readonly forwards: readonly string[];
  readonly changed: boolean;
  /** `offline`: stored, and set up when the backend is back; `waiting`: when it has enrolled. */
  readonly state: 'applied' | 'offline' | 'waiting';
  /** Why nothing comes by some of those that were asked for. */
  readonly problems: readonly string[];
}

/** Adds forwards to those there are. All are checked before anything is changed. */
export async function addForwards(
  relay: Relay,
  backend: string,
  specs: readonly string[],
  takeOver: boolean,
  signal: AbortSignal,
): Promise<ForwardsOutcome> {
  const wanted = specs.map(parseForward);
  const changed = await storeAdded(relay, backend, wanted, takeOver);
  const state = await bringAbout(relay, backend, signal);
  throwRefused(relay, backend, wanted);
  return { backend, forwards: specsOf(relay, backend), changed, state, problems: problemsOf(relay, wanted) };
}

async function storeAdded(
  relay: Relay,
  backend: string,
  wanted: readonly Forward[],
  takeOver: boolean,
): Promise<boolean> {
  const ports = await relay.ports();
  return relay.store.update((state) => {
    const next = withAdded(state, backend, wanted, ports, takeOver);
    return { state: next, result: next !== state };
  });
}

/** The state with the forwards added, each checked beside those before it; the same state when all are there. Throws `conflict`. */
export function withAdded(
  state: RelayState,
  backend: string,
  wanted: readonly Forward[],
  ports: RelayPorts,
  takeOver: boolean,
): RelayState {
  const check = createForwardCheck(state, ports, wanted.length);
  for (const forward of wanted) check.admit(backend, forward, takeOver);
  const before = pairingNamed(state, backend).forwards;
  const after = withForwardsAdded(before, wanted);
  return after === before ? state : withForwards(state, backend, after);
}

export async function removeForwards(
  relay: Relay,
  backend: string,
  specs: readonly string[],
  signal: AbortSignal,
): Promise<ForwardsOutcome> {
  const unwanted = specs.map(parseForward);
  await relay.store.update((state) => {
    const left = withForwardsRemoved(backend, pairingNamed(state, backend).forwards, unwanted);
    return { state: withForwards(state, backend, left), result: null };
  });
  const state = await bringAbout(relay, backend, signal);
  return { backend, forwards: specsOf(relay, backend), changed: true, state, problems: [] };
}

/** What keeps clients from coming by the forwards, a line each. */
export function problemsOf(relay: Relay, forwards: readonly Forward[]): string[] {
  const own = relay.machine.addresses();
  return forwards.flatMap((forward) => {
    const problem = missingAddress(forward, own);
    return problem === null ? [] : [`${forward.spec}: ${problem}`];
  });
}

function specsOf(relay: Relay, backend: string): string[] {
  return pairingNamed(relay.store.state(), backend).forwards.map(({ spec }) => spec);
}

/** Sets both ends up and waits until the backend has applied its offer. Throws what the backend could not do. */
export async function bringAbout(
  relay: Relay,
  backend: string,
  signal: AbortSignal,
): Promise<ForwardsOutcome['state']> {
  // Both ends at once: neither waits for the other's kernel.
  relay.backends.offer(backend);
  // `all` leaves to the relay what listens there now, not at the last look.
  const hasWhole = pairingNamed(relay.store.state(), backend).forwards.some(isWhole);
  await (hasWhole ? relay.reconcile() : relay.reconcile('last-look'));
  if (pairingNamed(relay.store.state(), backend).agentKey === null) return 'waiting';
  if (!relay.backends.isOnline(backend)) return 'offline';
  await untilApplied(relay, backend, withTimeLimit(signal, APPLY_TIMEOUT_MS)).catch((error: unknown) => {
    if (signal.aborted || !(error instanceof RelayError) || error.code !== 'interrupted') throw error;
    throw new RelayError(
      'timeout',
      `backend "${backend}" did not apply its forwards within ${APPLY_TIMEOUT_MS / 1000} s`,
      {
        hint: 'look at it there: agent status',
      },
    );
  });
  return 'applied';
}

/** Resolves when the backend has applied the newest revision; throws `command-failed` when it says that it cannot. */
async function untilApplied(relay: Relay, backend: string, signal: AbortSignal): Promise<void> {
  await relay.changes.until(() => {
    const failure = relay.backends.failure(backend);
    if (failure !== null)
      throw new RelayError('command-failed', `backend "${backend}" could not be set up: ${failure}`);
    if (!relay.backends.isOnline(backend)) {
      throw new RelayError('unreachable', `backend "${backend}" went away before it had applied its offer`, {
        hint: 'it is set up when it comes back; look at it there: agent status',
      });
    }
    const pairing = pairingNamed(relay.store.state(), backend);
    return pairing.applied?.revision === pairing.revision && relay.backends.hasAnswered(backend) ? true : null;
  }, signal);
}

/** Throws `refused` when the backend's owner does not allow one of the forwards. */
export function throwRefused(relay: Relay, backend: string, wanted: readonly Forward[]): void {
  const pairing = pairingNamed(relay.store.state(), backend);
  if (pairing.applied === null || pairing.applied.refused.length === 0) return;
  // 53/tcp asked for is part of a stored 53/tcp+udp.
  const places = new Set(wanted.map(placeOf));
  const specs = new Set(pairing.forwards.filter((forward) => places.has(placeOf(forward))).map(({ spec }) => spec));
  const refusal = pairing.applied.refused.find((refused) => specs.has(refused.spec));
  if (refusal === undefined) return;
  throw new RelayError('refused', `backend "${backend}" refuses ${refusal.spec}: ${refusal.reason}`, {
    hint: `nothing is forwarded for it; allow it there and repeat, or: controller forward remove ${backend} ${refusal.spec}`,
  });
}
