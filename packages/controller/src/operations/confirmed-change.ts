/**
 * A change of tunnels while everything runs: kept when it was proven over a living session within its time, else undone,
 * whatever happened. A guard outside of the daemon stands by from before the change until it is settled.
 */

import { RelayError, toRelayError } from '@homeward/shared/errors/relay-error';
import { withTimeLimit } from '@homeward/shared/host/time-limit';
import { tunnelText } from '@homeward/shared/tunnel/tunnel-spec';
import { pairingOfChange, withChangesSettled, withTunnelsBack } from '../store/tunnel-changes.js';
import { bringAbout } from './forwards.js';
import type { PairOutcome } from './pair.js';
import type { Relay } from './relay.js';
import type { GuardedChange } from './tunnel.js';

/** How long the backend may take to go back to its former tunnel. */
const ROLLBACK_LIMIT_MS = 60_000;

type Emit = (event: Record<string, unknown>) => void;

/**
 * Brings a stored change about and keeps it if it is proven in time. Throws `rolled-back` with the reason when it was
 * undone. `bring` gets a signal that aborts when the time is over.
 */
export async function confirmed(
  relay: Relay,
  { change, confirmMs }: GuardedChange,
  emit: Emit,
  signal: AbortSignal,
  bring: (signal: AbortSignal) => Promise<PairOutcome>,
): Promise<PairOutcome> {
  const begun = pairingOfChange(relay.store.state(), change);
  if (begun === undefined) throw new RelayError('bug', 'a change was begun and is not stored');
  const [to, from] = [tunnelText(begun.tunnel), tunnelText(begun.fallback.tunnel)];
  const limit = withTimeLimit(signal, confirmMs);
  const undone = async (reason: string): Promise<RelayError> => {
    const name = await goBack(relay, change);
    relay.logger.warn({ backend: name, from: to, to: from, reason }, 'a change of the tunnel is undone');
    emit({ event: 'rolled-back', backend: name, from: to, to: from, reason });
    return new RelayError('rolled-back', `${reason}; the ${from} tunnel is back as it was`, {
      hint: `see how it is: controller probe ${name}`,
    });
  };
  let outcome: PairOutcome;
  try {
    outcome = await bring(limit);
  } catch (error) {
    throw await undone(reasonOf(error, limit.aborted && !signal.aborted, to, confirmMs));
  }
  if (outcome.proof?.ok !== true) throw await undone(`the ${to} tunnel did not prove itself`);
  if (limit.aborted) throw await undone(reasonOf(null, !signal.aborted, to, confirmMs));
  const { name } = pairingOfChange(relay.store.state(), change) ?? begun;
  if (!relay.backends.isOnline(name)) {
    throw await undone(`backend "${name}" went away before the ${to} tunnel was confirmed`);
  }
  await relay.store.update((state) => ({ state: withChangesSettled(state, change), result: null }));
  relay.backends.confirm(name);
  relay.logger.info({ backend: name, from, to }, 'a change of the tunnel is proven and kept');
  emit({ event: 'kept', backend: name, from, to });
  await relay.reconcile();
  return outcome;
}

/** Gives how the backend is called by now. */
async function goBack(relay: Relay, change: string): Promise<string> {
  await relay.store.update((state) => ({ state: withTunnelsBack(state, change), result: null }));
  const name = pairingOfChange(relay.store.state(), change)?.name;
  // Unpaired meanwhile: nothing is left of it.
  if (name === undefined) return 'unpaired';
  // Not by the caller's signal: who interrupts wants to be back where it worked.
  await bringAbout(relay, name, AbortSignal.timeout(ROLLBACK_LIMIT_MS)).catch((error: unknown) =>
    relay.logger.error({ err: error, backend: name }, 'the former tunnel could not be set up at once'),
  );
  await relay.store.update((state) => ({ state: withChangesSettled(state, change), result: null }));
  return name;
}

function reasonOf(error: unknown, isLate: boolean, tunnel: string, confirmMs: number): string {
  if (isLate) return `the ${tunnel} tunnel was not confirmed within ${confirmMs / 1000} s`;
  const { message, hint } = error === null ? new RelayError('interrupted', 'interrupted') : toRelayError(error);
  return hint === undefined ? message : `${message} (${hint})`;
}
