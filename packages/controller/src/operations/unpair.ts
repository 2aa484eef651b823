/** Ending a pairing: revoked in the store first, then peer and forwards, then the session, then the notice. */

import { pairingNamed, removePairing } from '../store/pairings.js';
import type { Relay } from './relay.js';

export interface UnpairOutcome {
  readonly backend: string;
  /** False: no backend ever used its token, which is revoked. */
  readonly wasEnrolled: boolean;
  /** False: the backend is offline and hears it when it next connects. */
  readonly cleaned: boolean;
}

/** Removes everything of the pairing here at once; gives whether the backend has cleaned up as well. */
export async function unpair(relay: Relay, name: string): Promise<UnpairOutcome> {
  const agentKey = await relay.store.update((state) => ({
    state: removePairing(state, name, relay.now().toISOString()),
    result: pairingNamed(state, name).agentKey,
  }));
  const session = relay.backends.sessionOf(agentKey);
  let cleaned = false;
  try {
    await relay.reconcile();
  } finally {
    // Whatever the kernel said: revoked is revoked, and the backend is told.
    cleaned = await relay.backends.dismiss(session);
    relay.changes.notify();
  }
  return { backend: name, wasEnrolled: agentKey !== null, cleaned };
}
