/** Durations as people type them: `90s`, `10m`, `1h`, `7d`. */

import { RelayError } from '../errors/relay-error.js';

const UNITS_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds; both belong to it. */
export interface DurationBounds {
  readonly least: number;
  readonly most: number;
}

/** AbortSignal and timers take 32 bits of milliseconds. */
const TIMER_BOUNDS_MS: DurationBounds = { least: 1_000, most: 24 * 86_400_000 };

/** Milliseconds; throws `bad-input` for what is none or not within the bounds, naming them, the flag and an example. */
export function parseDuration(text: string, flag: string, boundsMs = TIMER_BOUNDS_MS, example = '10m'): number {
  const match = /^(\d+)([smhd])$/.exec(text);
  const durationMs = Number(match?.[1] ?? 0) * (UNITS_MS[match?.[2] ?? ''] ?? 0);
  if (durationMs >= boundsMs.least && durationMs <= boundsMs.most) return durationMs;
  const [least, most] = [formatDuration(boundsMs.least), formatDuration(boundsMs.most)];
  throw new RelayError('bad-input', `${flag} "${text}" is not a duration between ${least} and ${most}`, {
    hint: `example: ${flag} ${example}`,
  });
}

/** In the largest unit that leaves nothing over. */
function formatDuration(durationMs: number): string {
  const units = Object.entries(UNITS_MS).filter(([, unitMs]) => durationMs % unitMs === 0);
  const [unit, unitMs] = units.at(-1) ?? ['ms', 1];
  return `${durationMs / unitMs}${unit}`;
}
