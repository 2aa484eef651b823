/** Addresses, routing table and policy rules of one slot: the way replies go home. Pure. */

import { type AddressPair, bitsOf, type Family } from '@homeward/shared/net/address';
import { MARK_MASK, RULE_LANDING, RULE_NO_DEFAULT_ROUTE, slotNumbers } from '@homeward/shared/net/allocation';
import type { PortRange } from '@homeward/shared/net/port';
import type { PolicyRule, Resource } from '@homeward/shared/state/resources';

/** The resources of a slot with the given tunnel addresses, in the families this machine speaks. */
export function returnRoute(slot: number, addresses: AddressPair, families: readonly Family[]): Resource[] {
  const { link } = slotNumbers(slot);
  return [
    ...families.flatMap((family) => familyRoute(slot, addresses, family)),
    // Loose: the best route to a client is the uplink. The link's value counts where it is higher than all's. IPv6 has neither.
    { kind: 'sysctl', path: `net/ipv4/conf/${link}/rp_filter`, value: '2' },
    { kind: 'sysctl', path: `net/ipv4/conf/${link}/src_valid_mark`, value: '1' },
  ];
}

function familyRoute(slot: number, addresses: AddressPair, family: Family): Resource[] {
  const numbers = slotNumbers(slot);
  const from = addresses[family];
  return [
    { kind: 'address', link: numbers.link, address: from, prefixLength: bitsOf(family) },
    { kind: 'route', family, table: numbers.table, destination: 'default', link: numbers.link },
    // What comes out of a tunnel is routed as always: local, LAN, Docker, VPN.
    rule(family, numbers.ruleArrival, { iif: numbers.link }, { kind: 'goto', priority: RULE_LANDING }),
    // Every reply into its tunnel, whatever main holds.
    rule(family, numbers.ruleReply, { fwmark: { value: numbers.mark, mask: MARK_MASK } }, lookup(numbers.table)),
    rule(family, numbers.ruleLocal, { from }, { kind: 'lookup', table: 'main', suppressDefault: true }),
    rule(family, numbers.ruleSource, { from }, lookup(numbers.table)),
  ];
}

/** Where the arrivals' `goto` lands; one for all slots. */
export function landingRule(family: Family): PolicyRule {
  return rule(family, RULE_LANDING, {}, { kind: 'nop' });
}

/** Where no route leads to a client, a wildcard UDP service could not answer at all: its ports' replies find this table last. */
export function fallbackRule(family: Family, ports: PortRange, slot: number): PolicyRule {
  return rule(family, RULE_NO_DEFAULT_ROUTE, { udpSourcePorts: ports }, lookup(slotNumbers(slot).table));
}

function lookup(table: number): PolicyRule['action'] {
  return { kind: 'lookup', table };
}

function rule(
  family: Family,
  priority: number,
  selector: PolicyRule['selector'],
  action: PolicyRule['action'],
): PolicyRule {
  return { kind: 'rule', family, priority, selector, action };
}
