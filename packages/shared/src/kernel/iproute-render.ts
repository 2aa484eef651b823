/** Renders links, addresses, routes and policy rules as lines of `ip -batch -` or `ip -6 -batch -` (ip(8), ip-rule(8)). */

import { familyOf } from '../net/address.js';
import { ROUTE_PROTOCOL } from '../net/allocation.js';
import type { LinkName } from '../net/names.js';
import { ruleText } from '../state/describe.js';
import type { Address, GreDevice, Link, PolicyRule, Route } from '../state/resources.js';

/** Octets of hops for the outer packets: inherited from the inner ones, a tunnel's path would end where theirs does. */
const OUTER_TTL = 64;

/** The words of ip-link(8) that make or change a GRE device. `ip6gre` puts an option of 8 octets before GRE unless told not to. */
export function greWords(name: LinkName, device: GreDevice): string[] {
  const { type, remote, local, key, udp } = device;
  const any = type === 'gre' ? '0.0.0.0' : '::';
  return [
    ...['name', name, 'type', type, 'remote', remote, 'local', local ?? any],
    ...(key === null ? [] : ['key', String(key)]),
    ...(type === 'gre' ? ['ttl', String(OUTER_TTL)] : ['hoplimit', String(OUTER_TTL), 'encaplimit', 'none']),
    ...(udp === null
      ? []
      : ['encap', 'fou', 'encap-sport', String(udp.source), 'encap-dport', String(udp.destination)]),
  ];
}

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
  return `route replace ${destinationText(route)} table ${route.table} protocol ${ROUTE_PROTOCOL}`;
}

export function routeDelete(route: Route): string {
  return `route del ${destinationText(route)} table ${route.table}`;
}

/** On a link that several machines share the next one must be named; `onlink`, since its own route may be missing for a moment. */
function destinationText({ destination, gateway, link }: Route): string {
  return gateway === null ? `${destination} dev ${link}` : `${destination} via ${gateway} dev ${link} onlink`;
}

export function ruleAdd(rule: PolicyRule): string {
  return `rule add ${ruleWords(rule)}`;
}

export function ruleDelete(rule: PolicyRule): string {
  return `rule del ${ruleWords(rule)}`;
}

/** Transports by their numbers: ip finds names in /etc/protocols, which small systems lack (Debian's package netbase has it). */
function ruleWords({ priority, selector, action }: PolicyRule): string {
  const words = ruleText(priority, selector, action)
    .replace(' ipproto udp ', ' ipproto 17 ')
    .replace(' ipproto tcp ', ' ipproto 6 ');
  return `${words} protocol ${ROUTE_PROTOCOL}`;
}
