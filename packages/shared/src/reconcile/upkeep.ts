/** A daemon's way to its kernel: reconciles and mends on every path alike, tells the log what was done, and knows what stays. */

import type { Logger } from 'pino';
import type { ContestStanding } from './contest.js';
import { type KeeperDeps, keepReconciled } from './keeper.js';
import type { LookPart } from './observer.js';
import type { Reconciler } from './reconciler.js';
import type { Outcome } from './run-queue.js';
import { tellOutcome } from './tell.js';

export interface UpkeepDeps {
  readonly kernel: Reconciler;
  readonly logger: Logger;
  /** After each run, with what it changed, and with other drift than the run before left. */
  onOutcome(outcome: Outcome, isDriftNews: boolean): void;
}

export interface Upkeep {
  reconcile(goBy?: 'last-look'): Promise<Outcome>;
  /** What others changed and is left so, as plan lines: with repair nothing. */
  drift(): readonly string[];
  /** What somebody undoes again and again, or null. */
  contest(): ContestStanding | null;
  /** Keeps the kernel as desired until the signal aborts; `afterWhole` follows each whole look. */
  keep(options: KeepOptions, signal: AbortSignal): Promise<void>;
}

export interface KeepOptions extends Pick<KeeperDeps, 'watch' | 'onRound'> {
  afterWhole(): Promise<void>;
}

export function createUpkeep({ kernel, logger, onOutcome }: UpkeepDeps): Upkeep {
  let drift: readonly string[] = [];
  let contest: ContestStanding | null = null;

  async function reconcile(goBy?: 'last-look'): Promise<Outcome> {
    const outcome = await kernel.reconcile(goBy);
    // Drift stays until somebody mends it: told once, not at every tick.
    const isNews = outcome.drift.join() !== drift.join();
    drift = outcome.drift;
    tellOutcome(logger, isNews ? outcome : { ...outcome, drift: [] });
    onOutcome(outcome, isNews);
    return outcome;
  }

  async function mend(parts: ReadonlySet<LookPart>): Promise<Outcome> {
    const outcome = await kernel.mend(parts);
    tellOutcome(logger, outcome);
    if (outcome.changed.length > 0) onOutcome(outcome, false);
    return outcome;
  }

  return {
    reconcile,
    drift: () => drift,
    contest: () => contest,
    keep: ({ watch, onRound, afterWhole }, signal) =>
      keepReconciled(
        {
          ...{ mend, kernel, logger, watch, onRound },
          async reconcile() {
            const outcome = await reconcile();
            await afterWhole();
            return outcome;
          },
          onContest(standing) {
            contest = standing;
          },
        },
        signal,
      ),
  };
}
