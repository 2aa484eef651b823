/** Tells the log what a reconcile did: the same words on both sides. */

import type { Logger } from 'pino';
import type { Outcome } from './run-queue.js';

/** Elements come by the thousand; the rest is few. */
const TOLD = 10;

export function tellOutcome(logger: Logger, { changed, drift }: Outcome): void {
  if (changed.length > 0) {
    const coarse = changed.filter((line) => !/^. element /.test(line));
    logger.info({ changed: coarse.slice(0, TOLD), elements: changed.length - coarse.length }, 'kernel changed');
  }
  if (drift.length > 0)
    logger.warn({ drift: drift.slice(0, TOLD) }, 'the kernel is not as it should be, and repair is off');
}
