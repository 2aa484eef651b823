/** Cuts from a snapshot what is homeward's, as a HostState: ownership bounds everything we compare, change and remove. */

import { FAMILIES, type Family, isIp } from '../net/address.js';
import { MAIN_TABLE, ROUTE_PROTOCOL } from '../net/allocation.js';
import { parseLinkName } from '../net/names.js';
import { port } from '../net/port.js';
import { Secret } from '../net/secret.js';
import { hostState } from '../state/host-state.js';
import type { HostState, NftElements, PolicyRule, Resource, RuleSelector, TunnelDevice } from '../state/resources.js';
import { isDockerRuleOf } from './docker-user.js';
import { type FirewalldOwnership, presentFirewalldAllowances } from './firewalld.js';
import type { ListedLink, ListedRoute, ListedRule } from './iproute-parse.js';
import type { NftListing } from './nft-parse.js';
import type { Snapshot } from './snapshot.js';
import { presentUfwAllowances } from './ufw.js';
import type { ListedWireguard } from './wireguard.js';

/** What one side of homeward owns in the kernel. */
export interface Ownership {
  /** Names of nftables tables of family inet. */
  readonly tables: readonly string[];
  /** Whether a link of that name may be ours; it is when we made it. */
  isLink(name: string): boolean;
  isRoutingTable(table: number): boolean;
  /** Whether policy rules of that priority, with our protocol number, are this side's. */
  isRule(priority: number): boolean;
  readonly firewalld: FirewalldOwnership;
}

/** Which skeleton text a table was applied from, and the digest of its listing right after; by table name. */
export type TableMemory = Readonly<Record<string, { readonly fingerprint: string; readonly digest: string }>>;

/** What has a name or number that somebody else could have chosen as well: it is ours when we made it. */
export interface MadeByUs {
  readonly links: readonly string[];
  readonly fouPorts: readonly number[];
}

/** Sysctls are not part of a snapshot: their present values by path, null where the kernel has none. */
export type SysctlValues = ReadonlyMap<string, string | null>;

export function ownedState(
  snapshot: Snapshot,
  ownership: Ownership,
  memory: TableMemory,
  sysctls: SysctlValues,
  made: MadeByUs,
): HostState {
  const links = snapshot.links.filter((link) => ownership.isLink(link.name) && made.links.includes(link.name));
  return hostState([
    ...links.flatMap(ownedLink),
    ...[...snapshot.wireguard]
      .filter(([name]) => made.links.includes(name))
      .map(([name, device]) => ownedWireguard(name, device)),
    ...snapshot.fouPorts
      .filter((port) => made.fouPorts.includes(port))
      .map((port) => ({ kind: 'fou-port' as const, port })),
    ...FAMILIES.flatMap((family) => ownedAllowances(family, snapshot, ownership)),
    ...ownership.tables.flatMap((table) => presentUfwAllowances(snapshot.ufw, table)),
    ...presentFirewalldAllowances(snapshot.firewalld, ownership.firewalld),
    ...snapshot.routes.flatMap((route) => ownedRoute(route, ownership)),
    ...snapshot.rules.flatMap((rule) => ownedRule(rule, ownership)),
    ...[...snapshot.tables].flatMap(([name, listing]) => ownedTable(name, listing, memory)),
    ...[...sysctls].flatMap(([path, value]) => (value === null ? [] : [{ kind: 'sysctl' as const, path, value }])),
  ]);
}

/** In somebody else's chain a rule is ours by its comment, the name of this side's table. */
function ownedAllowances(family: Family, { dockerUser }: Snapshot, { tables }: Ownership): Resource[] {
  return (dockerUser[family] ?? [])
    .filter((rule) => tables.some((table) => isDockerRuleOf(rule, table)))
    .map((rule) => ({ kind: 'allowance', firewall: 'docker', family, rule }));
}

function ownedLink(link: ListedLink): Resource[] {
  const device = ownedDevice(link);
  if (device === null) return [];
  const name = parseLinkName(link.name);
  // The kernel gives a tun device a link-local address by itself.
  const given = link.addresses.filter(({ scope }) => scope !== 'link');
  const addresses = given.flatMap(({ address, prefixLength }) =>
    isIp(address) ? [{ kind: 'address' as const, link: name, address, prefixLength }] : [],
  );
  return [{ kind: 'link', name, device, mtu: link.mtu, up: link.up }, ...addresses];
}

/** wireguard-go's device is a tun; any other kind with our name is not kept by this state (the probe's veth, a stranger). */
function ownedDevice({ type, gre }: ListedLink): TunnelDevice | null {
  if (gre !== null) return gre;
  return type === 'wireguard' || type === 'tun' ? { type: 'wireguard' } : null;
}

function ownedWireguard(name: string, device: ListedWireguard): Resource {
  return {
    kind: 'wireguard-device',
    link: parseLinkName(name),
    privateKey: null,
    publicKey: device.publicKey,
    listenPort: device.listenPort,
    peers: device.peers.map((peer) => ({ ...peer, presharedKey: new Secret('') })),
  };
}

function ownedRoute(route: ListedRoute, ownership: Ownership): Resource[] {
  const table = route.table === 'main' ? MAIN_TABLE : Number(route.table);
  if (route.protocol !== String(ROUTE_PROTOCOL)) return [];
  if (!ownership.isRoutingTable(table) || route.link === null || route.type !== 'unicast') return [];
  const { family, destination } = route;
  const gateway = route.gateway !== null && isIp(route.gateway) ? route.gateway : null;
  return [{ kind: 'route', family, table, destination, link: parseLinkName(route.link), gateway }];
}

function sourcePorts({ ipProtocol, sourcePorts: ports }: ListedRule): Pick<RuleSelector, 'sourcePorts'> {
  if (ports === null || (ipProtocol !== 'tcp' && ipProtocol !== 'udp')) return {};
  return { sourcePorts: { transport: ipProtocol, ports: { first: port(ports.first), last: port(ports.last) } } };
}

function ownedRule(rule: ListedRule, ownership: Ownership): PolicyRule[] {
  if (rule.protocol !== String(ROUTE_PROTOCOL) || rule.action === null || !ownership.isRule(rule.priority)) return [];
  const selector: RuleSelector = {
    ...(rule.iif === null ? {} : { iif: parseLinkName(rule.iif) }),
    ...(rule.fwmark === null ? {} : { fwmark: rule.fwmark }),
    ...(isIp(rule.from) ? { from: rule.from } : {}),
    ...sourcePorts(rule),
  };
  const { family, priority, action } = rule;
  return [{ kind: 'rule', family, priority, selector, action }];
}

function ownedTable(name: string, listing: NftListing, memory: TableMemory): (Resource | NftElements)[] {
  const known = memory[name];
  const fingerprint = known?.digest === listing.digest ? known.fingerprint : `changed (${listing.digest})`;
  return [
    { kind: 'nft-table', name, body: '', fingerprint },
    ...[...listing.elements].map(([set, elements]) => ({ kind: 'nft-elements' as const, table: name, set, elements })),
  ];
}
