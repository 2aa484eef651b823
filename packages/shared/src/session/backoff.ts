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
