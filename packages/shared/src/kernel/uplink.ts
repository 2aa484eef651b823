/** The machine's way to the internet, from a snapshot. Pure. */

import { type Family, familyOf, type IpAddress, isIp } from '../net/address.js';
import type { ListedLink } from './iproute-parse.js';
import type { Snapshot } from './snapshot.js';

export interface Uplink {
  readonly link: ListedLink;
  /** Its first global address of the family. */
  readonly address: IpAddress;
}

/** The link of main's best default route, else the first link that is up with a global address; null where there is none. */
export function findUplink(snapshot: Snapshot, family: Family, isOurLink: (name: string) => boolean): Uplink | null {
  const [best] = snapshot.routes
    .filter((route) => route.family === family && route.table === 'main')
    .filter((route) => route.destination === 'default' && route.type === 'unicast')
    .sort((a, b) => a.metric - b.metric);
  const preferred = snapshot.links.filter((link) => link.name === best?.link);
  const others = snapshot.links.filter((link) => link.up && link.name !== 'lo' && !isOurLink(link.name));
  for (const link of [...preferred, ...others]) {
    const address = globalAddresses(link, family)[0];
    if (address !== undefined) return { link, address };
  }
  return null;
}

/** A link's addresses that others can reach, in the kernel's order. */
export function globalAddresses(link: ListedLink, family: Family): IpAddress[] {
  return link.addresses
    .filter(({ scope }) => scope === 'global')
    .map(({ address }) => address)
    .filter(isIp)
    .filter((address) => familyOf(address) === family);
}
