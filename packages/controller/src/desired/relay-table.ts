/**
 * The relay's nftables skeleton: DNAT by map, no SNAT, MSS clamp, a guard against leaks.
 *
 *   client ─► nat-prerouting (maps: port → backend) ─► filter-forward ─► hw0
 *   hw0 ─► filter-forward (replies only) ─► conntrack undoes the DNAT ─► client
 */

import { type GuardedLinks, guardRules } from '@homeward/shared/kernel/forwarding-guard';
import { nftTable } from '@homeward/shared/kernel/nft-render';
import { chain, WORDS } from '@homeward/shared/kernel/nft-words';
import { traceChains, traceSet } from '@homeward/shared/kernel/trace-table';
import { FAMILIES, type Family, type Ipv4Address } from '@homeward/shared/net/address';
import { RELAY_FOU_PORT, RELAY_TABLE, RELAYS_OWN_PROTOCOLS } from '@homeward/shared/net/allocation';
import type { NftTable } from '@homeward/shared/state/resources';
import { COMMON_SETS, mappingSet, SETS } from './relay-sets.js';

/** A backend whose GRE comes in UDP, through a NAT that chooses its port. */
export interface MappedPeer {
  readonly index: number;
  readonly key: number;
  /** Where its session comes from: nobody else is listened to. */
  readonly remote: Ipv4Address;
}

/** How long a mapping counts, seconds: the backend's keepalive comes every 10. */
const MAPPING_SECONDS = 60;

/**
 * `guarded` are the links between which this machine did not forward before us: what we newly open there is dropped
 * again. Empty where forwarding was on already.
 */
export function relayTable(guarded: GuardedLinks, mapped: readonly MappedPeer[] = []): NftTable {
  const clamp = 'tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu';
  const tunnels = `@${COMMON_SETS.tunnels}`;
  return nftTable(
    RELAY_TABLE,
    [
      `set ${COMMON_SETS.tunnels} { type ifname; }`,
      ...[COMMON_SETS.kept, COMMON_SETS.excepted].map(
        (name) => `set ${name} { type inet_proto . inet_service; flags interval; }`,
      ),
      ...FAMILIES.flatMap(setLines),
      traceSet(),
      ...traceChains(false),
      ...mapped.map(
        ({ index }) =>
          `set ${mappingSet(index)} { type ipv4_addr . inet_service; size 64; flags dynamic, timeout; timeout ${MAPPING_SECONDS}s; }`,
      ),
      // Before Docker's and anybody's DNAT: the first binding of a flow wins.
      ...chain('nat-prerouting', 'type nat hook prerouting priority dstnat - 10', [
        ...notForClients(),
        ...FAMILIES.flatMap(dnatRules),
      ]),
      // Behind every other forward; the first binding of a flow wins here as well.
      ...chain('nat-whole', 'type nat hook prerouting priority dstnat - 9', [
        'iifname "lo" return',
        ...notForClients(),
        ...FAMILIES.map((family) => `${WORDS[family].icmp} type != echo-request return`),
        `meta l4proto { ${RELAYS_OWN_PROTOCOLS.join(', ')} } return`,
        `meta l4proto . th dport @${COMMON_SETS.kept} return`,
        ...FAMILIES.flatMap(wholeRules),
        `meta l4proto . th dport @${COMMON_SETS.excepted} return`,
        ...FAMILIES.map((family) => wholeDnat(family, SETS[family].anyWhole)),
      ]),
      ...chain('filter-forward', 'type filter hook forward priority filter', [
        `iifname ${tunnels} oifname ${tunnels} drop`,
        ...bothWays(clamp),
        // No tunnel address ever leaves by the uplink: what is not the answer to a client stays. By a link that is not
        // ours others may have their way to the internet.
        `iifname ${tunnels} ct state new,invalid drop`,
        ...FAMILIES.flatMap(countRules),
        ...FAMILIES.flatMap((family) => [
          `${toShared(family)} ct status dnat accept`,
          `${fromShared(family)} ct status dnat accept`,
        ]),
        ...guardRules(guarded),
        // Into the tunnel goes what was forwarded, and nothing that merely found the route.
        `oifname ${tunnels} ct status dnat accept`,
        `oifname ${tunnels} drop`,
      ]),
      // Backends answer; they have no business with the relay's own services.
      ...chain('filter-input', 'type filter hook input priority filter', [
        `iifname ${tunnels} ct state new,invalid drop`,
        ...mapped.map(mappingRule),
      ]),
      // A binding of each forwarded flow to its own source, before any masquerade can bind another.
      ...chain(
        'keep-source',
        'type nat hook postrouting priority srcnat - 20',
        FAMILIES.flatMap((family) => {
          const { ip } = WORDS[family];
          return [`oifname ${tunnels}`, toShared(family)].map(
            (out) => `${out} ct status dnat meta nfproto ${family} snat ${ip} to ${ip} saddr`,
          );
        }),
      ),
    ].join('\n'),
  );
}

