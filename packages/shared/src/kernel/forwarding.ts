/** Switches IP forwarding on where something is to be forwarded, and looks what that opens. */

import type { SysctlFiles } from '../host/sysctl.js';
import type { Family } from '../net/address.js';
import type { Sysctl } from '../state/resources.js';
import { FORWARDING, forwardingPaths, type GuardedLinks, guardedLinks, linkForwarding } from './forwarding-guard.js';

type Recorded = Parameters<typeof guardedLinks>[1];

/** What planning needs to know of forwarding on this machine. */
export interface ForwardingFacts {
  readonly guarded: GuardedLinks;
  /** Links that learn their IPv6 routes from router advertisements, which a router ignores unless told otherwise. None that forwarded before us: they ignore them as it is. */
  readonly advertised: readonly string[];
  /** Families whose switch we have touched already. */
  readonly switched: readonly Family[];
}

export async function forwardingFacts(
  sysctls: SysctlFiles,
  record: Recorded,
  foreignLinks: readonly string[],
): Promise<ForwardingFacts> {
  const families = ['ipv4', 'ipv6'] as const;
  const present = await sysctls.readAll([
    ...families.flatMap((family) => forwardingPaths(family, foreignLinks)),
    ...foreignLinks.map(acceptRa),
  ]);
  const guardedOf = (family: Family) => guardedLinks(family, record, present, foreignLinks);
  const switched = families.filter((family) => record[FORWARDING[family]] !== undefined);
  const before = (path: string) => record[path]?.before ?? present.get(path);
  const ignoresAdvertisements = (link: string) => {
    const own = linkForwarding('ipv6', link);
    // A link made since we switched forwarding on got its own switch from ours.
    const isOn = switched.includes('ipv6') ? record[own]?.before : present.get(own);
    return before(FORWARDING.ipv6) !== '0' || isOn === '1';
  };
  return {
    guarded: { ipv4: guardedOf('ipv4'), ipv6: guardedOf('ipv6') },
    advertised: foreignLinks.filter((link) => before(acceptRa(link)) === '1' && !ignoresAdvertisements(link)),
    switched,
  };
}

/**
 * The sysctls that make a router of the machine, in the order of writing: with accept_ra=1 the kernel throws the
 * learned default routes away in the moment IPv6 forwarding goes on (rt6_purge_dflt_routers in net/ipv6/route.c).
 */
export function forwardingSysctls(family: Family, { advertised }: Pick<ForwardingFacts, 'advertised'>): Sysctl[] {
  const sysctl = (path: string, value: string): Sysctl => ({ kind: 'sysctl', path, value });
  const keepRoutes = family === 'ipv6' ? advertised.map((link) => sysctl(acceptRa(link), '2')) : [];
  return [...keepRoutes, sysctl(FORWARDING[family], '1')];
}

function acceptRa(link: string): string {
  return `net/ipv6/conf/${link}/accept_ra`;
}
