/**
 * Follows backends whose GRE comes in UDP: through their NAT, from a port that it chooses. The kernel takes down where
 * packets with a pairing's key come from (FOU does not roam by itself); here they become the tunnel's other end.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { command } from '@homeward/shared/host/command';
import type { Runner } from '@homeward/shared/host/runner';
import type { Store } from '@homeward/shared/host/store';
import { newestMapping } from '@homeward/shared/kernel/nft-mapping';
import { RELAY_TABLE } from '@homeward/shared/net/allocation';
import type { Logger } from 'pino';
import { mappingSet } from '../desired/relay-sets.js';
import { withPairing } from '../store/pairings.js';
import type { Pairing, RelayState } from '../store/state.js';

/** How often is looked, milliseconds: with a keepalive every 10 s a backend is found again within a quarter of a minute. */
const LOOK_MS = 2_000;

export interface FouMappingsDeps {
  readonly store: Store<RelayState>;
  readonly runner: Runner;
  readonly logger: Logger;
  reconcile(): Promise<unknown>;
}

export interface FouMappings {
  /** Looks now, and sets the tunnels up whose other end moved. */
  look(): Promise<void>;
  /** Looks again and again until the signal. */
  follow(signal: AbortSignal): Promise<void>;
}

export function createFouMappings({ store, runner, logger, reconcile }: FouMappingsDeps): FouMappings {
  async function seen({ index, outer }: Pairing): Promise<number | null> {
    const set = command('nft', ['-j', 'list', 'set', 'inet', RELAY_TABLE, mappingSet(index)]);
    // Without the set (a moment after a flush) nothing is known.
    const listing = await runner.run(set).catch(() => null);
    return listing === null || outer === null ? null : newestMapping(listing, outer.remote);
  }

  async function look(): Promise<void> {
    let hasMoved = false;
    for (const pairing of store.state().pairings.filter(isMapped)) {
      const port = await seen(pairing);
      if (port === null || port === pairing.outer?.port) continue;
      hasMoved = true;
      logger.info({ backend: pairing.name, port }, 'the GRE of the backend comes from another UDP port');
      await store.update((state) => ({ state: withOuterPort(state, pairing, port), result: null }));
    }
    if (hasMoved) await reconcile();
  }

  return {
    look,
    async follow(signal) {
      while (!signal.aborted) {
        await look().catch((error: unknown) => logger.error({ err: error }, 'cannot look for mapped ports'));
        await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

function isMapped({ tunnel, outer }: Pairing): boolean {
  return tunnel.kind === 'gre' && tunnel.udp && outer !== null;
}

/** Unless the backend is elsewhere by now. */
function withOuterPort(state: RelayState, { agentKey, outer }: Pairing, port: number): RelayState {
  const current = state.pairings.find((pairing) => pairing.agentKey === agentKey);
  if (current?.outer == null || current.outer.remote !== outer?.remote) return state;
  return withPairing(state, { ...current, outer: { ...current.outer, port } });
}
