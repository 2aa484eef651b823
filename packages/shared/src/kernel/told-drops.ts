/** Drops as they are told: a rule of iptables whose target nft does not print is told in iptables' own words. */

import type { Runner } from '../host/runner.js';
import { iptablesWords } from './iptables-words.js';
import { type Drop, isProxying, type TracedDrop } from './trace-parse.js';

/** Without those that turn out to be none: what an extension accepted is only dropped where a proxy has it. */
export async function toldDrops(runner: Runner, traced: readonly TracedDrop[]): Promise<Drop[]> {
  const told: Drop[] = [];
  for (const { handle, unsaid, ...drop } of traced) {
    const words = unsaid === null || handle === null ? null : await iptablesWords(runner, { ...drop, handle });
    const rule = words ?? drop.rule;
    if (unsaid !== 'accept' || isProxying(rule ?? '')) told.push({ ...drop, rule });
  }
  return told;
}
