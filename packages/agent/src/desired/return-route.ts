/** Link, addresses, routing table and policy rules of one slot: the way replies go home. Pure. */

import { MARK_MASK, RULE_LANDING, RULE_NO_DEFAULT_ROUTE, slotNumbers } from '@homeward/shared/net/allocation';
import type { Ipv4Address } from '@homeward/shared/net/ipv4';
import type { Port } from '@homeward/shared/net/port';
import type { PolicyRule, Resource } from '@homeward/shared/state/resources';

/** The resources of a slot with the given tunnel address. */
export function returnRoute(slot: number, address: Ipv4Address): Resource[] {
  const numbers = slotNumbers(slot);
  return [
    { kind: 'address', link: numbers.link, address, prefixLength: 32 },
    { kind: 'route', table: numbers.table, destination: 'default', link: numbers.link },
    // What comes out of a tunnel is routed as always: local, LAN, Docker, VPN.
    rule(numbers.ruleArrival, { iif: numbers.link }, { kind: 'goto', priority: RULE_LANDING }),
    // Every reply into its tunnel, whatever main holds.
    rule(numbers.ruleReply, { fwmark: { value: numbers.mark, mask: MARK_MASK } }, lookup(numbers.table)),
    rule(numbers.ruleLocal, { from: address }, { kind: 'lookup', table: 'main', suppressDefault: true }),
    rule(numbers.ruleSource, { from: address }, lookup(numbers.table)),
    // Loose: the best route to a client is the uplink. The link's value counts where it is higher than all's.
    { kind: 'sysctl', path: `net/ipv4/conf/${numbers.link}/rp_filter`, value: '2' },
    { kind: 'sysctl', path: `net/ipv4/conf/${numbers.link}/src_valid_mark`, value: '1' },
  ];
}

/** Where the arrivals' `goto` lands; one for all slots. */
export function landingRule(): PolicyRule {
  return rule(RULE_LANDING, {}, { kind: 'nop' });
}

/** Without any default route, a wildcard UDP service could not answer at all: its port's replies find this table last. */
export function fallbackRule(port: Port, slot: number): PolicyRule {
  return rule(RULE_NO_DEFAULT_ROUTE, { udpSourcePort: port }, lookup(slotNumbers(slot).table));
}

function lookup(table: number): PolicyRule['action'] {
  return { kind: 'lookup', table };
}

function rule(priority: number, selector: PolicyRule['selector'], action: PolicyRule['action']): PolicyRule {
  return { kind: 'rule', priority, selector, action };
}
