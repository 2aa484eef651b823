/** Which source address this host's kernel would choose for each destination: what the source pin must agree with. Pure. */

import type { ListedRoute } from '@homeward/shared/kernel/iproute-parse';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { flattenPrefixes, type ValuedInterval, type ValuedPrefix } from '@homeward/shared/net/intervals';
import { type Ipv4Address, isIpv4, parseIpv4Prefix } from '@homeward/shared/net/ipv4';

export interface SourceAddresses {
  readonly intervals: readonly ValuedInterval<Ipv4Address>[];
  /** Whether main has a default route. */
  readonly hasDefault: boolean;
}

/**
 * From the main table: the route's preferred source, else the first global address of its link. `fallback` is chosen
 * for destinations no route covers. Our own links are left out.
 */
export function sourceAddresses(
  snapshot: Snapshot,
  isOurLink: (name: string) => boolean,
  fallback: Ipv4Address | null,
): SourceAddresses {
  const routes = snapshot.routes
    .filter((route) => route.table === 'main' && route.type === 'unicast')
    .filter((route) => route.link !== null && !isOurLink(route.link))
    .sort((a, b) => a.metric - b.metric);
  const entries = routes.flatMap((route) => valued(route, snapshot));
  const hasDefault = entries.some((entry) => entry.prefix.length === 0);
  if (!hasDefault && fallback !== null) entries.push({ prefix: parseIpv4Prefix('0.0.0.0/0'), value: fallback });
  return { intervals: flattenPrefixes(entries), hasDefault };
}

function valued(route: ListedRoute, snapshot: Snapshot): ValuedPrefix<Ipv4Address>[] {
  const link = snapshot.links.find((candidate) => candidate.name === route.link);
  const source = route.source ?? link?.addresses.find((address) => address.scope === 'global')?.address;
  if (source === undefined || !isIpv4(source)) return [];
  const prefix = parseIpv4Prefix(route.destination === 'default' ? '0.0.0.0/0' : route.destination);
  return [{ prefix, value: source }];
}

/** Prefixes that no real client of a forward can have: loopback, this host's own addresses and connected networks. */
export function impossibleSources(snapshot: Snapshot, isOurLink: (name: string) => boolean): ValuedInterval<true>[] {
  const connected = snapshot.links
    .filter((link) => !isOurLink(link.name))
    .flatMap((link) => link.addresses)
    .filter((address) => address.prefixLength > 0)
    .map((address) => `${address.address}/${address.prefixLength}`);
  const reserved = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3'];
  return flattenPrefixes(
    [...connected, ...reserved].map((text) => ({ prefix: parseIpv4Prefix(text), value: true as const })),
  );
}
