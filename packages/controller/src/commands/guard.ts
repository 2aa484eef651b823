/** The hidden `controller guard`: undoes a change of tunnels that nobody confirmed, when the daemon is gone. */

import type { GuardedSide } from '@homeward/shared/confirm/guard-command';
import type { RelayState } from '../store/state.js';
import { pairingOfChange, withChangesSettled, withTunnelsBack } from '../store/tunnel-changes.js';
import type { CommandContext } from './context.js';

export async function guardedRelay({
  side,
  runner,
  runDir,
  uid,
  debug,
  interrupt,
}: CommandContext): Promise<GuardedSide<RelayState>> {
  const [{ createRelayKernel }, { createLogger }] = await Promise.all([
    import('../daemon/relay-kernel.js'),
    import('@homeward/shared/terminal/logger'),
  ]);
  const logger = createLogger('controller', debug);
  return {
    ...{ side, runDir, uid, interrupt, logger },
    isPending: (state, change) => pairingOfChange(state, change) !== undefined,
    back: withTunnelsBack,
    settled: withChangesSettled,
    kernel: async (state, ledger) => createRelayKernel({ runner, ledger, logger, repair: true, state, listen: null }),
  };
}
