/** The status document of the product's contract. */

import { backendStatus } from '../daemon/status.js';
import { pairingNamed } from '../store/pairings.js';
import type { Relay } from './relay.js';

/** All backends, or one; throws `not-found` for an unknown name. */
export async function status(relay: Relay, name: string | null): Promise<Record<string, unknown>> {
  const state = relay.store.state();
  const chosen = name === null ? state.pairings : [pairingNamed(state, name)];
  const figures = await relay.machine.figures();
  const endpoints = relay.machine.endpoints();
  return {
    relay: { endpoints, publicKey: state.identity.publicKey, version: relay.version, repair: relay.repair },
    backends: chosen.map((pairing) =>
      backendStatus(
        state,
        pairing,
        relay.backends.isOnline(pairing.name),
        relay.backends.failure(pairing.name),
        figures,
        relay.now().getTime(),
      ),
    ),
  };
}
