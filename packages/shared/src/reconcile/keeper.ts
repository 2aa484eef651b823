/** Keeps the kernel as desired: reconciles again after every event of the kernel's monitors, and by a slow timer. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { toRelayError } from '../errors/relay-error.js';
import type { KernelWatcher } from '../host/monitor.js';
import type { Reconciler } from './reconciler.js';

/** Events come in bursts (a reload, our own changes): what follows within this is one. */
const SETTLE_MS = 15;

/** How often all elements are listed though no monitor told of a change: events can be missed. */
const LISTING_MS = 60_000;

/** For what no monitor tells: sysctls, a listening socket that came or went, WireGuard's own settings. */
const TIMER_MS = 2_000;

export interface KeeperDeps {
  reconcile(): Promise<void>;
  readonly kernel: Pick<Reconciler, 'forgetElements' | 'forgetLook'>;
  /** Starts watching; the events may come at any rate. */
  watch(events: Pick<KernelWatcher, 'onChange' | 'onElementsUnsure'>): void;
  readonly logger: Logger;
  /** After each round, with what it failed by, or null. */
  onRound(failure: string | null): void;
}

/** Runs until the signal aborts. A failing reconcile is logged and tried again at the next event or tick. */
export async function keepReconciled(deps: KeeperDeps, signal: AbortSignal): Promise<void> {
  let wake: () => void = () => undefined;
  let pending = false;
  deps.watch({
    onChange() {
      deps.kernel.forgetLook();
      pending = true;
      wake();
    },
    onElementsUnsure: deps.kernel.forgetElements,
  });
  const nextEvent = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, TIMER_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      if (pending || signal.aborted) wake();
    });
  let lastFailure: string | null = null;
  let listedAt = performance.now();
  while (!signal.aborted) {
    await nextEvent();
    signal.removeEventListener('abort', wake);
    if (signal.aborted) return;
    await delay(SETTLE_MS, undefined, { signal }).catch(() => undefined);
    pending = false;
    if (performance.now() - listedAt > LISTING_MS) {
      deps.kernel.forgetElements();
      listedAt = performance.now();
    }
    lastFailure = await attempt(deps, lastFailure);
    deps.onRound(lastFailure);
  }
}

/** Gives the failure, if any. The same one again is not told again: a broken policy stays so for thousands of ticks. */
async function attempt(deps: KeeperDeps, lastFailure: string | null): Promise<string | null> {
  try {
    await deps.reconcile();
    if (lastFailure !== null) deps.logger.info('reconciling works again');
    return null;
  } catch (error) {
    const { message, hint, code } = toRelayError(error);
    if (message === lastFailure) return message;
    deps.logger.error(
      { reason: message, hint, ...(code === 'bug' ? { err: error } : {}) },
      'reconciling failed; trying on',
    );
    return message;
  }
}
