/** Brings the stored choices in line with the settings before the kernel is touched: tunnel port and pool. */

import type { Store } from '@homeward/shared/host/store';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import type { Listener } from '@homeward/shared/kernel/sockets';
import { RELAY_LINK } from '@homeward/shared/net/allocation';
import { formatIpv4Prefix } from '@homeward/shared/net/ipv4';
import type { Settings } from '../config.js';
import type { RelayState } from '../store/state.js';
import { chooseTunnelPort } from './first-state.js';

/** Throws `conflict` when the wanted tunnel port is taken. */
export async function settle(
  store: Store<RelayState>,
  settings: Settings,
  snapshot: Snapshot,
  listeners: readonly Listener[],
): Promise<void> {
  await store.update((state) => {
    const settled = withPool(withTunnelPort(state, settings.wireguardPort, snapshot, listeners), settings);
    return { state: settled, result: null };
  });
}

/** A port given, or taken by somebody else while our device is away, is settled before the device is made. */
function withTunnelPort(
  state: RelayState,
  wanted: number | null,
  snapshot: Snapshot,
  listeners: readonly Listener[],
): RelayState {
  const present = state.wireguard.port;
  const isOurs = snapshot.links.some((link) => link.name === RELAY_LINK);
  const isTaken = !isOurs && listeners.some(({ transport, port }) => transport === 'udp' && port === present);
  if (wanted === present || (wanted === null && !isTaken)) return state;
  return offeredAnew({ ...state, wireguard: { ...state.wireguard, port: chooseTunnelPort(wanted, listeners) } });
}

function withPool(state: RelayState, { pool }: Settings): RelayState {
  if (pool === null || formatIpv4Prefix(pool) === state.pool) return state;
  return offeredAnew({ ...state, pool: formatIpv4Prefix(pool) });
}

/** Every backend has to hear of the change. */
function offeredAnew(state: RelayState): RelayState {
  return { ...state, pairings: state.pairings.map((pairing) => ({ ...pairing, revision: pairing.revision + 1 })) };
}
