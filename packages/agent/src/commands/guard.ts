/** The hidden `agent guard`: goes back from an offer that the relay did not confirm, when the daemon is gone. */

import type { GuardedSide } from '@homeward/shared/confirm/guard-command';
import { relayOfChange, withOffersBack, withOffersSettled } from '../store/offer-changes.js';
import type { BackendState } from '../store/state.js';
import type { CommandContext } from './context.js';

export async function guardedBackend(context: CommandContext): Promise<GuardedSide<BackendState>> {
  const { side, runDir, uid, debug, interrupt } = context;
  const [{ kernelOver }, { createLogger }] = await Promise.all([
    import('./without-daemon.js'),
    import('@homeward/shared/terminal/logger'),
  ]);
  return {
    ...{ side, runDir, uid, interrupt, logger: createLogger('agent', debug) },
    isPending: (state, change) => relayOfChange(state, change) !== undefined,
    back: withOffersBack,
    settled: withOffersSettled,
    kernel: (state) => kernelOver(context, state),
  };
}
