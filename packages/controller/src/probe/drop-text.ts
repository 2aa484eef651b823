/** What a trace found of a red probe: which rule of which machine dropped it, in the probe's result. Pure. */

import type { Drop } from '@homeward/shared/kernel/trace-parse';
import { plainText } from '@homeward/shared/protocol/plain-text';
import { exemption, isCapture } from './capture.js';
import { letPass } from './let-pass.js';
import type { Sample } from './samples.js';
import type { DropSite, ProbeResult } from './verdict.js';

/** Of all that was dropped of one probe what stood in its way first. */
export function firstSite(
  drops: Readonly<Record<DropSite['at'], readonly Drop[]>>,
  clientPort: number,
): DropSite | null {
  const way = [
    ['request', 'relay'],
    ['request', 'backend'],
    ['reply', 'backend'],
    ['reply', 'relay'],
  ] as const;
  for (const [direction, at] of way) {
    const found = drops[at].find((drop) => drop.clientPort === clientPort && drop.direction === direction);
    if (found !== undefined) return { at, direction, table: found.table, chain: found.chain, rule: found.rule };
  }
  return null;
}

/** The result with the site named; also of one that the echo stood for, which heard nothing itself. */
export function withSite(result: ProbeResult, site: DropSite, sample: Sample): ProbeResult {
  const found = isCapture(site)
    ? { cause: 'captured', hint: captureHint(site) }
    : { cause: 'dropped', hint: hintOf(site, letPass(site, sample)) };
  const unproven = result.ok ? { ok: false, replied: false, leftOn: null } : {};
  return { ...result, ...unproven, ...found, droppedBy: site };
}

/** Of a rule with a long comment as much is repeated as leaves room for the command, which is of no use in part. */
const LONGEST_RULE = 160;

function captureHint(site: DropSite): string {
  const { at, table, chain, rule } = site;
  const words = rule?.slice(0, LONGEST_RULE);
  const command = exemption(site);
  const how = command === null ? '' : `, and for good in the gateway's own script: ${command}`;
  return plainText(
    `the ${at}'s transparent gateway takes the reply for its proxy: table ${table}, chain ${chain}, the rule "${words}"; homeward leaves that rule alone; exempt replies before it${how}`,
  );
}

function hintOf({ at, direction, table, chain, rule }: DropSite, command: string | null): string {
  const what = direction === 'request' ? 'the connection' : 'the reply';
  const by = rule === null ? 'its policy, drop' : `the rule "${rule}"`;
  const how = command === null ? '' : ` (${command})`;
  return plainText(
    `the ${at} drops ${what}: table ${table}, chain ${chain}, ${by}; let it pass there${how}, homeward leaves that rule alone`,
  );
}
