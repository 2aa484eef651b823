/** Looks at the kernel once: everything that planning and facts are computed from, ours and foreign. */

import { RelayError } from '../errors/relay-error.js';
import { command } from '../host/command.js';
import type { KernelPart } from '../host/monitor.js';
import type { Runner } from '../host/runner.js';
import { FAMILIES, type Family } from '../net/address.js';
import type { DockerUser } from './docker-user.js';
import { lookAtDockerUser } from './docker-user-look.js';
import { FIREWALLD_TABLE, type Firewalld } from './firewalld.js';
import { lookAtFirewalld } from './firewalld-look.js';
import { listFouPorts } from './fou.js';
import {
  type ListedLink,
  type ListedRoute,
  type ListedRule,
  parseLinks,
  parseRoutes,
  parseRules,
} from './iproute-parse.js';
import { type NftListing, parseNftTable, parseNftTables } from './nft-parse.js';
import type { Ufw } from './ufw.js';
import { lookAtUfw } from './ufw-look.js';
import { type ListedWireguard, parseWireguardDump } from './wireguard.js';

export interface Snapshot {
  readonly links: readonly ListedLink[];
  /** Of all tables and both families. */
  readonly routes: readonly ListedRoute[];
  /** Policy rules of both families. */
  readonly rules: readonly ListedRule[];
  /** Our nftables tables that exist, by name; without elements unless these were asked for. */
  readonly tables: ReadonlyMap<string, NftListing>;
  /** UDP ports at which the kernel takes GRE out of UDP, of everybody. */
  readonly fouPorts: readonly number[];
  /** Of everybody, where Docker is. */
  readonly dockerUser: DockerUser;
  readonly ufw: Ufw;
  /** Null where it does not run. */
  readonly firewalld: Firewalld | null;
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

/** `isOurLink` bounds what is read of foreign state: other WireGuard devices are never listed. */
export async function takeSnapshot(
  runner: Runner,
  tables: TablesWanted,
  isOurLink: (name: string) => boolean,
): Promise<Snapshot> {
  const [links, routing, listings, fouPorts, ufw] = await Promise.all([
    listLinks(runner, isOurLink),
    listRouting(runner),
    listTables(runner, tables),
    listFouPorts(runner),
    lookAtUfw(runner, tables.names),
  ]);
  const dockerUser = await lookAtDockerUser(runner, namesOf(links.links));
  return { ...links, ...routing, ...listings, fouPorts, dockerUser, ufw };
}

/** The snapshot with some of its parts read anew; WireGuard's settings go with the links. */
export async function refreshSnapshot(
  runner: Runner,
  before: Snapshot,
  parts: ReadonlySet<KernelPart>,
  tables: TablesWanted,
  isOurLink: (name: string) => boolean,
): Promise<Snapshot> {
  const [links, routing, listings, dockerUser, ufw] = await Promise.all([
    parts.has('links') ? listLinks(runner, isOurLink) : null,
    parts.has('routing') ? listRouting(runner) : null,
    parts.has('tables') ? listTables(runner, tables) : null,
    parts.has('tables') ? lookAtDockerUser(runner, namesOf(before.links)) : null,
    parts.has('tables') ? lookAtUfw(runner, tables.names) : null,
  ]);
  return {
    ...{ ...before, ...links, ...routing, ...listings },
    ...(dockerUser === null ? {} : { dockerUser }),
    ...(ufw === null ? {} : { ufw }),
  };
}

function namesOf(links: readonly ListedLink[]): string[] {
  return links.map(({ name }) => name);
}

async function listLinks(
  runner: Runner,
  isOurLink: (name: string) => boolean,
): Promise<Pick<Snapshot, 'links' | 'wireguard'>> {
  const links = parseLinks(await runner.run(command('ip', ['-d', '-j', 'address', 'show'])));
  const ours = links.filter((link) => isOurLink(link.name));
  return { links, wireguard: await listWireguard(runner, ours) };
}

async function listRouting(runner: Runner): Promise<Pick<Snapshot, 'routes' | 'rules'>> {
  const families = await Promise.all(FAMILIES.map((family) => listRoutingOf(runner, family)));
  return { routes: families.flatMap(({ routes }) => routes), rules: families.flatMap(({ rules }) => rules) };
}

/** One process for both: starting one is what a look costs. A batch prints an array a line. */
async function listRoutingOf(
  runner: Runner,
  family: Family,
): Promise<{ readonly routes: readonly ListedRoute[]; readonly rules: readonly ListedRule[] }> {
  const option = family === 'ipv6' ? '-6' : '-4';
  const listing = await runner.run(command('ip', [option, '-j', '-batch', '-'], 'route show table all\nrule show\n'));
  const [routes = '', rules = ''] = listing.trim().split('\n');
  return { routes: parseRoutes(routes, family), rules: parseRules(rules, family) };
}

/**
 * Skeletons come from a listing of all tables: of nft's listings only this one leaves elements in the kernel when asked to
 * (`-t`); even `list tables` reads every element of every set, which takes half a second for 40,000.
 */
async function listTables(runner: Runner, wanted: TablesWanted): Promise<Pick<Snapshot, 'tables' | 'firewalld'>> {
  if (wanted.names.length === 0) return { tables: new Map(), firewalld: null };
  const all = parseNftTables(await runner.run(command('nft', ['-j', '-s', '-t', 'list', 'ruleset', 'inet'])));
  const present = wanted.names.filter((name) => all.has(name));
  const listings = await Promise.all(
    present.map(async (name) => {
      if (!wanted.withElements.includes(name)) return [name, all.get(name)] as const;
      const json = await runner.run(command('nft', ['-j', '-s', 'list', 'table', 'inet', name]));
      return [name, parseNftTable(json)] as const;
    }),
  );
  return {
    tables: new Map(listings.flatMap(([name, listing]) => (listing === undefined ? [] : [[name, listing]]))),
    firewalld: await lookAtFirewalld(runner, all.get(FIREWALLD_TABLE)?.digest),
  };
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
