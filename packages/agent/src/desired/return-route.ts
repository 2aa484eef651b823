/** Addresses, routing table and policy rules of one slot: the way replies go home. Pure. */

import { type AddressPair, bitsOf, type Family, type IpAddress } from '@homeward/shared/net/address';
import { MARK_MASK, RULE_NO_DEFAULT_ROUTE, type RulePlaces, slotNumbers } from '@homeward/shared/net/allocation';
import type { LinkName } from '@homeward/shared/net/names';
import type { PortRange } from '@homeward/shared/net/port';
import type { PolicyRule, Resource } from '@homeward/shared/state/resources';
import type { SharedLink } from './tunnel-end.js';

/** What a slot's return route depends on. */
export interface ReturnWay {
  readonly slot: number;
  readonly link: LinkName;
  readonly tunnelAddresses: Partial<AddressPair>;
  /** Null for a link of our own, which gets its address from us and has one machine at its other end. */
  readonly shared: Pick<SharedLink, 'gateways'> | null;
}

/** The resources of a slot, in the families this machine speaks. */
export function returnRoute(
  way: ReturnWay,
  families: readonly Family[],
  places: Readonly<Record<Family, RulePlaces>>,
): Resource[] {
  return [
    ...families.flatMap((family) => {
      const address = way.tunnelAddresses[family];
      return address === undefined ? [] : familyRoute(way, address, family, places[family]);
    }),
    // Loose: the best route to a client is the uplink. The link's value counts where it is higher than all's. IPv6 has neither.
    { kind: 'sysctl', path: `net/ipv4/conf/${way.link}/rp_filter`, value: '2' },
    { kind: 'sysctl', path: `net/ipv4/conf/${way.link}/src_valid_mark`, value: '1' },
  ];
}

function familyRoute(
  { slot, link, shared }: ReturnWay,
  from: IpAddress,
  family: Family,
  places: RulePlaces,
): Resource[] {
  const numbers = slotNumbers(slot, places);
  const gateway = shared?.gateways[family] ?? null;
  return [
    ...(shared === null ? [{ kind: 'address' as const, link, address: from, prefixLength: bitsOf(family) }] : []),
    { kind: 'route', family, table: numbers.table, destination: 'default', link, gateway },
    // What comes out of a tunnel is routed as always: local, LAN, Docker, VPN.
    rule(family, numbers.ruleArrival, { iif: link }, { kind: 'goto', priority: places.landing }),
    // Every reply into its tunnel, whatever main holds.
    rule(family, numbers.ruleReply, { fwmark: { value: numbers.mark, mask: MARK_MASK } }, lookup(numbers.table)),
    rule(family, numbers.ruleLocal, { from }, { kind: 'lookup', table: 'main', suppressDefault: true }),
    rule(family, numbers.ruleSource, { from }, lookup(numbers.table)),
  ];
}

/** Where the arrivals' `goto` lands; one for all slots. */
export function landingRule(family: Family, { landing }: RulePlaces): PolicyRule {
  return rule(family, landing, {}, { kind: 'nop' });
}

/** Where no route leads to a client, a wildcard UDP service could not answer at all: its ports' replies find this table last. */
export function fallbackRule(family: Family, ports: PortRange, slot: number): PolicyRule {
  return rule(
    family,
    RULE_NO_DEFAULT_ROUTE,
    { sourcePorts: { transport: 'udp', ports } },
    lookup(slotNumbers(slot).table),
  );
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
