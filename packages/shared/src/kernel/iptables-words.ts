/** A rule of iptables as `iptables -S` writes it: nft lists the same rules, but of their extensions hardly the names (nft 1.0.6). */

import { z } from 'zod';
import { command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import { answerOf } from './answer.js';
import { readListing } from './listing.js';

/** By nft's family. */
const PROGRAMS: Readonly<Record<string, string>> = { ip: 'iptables', ip6: 'ip6tables' };

/** No option of either program. */
const NAME = /^\w[\w.-]*$/;

const listing = z.object({ nftables: z.array(z.object({ rule: z.object({ handle: z.int() }).optional() })) });

/** `table` is its family and name; null where iptables knows no such rule. */
export async function iptablesWords(
  runner: Runner,
  { table, chain, handle }: { readonly table: string; readonly chain: string; readonly handle: number },
): Promise<string | null> {
  const [family = '', name = ''] = table.split(' ');
  const program = PROGRAMS[family];
  if (program === undefined || ![name, chain].every((word) => NAME.test(word))) return null;
  const [inNft, inIptables] = await Promise.all([
    answerOf(runner, command('nft', ['-j', 'list', 'chain', family, name, chain])),
    answerOf(runner, command(program, ['-w', '-t', name, '-S', chain])),
  ]);
  return inNft === null || inIptables === null ? null : ruleAt(handle, inNft, inIptables);
}

/** Both list the rules in their order; null where one of them has changed in between. Throws `command-failed`. */
export function ruleAt(handle: number, inNft: string, inIptables: string): string | null {
  const handles = readListing('nft', () =>
    listing.parse(JSON.parse(inNft)).nftables.flatMap(({ rule }) => (rule === undefined ? [] : [rule.handle])),
  );
  const rules = inIptables.split('\n').filter((line) => line.startsWith('-A '));
  return handles.length === rules.length ? (rules[handles.indexOf(handle)] ?? null) : null;
}
