/** The machine's way to the internet, from a snapshot. Pure. */

import {
  FAMILIES,
  type Family,
  familyOf,
  type IpAddress,
  type Ipv4Address,
  type Ipv6Address,
  isIp,
  isIpv4,
  isIpv6,
} from '../net/address.js';
import { isNetwork, parsePrefix, prefixContains } from '../net/prefix.js';
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

/** Names of the uplinks, most often one of both families. */
export function uplinkNames(snapshot: Snapshot, isOurLink: (name: string) => boolean): string[] {
  return [...new Set(FAMILIES.flatMap((family) => findUplink(snapshot, family, isOurLink)?.link.name ?? []))];
}

/** What a tunnel needs to know of a device that somebody else made. */
export function deviceFacts(link: ListedLink): {
  readonly ipv4: Ipv4Address | null;
  readonly ipv6: Ipv6Address | null;
  readonly mtu: number;
} {
  return {
    ipv4: globalAddresses(link, 'ipv4').find(isIpv4) ?? null,
    ipv6: globalAddresses(link, 'ipv6').find(isIpv6) ?? null,
    mtu: link.mtu,
  };
}

/**
 * Whether a route of main that is no default one, or the device's own network, leads to the address by the device. None of
 * this machine's own addresses is behind any, though it lies in the device's network.
 */
export function isBehind(snapshot: Snapshot, device: string, address: IpAddress): boolean {
  if (snapshot.links.some(({ addresses }) => addresses.some((own) => own.address === address))) return false;
  const family = familyOf(address);
  const leading = snapshot.routes
    .filter((route) => route.family === family && route.table === 'main' && route.type === 'unicast')
    .filter(({ destination }) => destination !== 'default')
    .map((route) => ({ link: route.link, prefix: parsePrefix(route.destination) }))
    .filter(({ prefix }) => isNetwork(prefix) && prefixContains(prefix, address))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  return leading[0]?.link === device;
}

/** A link's addresses that others can reach, in the kernel's order. */
export function globalAddresses(link: ListedLink, family: Family): IpAddress[] {
  return link.addresses
    .filter(({ scope }) => scope === 'global')
    .map(({ address }) => address)
    .filter(isIp)
    .filter((address) => familyOf(address) === family);
}
