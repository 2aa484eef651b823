/** Brings the stored choices in line with the settings before the kernel is touched: tunnel port and pool. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Store } from '@homeward/shared/host/store';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import type { Listener } from '@homeward/shared/kernel/sockets';
import { RELAY_LINK } from '@homeward/shared/net/allocation';
import { formatPrefix } from '@homeward/shared/net/prefix';
import type { Settings } from '../config.js';
import { doorTaken } from '../forwards/conflicts.js';
import { tunnelPorts } from '../store/pairings.js';
import type { RelayState } from '../store/state.js';
import { withTunnelsBack } from '../store/tunnel-changes.js';
import { chooseTunnelPort, refuseUsedPool } from './first-state.js';

/** Throws `conflict` when the wanted tunnel port or pool is taken, or a forward stands on the control or tunnel port. */
export async function settle(
  store: Store<RelayState>,
  settings: Settings,
  snapshot: Snapshot,
  listeners: readonly Listener[],
): Promise<void> {
  await store.update((state) => {
    // A change of tunnels that was cut off has not proven itself. Its guard stands until the kernel is as before.
    const settled = withPool(
      withTunnelPort(withTunnelsBack(state, null), settings.wireguardPort, snapshot, listeners),
      settings,
      snapshot,
    );
    refuseSharedPort(settled);
    refuseForwardedDoors(settled, settings.listen.port);
    return { state: settled, result: null };
  });
}

function refuseSharedPort(state: RelayState): void {
  const [wireguard, ...others] = tunnelPorts(state);
  if (wireguard === undefined || !others.includes(wireguard)) return;
  throw new RelayError('conflict', `port ${wireguard}/udp is that of GRE in UDP, which a backend uses`, {
    hint: 'choose another port with --wireguard-port',
  });
}

function refuseForwardedDoors(state: RelayState, controlPort: number): void {
  const ports = { listeners: [], controlPort, tunnelPorts: tunnelPorts(state) };
  for (const pairing of state.pairings) {
    for (const forward of pairing.forwards) {
      const door = doorTaken(forward, ports);
      if (door === null) continue;
      throw new RelayError(
        'conflict',
        `${door.what} ${door.port}/${door.transport} is forwarded to ${pairing.name} (${forward.spec})`,
        {
          hint: 'choose another port with --listen or --wireguard-port, or start with the old one and remove that forward first',
        },
      );
    }
  }
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
  const forwarded = state.pairings.flatMap((pairing) => pairing.forwards);
  if (wanted === present || (wanted === null && !isTaken)) return state;
  return offeredAnew({
    ...state,
    wireguard: { ...state.wireguard, port: chooseTunnelPort(wanted, listeners, forwarded) },
  });
}

function withPool(state: RelayState, { pool }: Settings, snapshot: Snapshot): RelayState {
  if (pool === null || formatPrefix(pool) === state.pool) return state;
  refuseUsedPool(pool, snapshot);
  return offeredAnew({ ...state, pool: formatPrefix(pool) });
}

/** Every backend has to hear of the change. */
function offeredAnew(state: RelayState): RelayState {
  return { ...state, pairings: state.pairings.map((pairing) => ({ ...pairing, revision: pairing.revision + 1 })) };
}
