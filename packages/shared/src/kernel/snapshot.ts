/** Looks at the kernel once: everything that planning and facts are computed from, ours and foreign. */

import { RelayError } from '../errors/relay-error.js';
import { command } from '../host/command.js';
import type { Runner } from '../host/runner.js';
import {
  type ListedLink,
  type ListedRoute,
  type ListedRule,
  parseLinks,
  parseRoutes,
  parseRules,
} from './iproute-parse.js';
import { type NftListing, parseNftTable, parseTableNames } from './nft-parse.js';
import { type ListedWireguard, parseWireguardDump } from './wireguard.js';

export interface Snapshot {
  readonly links: readonly ListedLink[];
  /** IPv4 routes of all tables. */
  readonly routes: readonly ListedRoute[];
  /** IPv4 policy rules. */
  readonly rules: readonly ListedRule[];
  /** Our nftables tables that exist, by name. */
  readonly tables: ReadonlyMap<string, NftListing>;
  /** Our WireGuard devices that answer, by link name. */
  readonly wireguard: ReadonlyMap<string, ListedWireguard>;
}

/** `tables` and `isOurLink` bound what is read of foreign state: other tables and WireGuard devices are never listed. */
export async function takeSnapshot(
  runner: Runner,
  tables: readonly string[],
  isOurLink: (name: string) => boolean,
): Promise<Snapshot> {
  const [links, routes, rules, listings] = await Promise.all([
    runner.run(command('ip', ['-d', '-j', 'address', 'show'])).then(parseLinks),
    runner.run(command('ip', ['-4', '-j', 'route', 'show', 'table', 'all'])).then(parseRoutes),
    runner.run(command('ip', ['-4', '-j', 'rule', 'show'])).then(parseRules),
    listTables(runner, tables),
  ]);
  return {
    links,
    routes,
    rules,
    tables: listings,
    wireguard: await listWireguard(
      runner,
      links.filter((link) => isOurLink(link.name)),
    ),
  };
}

async function listTables(runner: Runner, wanted: readonly string[]): Promise<Map<string, NftListing>> {
  const present = parseTableNames(await runner.run(command('nft', ['-j', 'list', 'tables', 'inet'])));
  const listings = await Promise.all(
    wanted
      .filter((name) => present.includes(name))
      .map(async (name) => {
        const json = await runner.run(command('nft', ['-j', '-s', 'list', 'table', 'inet', name]));
        return [name, parseNftTable(json)] as const;
      }),
  );
  return new Map(listings);
}

/** A tun device whose wireguard-go died answers nothing: it counts as unconfigured, and is configured again. */
async function listWireguard(runner: Runner, links: readonly ListedLink[]): Promise<Map<string, ListedWireguard>> {
  const devices = new Map<string, ListedWireguard>();
  for (const link of links) {
    if (link.type !== 'wireguard' && link.type !== 'tun') continue;
    const dump = await runner.run(command('wg', ['show', link.name, 'dump'])).catch(unanswered);
    if (dump !== null) devices.set(link.name, parseWireguardDump(dump));
  }
  return devices;
}

function unanswered(error: unknown): null {
  if (error instanceof RelayError && error.code === 'command-failed') return null;
  throw error;
}
