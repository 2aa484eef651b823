/**
 * Stands by while a change waits to be confirmed, in a process of its own: whatever kills the daemon, the former state
 * comes back when the time is over.
 *
 * INVARIANTS
 * - What is stored decides: the guard of a change that is settled, by whomever, ends and changes nothing.
 * - Either the daemon goes back or the guard, never both: whoever does holds the instance lock.
 * - The time is the kernel's monotonic clock (libuv's timers): a clock that is set does not shorten or stretch it.
 */

import { watch } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Logger } from 'pino';
import type { Lock } from '../host/state-lock.js';
import { takeLockToGoBack } from '../local/instance-lock.js';
import { guardDecision } from './guard-decision.js';

/** How often a daemon that is there although the time is over is looked at again, milliseconds. */
const HELD_POLL_MS = 250;
/** How often going back is tried, and the time between: a link that is busy is not for long. */
const TRIES = 20;
const RETRY_MS = 1_000;

export interface GuardDeps {
  /** `controller` or `agent`: whose instance lock it is. */
  readonly program: string;
  /** Path of the stored state. */
  readonly statePath: string;
  readonly confirmMs: number;
  readonly logger: Logger;
  /** Says that the guard stands. */
  ready(): Promise<void>;
  /** Whether the stored state waits for the change; throws `bad-state` when it cannot be read. */
  isPending(): Promise<boolean>;
  /** Takes the lock of the stored state. */
  lock(): Promise<Lock>;
  /** Stores what was before, and brings the kernel back to it; called with both locks held. */
  goBack(): Promise<void>;
}

/** Resolves when there is nothing left to guard, or on abort: at the end of the machine. Throws what kept it from going back. */
export async function guard(deps: GuardDeps, signal: AbortSignal): Promise<void> {
  const bell = createBell();
  const watching = new AbortController();
  const watched = watchFile(deps.statePath, bell.ring, watching.signal);
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    bell.ring();
  }, deps.confirmMs);
  signal.addEventListener('abort', bell.ring);
  let wasPending = false;
  try {
    await deps.ready();
    while (!signal.aborted) {
      const heard = bell.next();
      const isPending = await deps.isPending().catch(() => null);
      wasPending ||= isPending === true;
      const lock = isOver && isPending !== false ? await takeLockToGoBack(deps.program, deps) : null;
      const decision = guardDecision({ isPending, wasPending, isOver, isHeld: lock === null });
      if (decision === 'go-back') return await goBack(deps, lock);
      await lock?.release();
      if (decision === 'end') return;
      if (isOver) setTimeout(bell.ring, HELD_POLL_MS);
      await heard;
    }
  } finally {
    clearTimeout(timer);
    watching.abort();
    await watched;
  }
}

/** Under the lock the state is read once more: it may have been settled in the last moment. */
async function goBack({ isPending, goBack: back, confirmMs, logger }: GuardDeps, lock: Lock | null) {
  try {
    if (!(await isPending())) return;
    logger.warn({ confirmMs }, 'the change was not confirmed in time and its daemon is gone; going back');
    for (let left = TRIES; ; left -= 1) {
      try {
        await back();
        return logger.warn('what was before is back');
      } catch (error) {
        logger.error({ err: error }, 'going back failed');
        if (left <= 1) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  } finally {
    await lock?.release();
  }
}

interface Bell {
  ring(): void;
  /** Resolves when it rings after now. */
  next(): Promise<void>;
}

function createBell(): Bell {
  let waiting: (() => void)[] = [];
  return {
    ring() {
      const heard = waiting;
      waiting = [];
      for (const resolve of heard) resolve();
    },
    next: () => new Promise((resolve) => waiting.push(resolve)),
  };
}

/** The directory is watched: the file itself is replaced by each write. */
async function watchFile(path: string, onChange: () => void, signal: AbortSignal): Promise<void> {
  try {
    for await (const { filename } of watch(dirname(path), { signal })) {
      if (filename === null || filename === basename(path)) onChange();
    }
  } catch (error) {
    // Where nothing can be watched, the end of the time is what it looks at.
    if (!signal.aborted) onChange();
    else if ((error as Error).name !== 'AbortError') throw error;
  }
}
