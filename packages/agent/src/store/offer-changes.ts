/**
 * Offers that wait to be confirmed, each change a pure function from state to state. As at the relay: one write begins,
 * with what was before beside it, and one that forgets it ends, when the kernel is as it should be.
 */

import type { Offer } from '@homeward/shared/protocol/messages';
import { changed, pairedRelays } from './relays.js';
import type { AcceptedOffer, BackendState, RelayRecord } from './state.js';

/** How an unconfirmed offer is guarded. */
export interface GuardedOffer {
  readonly change: string;
  readonly confirmMs: number;
}

/** Whether an offer is another tunnel than the one that services are reached through. */
export function isOtherTunnel({ accepted }: RelayRecord, { tunnel }: Offer): boolean {
  return accepted !== null && JSON.stringify(accepted.offer.tunnel) !== JSON.stringify(tunnel);
}

/** The relay whose offer waits by that name; undefined once that is settled. */
export function relayOfChange(state: BackendState, change: string): RelayRecord | undefined {
  return pairedRelays(state).find(({ fallback }) => fallback?.change === change);
}

/** The offer that is gone back to unless the present one is confirmed; null where nothing waits for that. */
export function formerOffer({ accepted, fallback }: RelayRecord): AcceptedOffer | null {
  return fallback === null || JSON.stringify(fallback.accepted) === JSON.stringify(accepted) ? null : fallback.accepted;
}

/** Begins with an offer whose tunnel has to be confirmed. */
export function withUnconfirmed(
  state: BackendState,
  controllerKey: string,
  accepted: AcceptedOffer,
  guarded: GuardedOffer,
): BackendState {
  return changed(state, controllerKey, (relay) =>
    relay.accepted === null
      ? { ...relay, accepted }
      : { ...relay, accepted, fallback: { accepted: relay.accepted, ...guarded } },
  );
}

/** Back to the offers that held, of one change or of all that are not settled. */
export function withOffersBack(state: BackendState, change: string | null): BackendState {
  return unsettled(state, change).reduce(
    (next, { controllerKey, fallback }) =>
      changed(next, controllerKey, (relay) => ({ ...relay, accepted: fallback?.accepted ?? relay.accepted })),
    state,
  );
}

/** Forgets what could be gone back to, of one change or of all: confirmed, or everything is as before. */
export function withOffersSettled(state: BackendState, change: string | null): BackendState {
  return unsettled(state, change).reduce(
    (next, { controllerKey }) => changed(next, controllerKey, (relay) => ({ ...relay, fallback: null })),
    state,
  );
}

function unsettled(state: BackendState, change: string | null): RelayRecord[] {
  return state.relays.filter(({ fallback }) => fallback !== null && (change === null || fallback.change === change));
}
