/** Durations as people type them: `90s`, `10m`, `1h`, `7d`. */

import { RelayError } from '../errors/relay-error.js';

const UNITS_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** AbortSignal and timers take 32 bits of milliseconds. */
const LONGEST_MS = 24 * 86_400_000;

/** Milliseconds; throws `bad-input`, naming the flag. */
export function parseDuration(text: string, flag: string): number {
  const match = /^(\d+)([smhd])$/.exec(text);
  const durationMs = Number(match?.[1] ?? 0) * (UNITS_MS[match?.[2] ?? ''] ?? 0);
  if (durationMs > 0 && durationMs <= LONGEST_MS) return durationMs;
  throw new RelayError('bad-input', `${flag} "${text}" is not a duration between 1s and 24d`, {
    hint: `example: ${flag} 10m`,
  });
}
