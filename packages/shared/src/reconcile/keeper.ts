/** Keeps the kernel as desired: mends at once what the monitors tell of, then looks at the whole; that also by a slow timer. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { RelayError, toRelayError } from '../errors/relay-error.js';
import type { KernelWatcher } from '../host/monitor.js';
import { type ContestStanding, createContest } from './contest.js';
import type { LookPart } from './observer.js';
import type { Reconciler } from './reconciler.js';
import type { Outcome } from './run-queue.js';

/** Events come in bursts (a reload, our own changes): what follows within this is one. */
const SETTLE_MS = 5;

/** How often sysctls are read: no monitor tells of them, and reading them costs next to nothing. */
const SYSCTL_MS = 500;

/** For what no monitor tells: a listening socket that came or went, WireGuard's own settings. */
const WHOLE_MS = 2_000;

/** How often all elements are listed though no monitor told of a change: events can be missed. */
const LISTING_MS = 60_000;

export interface KeeperDeps {
  /** A whole look, and what follows from it. */
  reconcile(): Promise<Outcome>;
  /** See the reconciler. */
  mend(parts: ReadonlySet<LookPart>): Promise<Outcome>;
  readonly kernel: Pick<Reconciler, 'forgetElements' | 'forgetLook'>;
  /** Starts watching; the events may come at any rate. */
  watch(events: Pick<KernelWatcher, 'onChange' | 'onElementsUnsure'>): void;
  readonly logger: Logger;
  /** After each whole look, with what it failed by, or null. */
  onRound(failure: string | null): void;
  /** When somebody begins to undo what is mended, and null when that has ended. */
  onContest(standing: ContestStanding | null): void;
}

/** Runs until the signal aborts. A failing reconcile is logged and tried again at the next event or tick. */
export async function keepReconciled(deps: KeeperDeps, signal: AbortSignal): Promise<void> {
  const told = createToldEvents(deps);
  const contest = createContestTeller(deps);
  const tellFailure = createFailureTeller(deps.logger);
  let wholeAt = performance.now();
  let listedAt = wholeAt;
  while (!signal.aborted) {
    await told.next(SYSCTL_MS, signal);
    await delay(told.any() ? SETTLE_MS : 0, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const { parts, by } = told.take();
    const mended = await mend(deps, parts);
    await contest.mended(mended, by, signal);
    const isQuiet = parts.size === 0 && mended.changed.length === 0;
    if (isQuiet && performance.now() - wholeAt < WHOLE_MS) continue;
    if (performance.now() - listedAt > LISTING_MS) {
      deps.kernel.forgetElements();
      listedAt = performance.now();
    }
    const outcome = await deps.reconcile().catch(toRelayError);
    wholeAt = performance.now();
    const failure = outcome instanceof RelayError ? outcome : null;
    tellFailure(failure);
    if (!(outcome instanceof RelayError)) await contest.mended(outcome, by, signal);
    deps.onRound(failure?.message ?? null);
  }
}

/** What cannot be mended by the last look is the whole look's business. */
async function mend({ mend: mendParts, logger }: KeeperDeps, parts: ReadonlySet<LookPart>): Promise<Outcome> {
  try {
    return await mendParts(new Set<LookPart>([...parts, 'sysctls']));
  } catch (error) {
    logger.debug({ reason: toRelayError(error).message }, 'not mended at once');
    return { changed: [], drift: [] };
  }
}

interface ToldEvents {
  /** Resolves at the next event, at once if there was one since the last `take`, or after so many milliseconds. */
  next(limitMs: number, signal: AbortSignal): Promise<void>;
  any(): boolean;
  /** The parts told of since the last call, and who wrote last, where it was told. */
  take(): { readonly parts: ReadonlySet<LookPart>; readonly by: string | null };
}

function createToldEvents({ watch, kernel }: KeeperDeps): ToldEvents {
  let parts = new Set<LookPart>();
  let writer: string | null = null;
  let wake: () => void = () => undefined;
  watch({
    onChange(part, by) {
      kernel.forgetLook();
      parts.add(part);
      // A link that goes takes along its routes, and not all of these are told of.
      if (part === 'links') parts.add('routing');
      writer = by ?? writer;
      wake();
    },
    onElementsUnsure: kernel.forgetElements,
  });
  return {
    any: () => parts.size > 0,
    async next(limitMs, signal) {
      if (parts.size > 0 || signal.aborted) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        signal.addEventListener('abort', wake, { once: true });
      });
      signal.removeEventListener('abort', wake);
    },
    take() {
      const taken = { parts, by: writer };
      parts = new Set();
      writer = null;
      return taken;
    },
  };
}

interface ContestTeller {
  /** Takes in what a round changed; waits where somebody undoes it again and again. */
  mended(outcome: Outcome, by: string | null, signal: AbortSignal): Promise<void>;
}

function createContestTeller({ logger, onContest }: KeeperDeps): ContestTeller {
  const contest = createContest();
  let lastLine: string | null = null;
  return {
    async mended({ changed }, by, signal) {
      if (changed.length > 0) contest.repaired(changed, by, performance.now());
      const standing = contest.standing(performance.now());
      if ((standing?.line ?? null) !== lastLine) {
        lastLine = standing?.line ?? null;
        onContest(standing);
        if (standing === null) logger.info('what is mended lasts again');
        else logger.error(standing, 'somebody undoes again and again what is mended; mending more slowly');
      }
      if (changed.length > 0)
        await delay(contest.pauseMs(performance.now()), undefined, { signal }).catch(() => undefined);
    },
  };
}

/** The same failure again is not told again: a broken policy stays so for thousands of ticks. */
function createFailureTeller(logger: Logger): (failure: RelayError | null) => void {
  let last: string | null = null;
  return (failure) => {
    if (failure === null && last !== null) logger.info('reconciling works again');
    if (failure !== null && failure.message !== last) {
      const { message, hint, code } = failure;
      logger.error(
        { reason: message, hint, ...(code === 'bug' ? { err: failure } : {}) },
        'reconciling failed; trying on',
      );
    }
    last = failure?.message ?? null;
  };
}
