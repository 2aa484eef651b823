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
  /** Of all tables and both families. */
  readonly routes: readonly ListedRoute[];
  /** Policy rules of both families. */
  readonly rules: readonly ListedRule[];
  /** Our nftables tables that exist, by name; without elements unless these were asked for. */
  readonly tables: ReadonlyMap<string, NftListing>;
  /** Our WireGuard devices that answer, by link name. */
  readonly wireguard: ReadonlyMap<string, ListedWireguard>;
}

/** What a snapshot reads of nftables. */
export interface TablesWanted {
  readonly names: readonly string[];
  /** Of which of them the elements are listed, too: that takes a second for 60,000. */
  readonly withElements: readonly string[];
}

export const NO_TABLES: TablesWanted = { names: [], withElements: [] };

/** `tables` and `isOurLink` bound what is read of foreign state: other tables and WireGuard devices are never listed. */
export async function takeSnapshot(
  runner: Runner,
  tables: TablesWanted,
  isOurLink: (name: string) => boolean,
): Promise<Snapshot> {
  const [links, routes4, routes6, rules4, rules6, listings] = await Promise.all([
    runner.run(command('ip', ['-d', '-j', 'address', 'show'])).then(parseLinks),
    runner.run(command('ip', ['-4', '-j', 'route', 'show', 'table', 'all'])).then((json) => parseRoutes(json, 'ipv4')),
    runner.run(command('ip', ['-6', '-j', 'route', 'show', 'table', 'all'])).then((json) => parseRoutes(json, 'ipv6')),
    runner.run(command('ip', ['-4', '-j', 'rule', 'show'])).then((json) => parseRules(json, 'ipv4')),
    runner.run(command('ip', ['-6', '-j', 'rule', 'show'])).then((json) => parseRules(json, 'ipv6')),
    listTables(runner, tables),
  ]);
  return {
    links,
    routes: [...routes4, ...routes6],
    rules: [...rules4, ...rules6],
    tables: listings,
    wireguard: await listWireguard(
      runner,
      links.filter((link) => isOurLink(link.name)),
    ),
  };
}

async function listTables(runner: Runner, wanted: TablesWanted): Promise<Map<string, NftListing>> {
  if (wanted.names.length === 0) return new Map();
  const present = parseTableNames(await runner.run(command('nft', ['-j', 'list', 'tables', 'inet'])));
  const listings = await Promise.all(
    wanted.names
      .filter((name) => present.includes(name))
      .map(async (name) => {
        const terse = wanted.withElements.includes(name) ? [] : ['-t'];
        const json = await runner.run(command('nft', ['-j', '-s', ...terse, 'list', 'table', 'inet', name]));
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
