/** What the agent's command line does itself when no daemon runs. */

import { auditedStore } from '@homeward/shared/audit/audited-store';
import { openStore } from '@homeward/shared/host/store';
import { takeLocks } from '@homeward/shared/local/instance-lock';
import { port } from '@homeward/shared/net/port';
import type { Reconciler } from '@homeward/shared/reconcile/reconciler';
import { audited } from '@homeward/shared/terminal/audit-command';
import { createLogger } from '@homeward/shared/terminal/logger';
import { requireRoot } from '@homeward/shared/terminal/preflight';
import { createBackendKernel } from '../daemon/backend-kernel.js';
import { createForwardReader } from '../daemon/forward-reader.js';
import { createForwardSorter } from '../daemon/forward-sorter.js';
import { firstState } from '../operations/enroll.js';
import { readPolicy } from '../policy.js';
import { chooseRelay, removeRelay } from '../store/relays.js';
import type { BackendState } from '../store/state.js';
import { stateChanges } from '../store/state-changes.js';
import type { CommandContext } from './context.js';

/** Before the first run no echo has a port; the discard port stands for it, where no probe goes. */
const UNKNOWN_ECHO_PORT = 9;

/** A reconciler over the state as it is stored now. */
export async function storedKernel(context: CommandContext): Promise<Reconciler> {
  return kernelOver(context, await context.side.storedState());
}

/** A reconciler over a state that changes. */
export async function kernelOver(
  { side, runner, debug, policyFile }: CommandContext,
  state: () => BackendState | null,
): Promise<Reconciler> {
  return createBackendKernel({
    runner,
    ledger: await side.openLedger(),
    logger: createLogger('agent', debug),
    repair: true,
    state,
    policy: () => readPolicy(policyFile),
    knownSshPorts: new Set(),
    readForwards: createForwardReader(),
    sortForwards: createForwardSorter(),
    echoPort: () => port(state()?.echoPort ?? UNKNOWN_ECHO_PORT),
  });
}

/** Forgets a relay here; the relay is not told. */
export async function leaveWithoutDaemon(
  context: CommandContext,
  name: string | null,
): Promise<{ name: string; slot: number; told: boolean }> {
  requireRoot(context.uid, 'agent leave');
  await context.side.prepare();
  const lock = await takeLocks('agent', context.side);
  try {
    const store = await openStore(context.side.stateFile, async () => firstState());
    const relay = chooseRelay(store.state(), name);
    await audited(context.side.auditPath, (audit) =>
      auditedStore(store, audit, stateChanges).update((state) => ({
        state: removeRelay(state, relay.controllerKey),
        result: null,
      })),
    );
    // After `down` nothing of homeward is in the kernel, and so it stays.
    const { tables } = (await context.side.openLedger()).current();
    if (Object.keys(tables).length > 0) await (await kernelOver(context, store.state)).reconcile();
    return { name: relay.name, slot: relay.slot, told: false };
  } finally {
    await lock.release();
  }
}
