/** How long to wait before connecting again. */

/** The first try comes at once, spread over a second so that a restarted relay does not meet all its agents together. */
const FIRST_JITTER_MS = 1000;

/** A relay that is back after a long outage is found within half a minute. */
const MAX_DELAY_MS = 30_000;

/**
 * Milliseconds before try number `attempt` (0 is the first one after a session or a round of failures): up to a second,
 * then full jitter, anything from 0 to a bound that doubles from 2 s to 30 s. `random` gives 0 to below 1.
 */
export function reconnectDelayMs(attempt: number, random: () => number): number {
  const boundMs = Math.min(MAX_DELAY_MS, FIRST_JITTER_MS * 2 ** attempt);
  return Math.floor(random() * boundMs);
}

/** A relay whose sessions end sooner drops its agents: it is dialled ever more slowly, as one that does not answer. */
export const SETTLED_AFTER_MS = 10_000;

/** How a round of dialling ended: no session, one that ended at once, or one that had lived. */
export type RoundEnd = 'failed' | 'brief' | 'settled';

/**
 * Gives the milliseconds before the next round by how the last one ended. A relay that restarts is found again at once, also
 * after a long outage; only from the second brief session in a row on the waiting grows.
 */
export function createBackoff(random: () => number): (end: RoundEnd) => number {
  let failed = 0;
  let brief = 0;
  return (end) => {
    failed = end === 'failed' ? failed + 1 : 0;
    if (end !== 'failed') brief = end === 'brief' ? brief + 1 : 0;
    return reconnectDelayMs(failed + Math.max(0, brief - 1), random);
  };
}
