/** Docker's chain DOCKER-USER, where it wants the rules of others (its documentation, "Packet filtering and firewalls"): what is listed of it and said to it, in iptables(8)'s words. Pure but for the commands as values. */

import { type Command, command } from '../host/command.js';
import { FAMILIES, type Family, type IpAddress } from '../net/address.js';

const CHAIN = 'DOCKER-USER';
const PROGRAMS: Readonly<Record<Family, string>> = { ipv4: 'iptables', ipv6: 'ip6tables' };

/** Of both families; null where there is no such chain. Each rule as `iptables -S` writes it behind the chain's name. */
export type DockerUser = Readonly<Record<Family, readonly string[] | null>>;

export const NO_DOCKER: DockerUser = { ipv4: null, ipv6: null };

/** Those that have the chain. */
export function dockerFamilies(found: DockerUser): Family[] {
  return FAMILIES.filter((family) => found[family] !== null);
}

/** What of a flow is let through. `states` are conntrack(8)'s as iptables-extensions(8) names them. */
export interface DockerMatch {
  readonly source?: IpAddress;
  readonly destination?: IpAddress;
  readonly inLink?: string;
  readonly outLink?: string;
  readonly states?: readonly ('DNAT' | 'RELATED' | 'ESTABLISHED')[];
  readonly connectionMark?: { readonly value: number; readonly mask: number };
}

/** A rule that accepts it, in the order and spelling of `iptables -S`; `comment` tells whose it is. */
export function dockerRule(family: Family, match: DockerMatch, comment: string): string {
  const host = (address: IpAddress) => `${address}/${family === 'ipv6' ? 128 : 32}`;
  const hex = (value: number) => `0x${value.toString(16)}`;
  const { source, destination, inLink, outLink, states, connectionMark } = match;
  return [
    ...(source === undefined ? [] : ['-s', host(source)]),
    ...(destination === undefined ? [] : ['-d', host(destination)]),
    ...(inLink === undefined ? [] : ['-i', inLink]),
    ...(outLink === undefined ? [] : ['-o', outLink]),
    ...(states === undefined ? [] : ['-m conntrack --ctstate', states.join(',')]),
    ...(connectionMark === undefined
      ? []
      : ['-m connmark --mark', `${hex(connectionMark.value)}/${hex(connectionMark.mask)}`]),
    ...['-m comment --comment', comment, '-j ACCEPT'],
  ].join(' ');
}

/** Whether a listed rule carries that comment. */
export function isDockerRuleOf(rule: string, comment: string): boolean {
  return ` ${rule} `.includes(` --comment ${comment} `);
}

/** Fails where there is no such chain, and where iptables cannot list one that is not there. */
export function dockerUserList(family: Family): Command {
  return command(PROGRAMS[family], ['-w', '-S', CHAIN]);
}

export function parseDockerUser(listing: string): string[] {
  const prefix = `-A ${CHAIN} `;
  return listing.split('\n').flatMap((line) => (line.startsWith(prefix) ? [line.slice(prefix.length).trim()] : []));
}

/** Behind the owner's own rules, which go first; before the RETURN that older versions of Docker put at the end. */
export function dockerRuleAdd(family: Family, rule: string, present: readonly string[]): Command {
  const isBeforeReturn = present.at(-1) === '-j RETURN';
  const place = isBeforeReturn ? ['-I', CHAIN, String(present.length)] : ['-A', CHAIN];
  return command(PROGRAMS[family], ['-w', ...place, ...rule.split(' ')]);
}

export function dockerRuleDelete(family: Family, rule: string): Command {
  return command(PROGRAMS[family], ['-w', '-D', CHAIN, ...rule.split(' ')]);
}
