/** Replies that a transparent gateway of the backend takes for its own proxy, and how its rules leave them alone. Pure. */

import { isProxying } from '@homeward/shared/kernel/trace-parse';
import { MARK_MASK } from '@homeward/shared/net/allocation';
import type { DropSite } from './verdict.js';

/** Where nft's and iptables' names need no quotes in a shell. */
const NAME = /^\w[\w.-]*$/;

const FIELD = `0x${MARK_MASK.toString(16)}`;

/** By nft's family. */
const IPTABLES: Readonly<Record<string, string>> = { ip: 'iptables', ip6: 'ip6tables' };

/** Whether what stands in the way is a gateway's rule. */
export function isCapture({ direction, rule }: DropSite): boolean {
  return direction === 'reply' && rule !== null && isProxying(rule);
}

/**
 * The command that puts an exemption before such a rule, in the tool that made it: replies of flows that came by a
 * tunnel, of whatever slot. Null for names that a shell would take for more than names.
 */
export function exemption({ table, chain, rule }: DropSite): string | null {
  const [family = '', name = ''] = table.split(' ');
  if (![family, name, chain].every((word) => NAME.test(word))) return null;
  const program = IPTABLES[family];
  // A rule in iptables' words is one of iptables.
  return rule?.startsWith('-A ') === true && program !== undefined
    ? `${program} -t ${name} -I ${chain} -m conntrack --ctdir REPLY -m connmark ! --mark 0/${FIELD} -j RETURN`
    : `nft insert rule ${family} ${name} ${chain} ct direction reply ct mark and ${FIELD} != 0 return`;
}
