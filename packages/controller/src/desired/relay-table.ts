/**
 * The relay's nftables skeleton: DNAT by map, no SNAT, MSS clamp, a guard against leaks.
 *
 *   client ─► nat-prerouting (maps: port → backend) ─► filter-forward ─► hw0
 *   hw0 ─► filter-forward (replies only) ─► conntrack undoes the DNAT ─► client
 */

import { type GuardedLinks, guardRules } from '@homeward/shared/kernel/forwarding-guard';
import { nftTable } from '@homeward/shared/kernel/nft-render';
import { chain, WORDS } from '@homeward/shared/kernel/nft-words';
import { FAMILIES, type Family } from '@homeward/shared/net/address';
import { RELAY_LINK, RELAY_TABLE } from '@homeward/shared/net/allocation';
import type { NftTable } from '@homeward/shared/state/resources';
import { SETS } from './relay-sets.js';

/**
 * `guarded` are the links between which this machine did not forward before us: what we newly open there is dropped
 * again. Empty where forwarding was on already.
 */
export function relayTable(guarded: GuardedLinks): NftTable {
  const clamp = 'tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu';
  return nftTable(
    RELAY_TABLE,
    [
      ...FAMILIES.flatMap(setLines),
      // Before Docker's and anybody's DNAT: the first binding of a flow wins.
      ...chain('nat-prerouting', 'type nat hook prerouting priority dstnat - 10', [
        `iifname "${RELAY_LINK}" return`,
        // Right also behind a cloud's 1:1 public address.
        'fib daddr type != local return',
        'ip6 daddr fe80::/10 return',
        ...FAMILIES.flatMap(dnatRules),
      ]),
      ...chain('filter-forward', 'type filter hook forward priority filter', [
        `iifname "${RELAY_LINK}" oifname "${RELAY_LINK}" drop`,
        `oifname "${RELAY_LINK}" ${clamp}`,
        `iifname "${RELAY_LINK}" ${clamp}`,
        // No tunnel address ever leaves by the uplink: what is not the answer to a client stays.
        `iifname "${RELAY_LINK}" ct state new,invalid drop`,
        ...FAMILIES.flatMap(countRules),
        ...guardRules(guarded),
        // Into the tunnel goes what was forwarded, and nothing that merely found the route.
        `oifname "${RELAY_LINK}" ct status dnat accept`,
        `oifname "${RELAY_LINK}" drop`,
      ]),
      // Backends answer; they have no business with the relay's own services.
      ...chain('filter-input', 'type filter hook input priority filter', [
        `iifname "${RELAY_LINK}" ct state new,invalid drop`,
      ]),
      // A binding of each forwarded flow to its own source, before any masquerade can bind another.
      ...chain(
        'keep-source',
        'type nat hook postrouting priority srcnat - 20',
        FAMILIES.map((family) => {
          const { ip } = WORDS[family];
          return `oifname "${RELAY_LINK}" ct status dnat meta nfproto ${family} snat ${ip} to ${ip} saddr`;
        }),
      ),
    ].join('\n'),
  );
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
    ...counted,
    ...rangesCounted,
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

function countRules(family: Family): string[] {
  const { ip } = WORDS[family];
  const { bytesIn, bytesOut, rangeBytesIn, rangeBytesOut } = SETS[family];
  const to = `oifname "${RELAY_LINK}" ${ip} daddr . meta l4proto . th dport`;
  const from = `iifname "${RELAY_LINK}" ${ip} saddr . meta l4proto . th sport`;
  return [`${to} @${bytesIn}`, `${to} @${rangeBytesIn}`, `${from} @${bytesOut}`, `${from} @${rangeBytesOut}`];
}
