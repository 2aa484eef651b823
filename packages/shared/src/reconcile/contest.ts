/**
 * Notices that somebody undoes our repairs: mending as fast as the other one breaks would cost a processor, and end
 * never. From then on it is mended ever more slowly, and told. Pure but for what it remembers.
 */

/** So many repairs of one thing within the window are no accidents any more. */
const CONTESTED_REPAIRS = 50;
/** Also where a round takes a second, on a busy machine or with very many forwards. */
const WINDOW_MS = 60_000;
/** Besides twice the last pause. */
const QUIET_MS = 20_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export interface ContestStanding {
  /** The plan line that is repaired again and again. */
  readonly line: string;
  /** The process that wrote last, where the kernel tells it: of rulesets it does. */
  readonly by: string | null;
}

export interface Contest {
  /** Takes in what a round changed, and who had written before, at a time in ms of a monotonic clock. */
  repaired(lines: readonly string[], by: string | null, now: number): void;
  /** What is contested, or null. It ends when nothing of it had to be repaired for some time and twice the pause. */
  standing(now: number): ContestStanding | null;
  /** How long to wait before the next repair, ms. */
  pauseMs(now: number): number;
}

export function createContest(): Contest {
  /** When each line was repaired, within the window. */
  const repairs = new Map<string, number[]>();
  let contested: (ContestStanding & { readonly pauseMs: number; readonly lastAt: number }) | null = null;

  function current(now: number) {
    if (contested !== null && now - contested.lastAt > QUIET_MS + 2 * contested.pauseMs) contested = null;
    return contested;
  }

  return {
    repaired(lines, by, now) {
      for (const [line, times] of repairs) {
        const recent = times.filter((time) => now - time < WINDOW_MS);
        if (recent.length === 0) repairs.delete(line);
        else repairs.set(line, recent);
      }
      for (const line of lines) repairs.set(line, [...(repairs.get(line) ?? []), now]);
      const before = current(now);
      if (before !== null) {
        if (!lines.includes(before.line)) return;
        const pauseMs = Math.min(before.pauseMs * 2, LONGEST_PAUSE_MS);
        contested = { line: before.line, by: by ?? before.by, pauseMs, lastAt: now };
        return;
      }
      const line = lines.find((one) => (repairs.get(one)?.length ?? 0) >= CONTESTED_REPAIRS);
      if (line !== undefined) contested = { line, by, pauseMs: FIRST_PAUSE_MS, lastAt: now };
    },
    standing(now) {
      const found = current(now);
      return found === null ? null : { line: found.line, by: found.by };
    },
    pauseMs: (now) => current(now)?.pauseMs ?? 0,
  };
}
