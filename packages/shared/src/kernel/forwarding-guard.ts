/** Keeps IP forwarding, once we need it, from opening ways between links that are not ours. Pure. */

/** Switching it on makes a router of the whole machine. */
export const FORWARDING = 'net/ipv4/ip_forward';

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
  record: Readonly<Record<string, Recorded>>,
  present: ReadonlyMap<string, string | null>,
  foreignLinks: readonly string[],
): readonly string[] {
  const recorded = record[FORWARDING];
  const before = (path: string) => record[path]?.before ?? present.get(path) ?? null;
  if (before(FORWARDING) !== '0') return [];
  // A link that forwarded by its own switch goes on to.
  return (recorded?.links ?? foreignLinks).filter((link) => before(linkForwarding(link)) !== '1').sort();
}

/** Paths of `present` that the guard asks for. */
export function forwardingPaths(foreignLinks: readonly string[]): string[] {
  return [FORWARDING, ...foreignLinks.map(linkForwarding)];
}

function linkForwarding(link: string): string {
  return `net/ipv4/conf/${link}/forwarding`;
}

/** The rule that drops what passes from one of these links to another. */
export function guardRule(links: readonly string[]): string {
  const names = links.map((link) => `"${link}"`).join(', ');
  return `iifname { ${names} } oifname { ${names} } drop`;
}