function notForClients(): string[] {
  return [
    `iifname @${COMMON_SETS.tunnels} return`,
    ...FAMILIES.map((family) => `${fromShared(family)} return`),
    // Right also behind a cloud's 1:1 public address.
    'fib daddr type != local return',
    'ip6 daddr fe80::/10 return',
  ];
}

/** What names an address goes first, with what is kept there. */
function wholeRules(family: Family): string[] {
  const { whole, keptAt } = SETS[family];
  return [`${WORDS[family].ip} daddr . meta l4proto . th dport @${keptAt} return`, wholeDnat(family, whole)];
}

function wholeDnat(family: Family, map: string): string {
  const { ip } = WORDS[family];
  return `dnat ${ip} to ${ip} daddr map @${map}`;
}

/** Towards a backend behind a link that is not ours. */
function toShared(family: Family): string {
  return `meta oifname . ${WORDS[family].ip} daddr @${SETS[family].shared}`;
}

/** From such a backend. */
function fromShared(family: Family): string {
  return `meta iifname . ${WORDS[family].ip} saddr @${SETS[family].shared}`;
}

function bothWays(statement: string): string[] {
  const tunnels = `@${COMMON_SETS.tunnels}`;
  const shared = FAMILIES.flatMap((family) => [toShared(family), fromShared(family)]);
  return [`oifname ${tunnels}`, `iifname ${tunnels}`, ...shared].map((match) => `${match} ${statement}`);
}

/** FOU's payload is GRE, its key the second 32 bits where the flag says so (RFC 2890): 96 bits past the UDP header's start. */
function mappingRule({ index, key, remote }: MappedPeer): string {
  return `ip saddr ${remote} udp dport ${RELAY_FOU_PORT} @th,96,32 ${key} update @${mappingSet(index)} { ip saddr . udp sport }`;
}

/** A range cannot lead to other ports: of an interval's value nft takes the port as it stands for every one. */
function setLines(family: Family): string[] {
  const { address } = WORDS[family];
  const sets = SETS[family];
  const byAddress = `${address} . inet_proto . inet_service`;
  const counted = [sets.bytesIn, sets.bytesOut].map((name) => `set ${name} { type ${byAddress}; counter; }`);
  const rangesCounted = [sets.rangeBytesIn, sets.rangeBytesOut].map(
    (name) => `set ${name} { type ${byAddress}; flags interval; counter; }`,
  );
  return [
    `map ${sets.exact} { type ${byAddress} : ${address} . inet_service; }`,
    `map ${sets.range} { type ${byAddress} : ${address}; flags interval; }`,
    `map ${sets.any} { type inet_proto . inet_service : ${address} . inet_service; }`,
    `map ${sets.anyRange} { type inet_proto . inet_service : ${address}; flags interval; }`,
    `map ${sets.whole} { type ${address} : ${address}; }`,
    `map ${sets.anyWhole} { type ${address} : ${address}; flags interval; }`,
    `set ${sets.keptAt} { type ${byAddress}; flags interval; }`,
    ...[sets.wholeBytesIn, sets.wholeBytesOut].map((name) => `set ${name} { type ${address}; counter; }`),
    ...counted,
    ...rangesCounted,
    `set ${sets.shared} { type ifname . ${address}; }`,
  ];
}

/** What names an address goes before what does not. */
function dnatRules(family: Family): string[] {
  const { ip } = WORDS[family];
  const { exact, range, any, anyRange } = SETS[family];
  const dnat = (key: string, map: string) => `meta l4proto { tcp, udp } dnat ${ip} to ${key} map @${map}`;
  const port = 'meta l4proto . th dport';
  return [
    dnat(`${ip} daddr . ${port}`, exact),
    dnat(`${ip} daddr . ${port}`, range),
    dnat(port, any),
    dnat(port, anyRange),
  ];
}

/** A backend's address is met on its tunnel only. */
function countRules(family: Family): string[] {
  const { ip } = WORDS[family];
  const { bytesIn, bytesOut, rangeBytesIn, rangeBytesOut, wholeBytesIn, wholeBytesOut } = SETS[family];
  const to = `${ip} daddr . meta l4proto . th dport`;
  const from = `${ip} saddr . meta l4proto . th sport`;
  return [
    ...[`${to} @${bytesIn}`, `${to} @${rangeBytesIn}`, `${from} @${bytesOut}`, `${from} @${rangeBytesOut}`],
    ...[`${ip} daddr @${wholeBytesIn}`, `${ip} saddr @${wholeBytesOut}`],
  ];
}
