/**
 * Changes of tunnels that wait to be confirmed, each a pure function from state to state.
 *
 * A change begins with one write: the new tunnel, and the former one beside it. It ends with another that forgets the
 * former one: when the new one was proven, or once it was gone back and the kernel is as before. Whoever dies between
 * leaves a state that tells what there is to do.
 */

import { isDeepStrictEqual } from 'node:util';
import type { TunnelSpec } from '@homeward/shared/tunnel/tunnel-spec';
import { withPairing } from './pairings.js';
import type { Fallback, Pairing, RelayState } from './state.js';

/** A pairing whose change of tunnels is not settled. */
export type UnsettledPairing = Pairing & { readonly fallback: Fallback };

export function isUnsettled(pairing: Pairing): pairing is UnsettledPairing {
  return pairing.fallback !== null;
}

export function isSameTunnel(a: TunnelSpec, b: TunnelSpec): boolean {
  return isDeepStrictEqual(a, b);
}

/** The tunnel that is gone back to unless the present one is confirmed; null where nothing waits for that. */
export function formerTunnel({ tunnel, fallback }: Pairing): TunnelSpec | null {
  return fallback === null || isSameTunnel(fallback.tunnel, tunnel) ? null : fallback.tunnel;
}

/** The pairing of a change, however it is called by now; undefined once the change is settled. */
export function pairingOfChange(state: RelayState, change: string): UnsettledPairing | undefined {
  return state.pairings.filter(isUnsettled).find(({ fallback }) => fallback.change === change);
}

/** Back to the tunnel that held, of one change or of all that are not settled. What was gone back already stays. */
export function withTunnelsBack(state: RelayState, change: string | null): RelayState {
  return unsettled(state, change)
    .filter((pairing) => formerTunnel(pairing) !== null)
    .reduce((next, pairing) => {
      const { tunnel, applied } = pairing.fallback;
      return withPairing(next, { ...pairing, tunnel, applied, proof: null, revision: pairing.revision + 1 });
    }, state);
}

/** Forgets what could be gone back to, of one change or of all: it was confirmed, or everything is as before. */
export function withChangesSettled(state: RelayState, change: string | null): RelayState {
  return unsettled(state, change).reduce((next, pairing) => withPairing(next, { ...pairing, fallback: null }), state);
}

function unsettled(state: RelayState, change: string | null): UnsettledPairing[] {
  return state.pairings.filter(isUnsettled).filter(({ fallback }) => change === null || fallback.change === change);
}
