/** Collects the argument lists of all processes for a while, so that a test can look for secrets in them. */
import { readdirSync, readFileSync } from 'node:fs';

/** Short enough to catch most `ip`, `nft` and `wg` calls; a secret would also appear in later ones. */
const intervalMs = 2;

export interface ArgvWatch {
  /** Ends the watch: every argument list seen, NUL-separated as the kernel shows it. */
  stop(): string[];
}

export const watchArgv = (): ArgvWatch => {
  const seen = new Set<string>();
  const look = (): void => {
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        seen.add(readFileSync(`/proc/${entry}/cmdline`, 'utf8'));
      } catch {
        // gone meanwhile
      }
    }
  };
  const timer = setInterval(look, intervalMs);
  return {
    stop: () => {
      clearInterval(timer);
      return [...seen];
    },
  };
};
