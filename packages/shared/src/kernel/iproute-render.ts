/** Renders links, addresses, routes and policy rules as lines of `ip -batch -` or `ip -6 -batch -` (ip(8), ip-rule(8)). */

import { familyOf } from '../net/address.js';
import { ROUTE_PROTOCOL } from '../net/allocation.js';
import { ruleText } from '../state/describe.js';
import type { Address, Link, PolicyRule, Route } from '../state/resources.js';

export function linkUp(link: Link): string {
  return `link set dev ${link.name} mtu ${link.mtu} up`;
}

export function addressReplace(address: Address): string {
  // Nobody else has it, and until duplicate address detection is over (a second) the kernel would not use it.
  const nodad = familyOf(address.address) === 'ipv6' ? ' nodad' : '';
  return `address replace ${address.address}/${address.prefixLength} dev ${address.link}${nodad}`;
}

export function addressDelete(address: Address): string {
  return `address del ${address.address}/${address.prefixLength} dev ${address.link}`;
}

export function routeReplace(route: Route): string {
  return `route replace ${route.destination} dev ${route.link} table ${route.table} protocol ${ROUTE_PROTOCOL}`;
}

export function routeDelete(route: Route): string {
  return `route del ${route.destination} dev ${route.link} table ${route.table}`;
}

export function ruleAdd(rule: PolicyRule): string {
  return `rule add ${ruleWords(rule)}`;
}

export function ruleDelete(rule: PolicyRule): string {
  return `rule del ${ruleWords(rule)}`;
}

/** UDP by its number: ip finds names in /etc/protocols, which small systems lack (Debian's package netbase has it). */
function ruleWords({ priority, selector, action }: PolicyRule): string {
  const words = ruleText(priority, selector, action).replace(' ipproto udp ', ' ipproto 17 ');
  return `${words} protocol ${ROUTE_PROTOCOL}`;
}
