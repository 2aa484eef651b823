/**
 * Which source address this host's kernel would choose for each client: what the source pin must agree with. The kernel
 * is asked, since IPv6's choice (RFC 6724) and other programs' policy rules cannot be foretold. Pure.
 */

import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { globalAddresses } from '@homeward/shared/kernel/uplink';
import { bitsOf, type Family, type IpAddress, ipFromNumber, ipToNumber } from '@homeward/shared/net/address';
import { cutPrefixes, joinNeighbours, type ValuedInterval, type ValuedPrefix } from '@homeward/shared/net/intervals';
import { type IpInterval, type IpPrefix, parsePrefix, prefixContains } from '@homeward/shared/net/prefix';

/** Clients for which the kernel's choice is the same, and one address of them to ask for. */
export interface SourceQuestion {
  readonly interval: IpInterval;
  readonly destination: IpAddress;
}

export interface SourceAddresses {
  readonly intervals: readonly ValuedInterval<IpAddress>[];
  /** Whether there are clients that no route leads to. */
  readonly lacksRoute: boolean;
}

/** Where clients come from: global unicast, and IPv6's unique local addresses. */
const CLIENTS: Readonly<Record<Family, readonly string[]>> = { ipv4: ['0.0.0.0/0'], ipv6: ['2000::/3', 'fc00::/7'] };

/** Where they do not. */
const NO_CLIENTS: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3'],
  ipv6: [],
};

/** Prefixes that RFC 6724's default table labels apart: for each another of several addresses may be chosen. */
const LABELLED: Readonly<Record<Family, readonly string[]>> = { ipv4: [], ipv6: ['2001::/32', '2002::/16'] };

/** A machine with more routes than this is a router among routers; the shortest prefixes say most. */
const MOST_ROUTES = 512;

/** Between any two boundaries of routes, rules, labels and own addresses the choice is one. */
export function sourceQuestions(
  snapshot: Snapshot,
  family: Family,
  isOurLink: (name: string) => boolean,
): SourceQuestion[] {
  const asked = (prefix: IpPrefix): ValuedPrefix<boolean> => ({ prefix, value: true });
  const unasked = (prefix: IpPrefix): ValuedPrefix<boolean> => ({ prefix, value: false });
  const spaces = CLIENTS[family].map(parsePrefix);
  const gaps = NO_CLIENTS[family].map(parsePrefix);
  const cuts = [
    ...routedPrefixes(snapshot, family, isOurLink),
    ...LABELLED[family].map(parsePrefix),
    ...nearPrefixes(snapshot, family, isOurLink),
  ].filter((prefix) => isWithin(prefix, spaces) && !isWithin(prefix, gaps));
  return cutPrefixes([...gaps.map(unasked), ...spaces.map(asked), ...cuts.map(asked)])
    .filter(({ value }) => value)
    .map(({ value: _, ...interval }) => ({
      interval,
      // Not its first address, which may be a network's own.
      destination: ipFromNumber(family, interval.first + (interval.last - interval.first) / 2n),
    }));
}

/** `fallback` is chosen for clients that no route leads to. */
export function sourceAddresses(
  questions: readonly SourceQuestion[],
  answers: ReadonlyMap<IpAddress, IpAddress>,
  fallback: IpAddress,
): SourceAddresses {
  const answered = questions.map(({ interval, destination }) => ({
    ...interval,
    value: answers.get(destination) ?? fallback,
  }));
  return {
    intervals: joinNeighbours(answered),
    lacksRoute: questions.some(({ destination }) => !answers.has(destination)),
  };
}

function isWithin(prefix: IpPrefix, spaces: readonly IpPrefix[]): boolean {
  return spaces.some((space) => space.length <= prefix.length && prefixContains(space, prefix.address));
}

/** Where a route or a policy rule may lead elsewhere than what is around it. */
function routedPrefixes(snapshot: Snapshot, family: Family, isOurLink: (name: string) => boolean): IpPrefix[] {
  const destinations = snapshot.routes
    .filter((route) => route.family === family && route.table !== 'local')
    .filter((route) => route.destination !== 'default' && !isOurLink(route.link ?? ''))
    .map((route) => route.destination);
  const ruled = snapshot.rules.flatMap((rule) => (rule.family === family && rule.to !== null ? [rule.to] : []));
  return [...new Set([...destinations, ...ruled])]
    .map(parsePrefix)
    .sort((a, b) => a.length - b.length)
    .slice(0, MOST_ROUTES);
}

/** Of several addresses the one nearer to the client is chosen (RFC 6724, 5, rule 8): around each, what is nearer to it than to another. */
function nearPrefixes(snapshot: Snapshot, family: Family, isOurLink: (name: string) => boolean): IpPrefix[] {
  if (family === 'ipv4') return [];
  const own = snapshot.links
    .filter((link) => !isOurLink(link.name) && link.name !== 'lo')
    .flatMap((link) => globalAddresses(link, family));
  return own.flatMap((address) =>
    own
      .filter((other) => other !== address)
      .map((other) => parsePrefix(`${address}/${commonBits(address, other) + 1}`)),
  );
}

function commonBits(a: IpAddress, b: IpAddress): number {
  const difference = ipToNumber(a) ^ ipToNumber(b);
  return difference === 0n ? bitsOf('ipv6') - 1 : bitsOf('ipv6') - difference.toString(2).length;
}
