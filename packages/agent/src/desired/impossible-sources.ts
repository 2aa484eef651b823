/** Addresses that no real client of a forward can have: a packet with one is forged by somebody at the relay. Pure. */

import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { type Family, familyOf, type IpAddress, isIp } from '@homeward/shared/net/address';
import { flattenPrefixes, type ValuedInterval } from '@homeward/shared/net/intervals';
import { parsePrefix } from '@homeward/shared/net/prefix';

/** Unspecified, loopback, multicast and above; IPv6's mapped (within ::/80, which nft prints as it is) and link-local ones, too. */
const RESERVED: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/3'],
  ipv6: ['::/80', 'fe80::/10', 'ff00::/8'],
};

/** Those, this host's own addresses, of which `tunnelAddresses` stand for themselves alone, and connected networks. */
export function impossibleSources(
  snapshot: Snapshot,
  family: Family,
  isOurLink: (name: string) => boolean,
  tunnelAddresses: readonly IpAddress[],
): ValuedInterval<true>[] {
  const connected = snapshot.links
    .filter((link) => !isOurLink(link.name))
    .flatMap((link) => link.addresses)
    .filter(({ address, prefixLength }) => isIp(address) && familyOf(address) === family && prefixLength > 0)
    .map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  return flattenPrefixes(
    [...connected, ...tunnelAddresses, ...RESERVED[family]].map((text) => ({
      prefix: parsePrefix(text),
      value: true as const,
    })),
  );
}
