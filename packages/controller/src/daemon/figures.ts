/** Figures of the kernel that `status` tells: handshakes and byte counters. */

import { command } from '@homeward/shared/host/command';
import type { Runner } from '@homeward/shared/host/runner';
import type { ListedLink } from '@homeward/shared/kernel/iproute-parse';
import { parseNftSet } from '@homeward/shared/kernel/nft-parse';
import { type ListedWireguard, parseWireguardDump } from '@homeward/shared/kernel/wireguard';
import { FAMILIES } from '@homeward/shared/net/address';
import { RELAY_LINK, RELAY_TABLE } from '@homeward/shared/net/allocation';
import { SETS } from '../desired/relay-sets.js';

export interface KernelFigures {
  /** Tunnel devices and others, by name. */
  readonly links: ReadonlyMap<string, ListedLink>;
  readonly wireguard: ListedWireguard | null;
  /** Octets by `backend . transport . ports`, and in all by `backend` of an `all`, of both families. */
  readonly bytesIn: ReadonlyMap<string, number>;
  readonly bytesOut: ReadonlyMap<string, number>;
}

/** Reads counters and handshakes; what is not there (after `down`) counts as nothing. */
export async function readFigures(runner: Runner, links: readonly ListedLink[]): Promise<KernelFigures> {
  const nothing = () => null;
  const counted = async (sets: readonly string[]): Promise<Map<string, number>> => {
    const listings = await Promise.all(
      sets.map((name) =>
        runner.run(command('nft', ['-j', 'list', 'set', 'inet', RELAY_TABLE, name])).then(parseNftSet, nothing),
      ),
    );
    return new Map(listings.flatMap((listing) => (listing ?? []).map(({ key, bytes }) => [key, bytes] as const)));
  };
  const [dump, bytesIn, bytesOut] = await Promise.all([
    runner.run(command('wg', ['show', RELAY_LINK, 'dump'])).then(parseWireguardDump, nothing),
    counted(FAMILIES.flatMap((family) => [SETS[family].bytesIn, SETS[family].rangeBytesIn, SETS[family].wholeBytesIn])),
    counted(
      FAMILIES.flatMap((family) => [SETS[family].bytesOut, SETS[family].rangeBytesOut, SETS[family].wholeBytesOut]),
    ),
  ]);
  return { links: new Map(links.map((link) => [link.name, link])), wireguard: dump, bytesIn, bytesOut };
}
