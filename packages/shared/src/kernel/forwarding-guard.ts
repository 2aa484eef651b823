/** Keeps IP forwarding, once we need it, from opening ways between links that are not ours. Pure. */

import type { Family } from '../net/address.js';

/** Switching it on makes a router of the whole machine. */
export const FORWARDING: Readonly<Record<Family, string>> = {
  ipv4: 'net/ipv4/ip_forward',
  ipv6: 'net/ipv6/conf/all/forwarding',
};

/** A link's own switch, which follows the machine's when that is written (devinet.c, addrconf.c). */
export function linkForwarding(family: Family, link: string): string {
  return `net/${family}/conf/${link}/forwarding`;
}

/** What is remembered of a sysctl from before our first write. */
interface Recorded {
  readonly before: string;
  readonly links: readonly string[];
}

/**
 * The links there were when we switched forwarding on, or will; none where somebody else had it on before. Links made
 * later (a bridge of Docker's) are not guarded: who makes them means to forward.
 */
export function guardedLinks(
  family: Family,
  record: Readonly<Record<string, Recorded>>,
  present: ReadonlyMap<string, string | null>,
  foreignLinks: readonly string[],
): readonly string[] {
  const recorded = record[FORWARDING[family]];
  const before = (path: string) => record[path]?.before ?? present.get(path) ?? null;
  if (before(FORWARDING[family]) !== '0') return [];
  // A link that forwarded by its own switch goes on to.
  return (recorded?.links ?? foreignLinks).filter((link) => before(linkForwarding(family, link)) !== '1').sort();
}

/** Paths of `present` that the guard asks for. */
export function forwardingPaths(family: Family, foreignLinks: readonly string[]): string[] {
  return [FORWARDING[family], ...foreignLinks.map((link) => linkForwarding(family, link))];
}

/** Links to guard, by family. */
export type GuardedLinks = Readonly<Record<Family, readonly string[]>>;

/** The rules that drop what passes from one of these links to another. */
export function guardRules(guarded: GuardedLinks): string[] {
  return (['ipv4', 'ipv6'] as const)
    .filter((family) => guarded[family].length > 0)
    .map((family) => {
      const names = guarded[family].map((link) => `"${link}"`).join(', ');
      return `meta nfproto ${family} iifname { ${names} } oifname { ${names} } drop`;
    });
}
