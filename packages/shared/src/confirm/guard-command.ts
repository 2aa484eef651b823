/** The hidden command that a daemon starts as the guard of a change; of no use to people. */

import { open, unlink } from 'node:fs/promises';
import type { Logger } from 'pino';
import { RelayError } from '../errors/relay-error.js';
import { openStore } from '../host/store.js';
import { CONFIRM_BOUNDS_MS } from '../protocol/confirm-time.js';
import type { Ledger } from '../reconcile/ledger.js';
import type { Reconciler } from '../reconcile/reconciler.js';
import type { Side } from '../reconcile/side.js';
import type { DocumentedCommand } from '../terminal/manual/documented-command.js';
import { requireRoot } from '../terminal/preflight.js';
import { guard } from './guard.js';
import { standingFile } from './start-guard.js';

/** One side's changes, as its guard sees them. */
export interface GuardedSide<State> {
  readonly side: Side<State>;
  readonly runDir: string;
  readonly uid: number;
  readonly interrupt: AbortSignal;
  readonly logger: Logger;
  isPending(state: State, change: string): boolean;
  /** The state as it was before; the change is still pending. */
  back(state: State, change: string): State;
  /** The change is pending no more. */
  settled(state: State, change: string): State;
  kernel(state: () => State, ledger: Ledger): Promise<Reconciler>;
}

/** Adds `controller guard` or `agent guard`, which is hidden. */
export function addGuardCommand<State>(
  program: DocumentedCommand,
  name: 'controller' | 'agent',
  guarded: () => Promise<GuardedSide<State>>,
): void {
  program
    .command('guard', { hidden: true })
    .argument('<change>')
    .argument('<milliseconds>')
    .action(async (change: string, milliseconds: string) => {
      const confirmMs = Number(milliseconds);
      if (!/^[0-9a-f]{16}$/.test(change) || !(confirmMs > 0 && confirmMs <= CONFIRM_BOUNDS_MS.most)) {
        throw new RelayError('bad-input', 'a guard is started by the daemon, when a tunnel is changed');
      }
      const { uid, ...current } = await guarded();
      requireRoot(uid, `${name} guard`);
      await runGuard({ ...current, uid, logger: current.logger.child({ change }) }, name, change, confirmMs);
    });
}

async function runGuard<State>(
  guarded: GuardedSide<State>,
  program: 'controller' | 'agent',
  change: string,
  confirmMs: number,
): Promise<void> {
  const { side, logger, interrupt } = guarded;
  const standing = standingFile(guarded.runDir, program, change);
  try {
    await guard(
      {
        ...{ program, statePath: side.statePath, confirmMs, logger },
        lock: side.lock,
        ready: async () => (await open(standing, 'wx', 0o600)).close(),
        async isPending() {
          const state = await side.stateFile.read();
          return state !== null && guarded.isPending(state, change);
        },
        goBack: () => goBack(guarded, change),
      },
      interrupt,
    );
  } finally {
    await unlink(standing).catch(() => undefined);
  }
}

async function goBack<State>({ side, back, settled, kernel }: GuardedSide<State>, change: string): Promise<void> {
  const store = await openStore(side.stateFile, async () => {
    throw new RelayError('bad-state', 'there is no stored state any more');
  });
  await store.update((state) => ({ state: back(state, change), result: null }));
  const ledger = await side.openLedger();
  // After `down` nothing of homeward is in the kernel, and so it stays.
  if (Object.keys(ledger.current().tables).length > 0) await (await kernel(store.state, ledger)).reconcile();
  await store.update((state) => ({ state: settled(state, change), result: null }));
}
