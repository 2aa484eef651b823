/** The machine's way to the internet, from a snapshot. Pure. */

import { type Ipv4Address, isIpv4 } from '../net/ipv4.js';
import type { ListedLink } from './iproute-parse.js';
import type { Snapshot } from './snapshot.js';

export interface Uplink {
  readonly link: ListedLink;
  /** Its first global IPv4 address. */
  readonly address: Ipv4Address;
}

/** The link of main's best default route, else the first link that is up with a global address; null where there is none. */
export function findUplink(snapshot: Snapshot, isOurLink: (name: string) => boolean): Uplink | null {
  const [best] = snapshot.routes
    .filter((route) => route.table === 'main' && route.destination === 'default' && route.type === 'unicast')
    .sort((a, b) => a.metric - b.metric);
  const preferred = snapshot.links.filter((link) => link.name === best?.link);
  const others = snapshot.links.filter((link) => link.up && link.name !== 'lo' && !isOurLink(link.name));
  for (const link of [...preferred, ...others]) {
    const address = link.addresses.find((candidate) => candidate.scope === 'global')?.address;
    if (address !== undefined && isIpv4(address)) return { link, address };
  }
  return null;
}
