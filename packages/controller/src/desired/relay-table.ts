/**
 * The relay's nftables skeleton: DNAT by map, no SNAT, MSS clamp, a guard against leaks.
 *
 *   client ─► nat-prerouting (map: port → backend) ─► filter-forward ─► hw0
 *   hw0 ─► filter-forward (replies only) ─► conntrack undoes the DNAT ─► client
 */

import { guardRule } from '@homeward/shared/kernel/forwarding-guard';
import { nftTable } from '@homeward/shared/kernel/nft-render';
import { RELAY_LINK, RELAY_TABLE } from '@homeward/shared/net/allocation';
import type { NftTable } from '@homeward/shared/state/resources';

export const SETS = {
  /** public address . transport . port : backend . port */
  exact: 'exact4',
  /** transport . port : backend . port, for every address of the relay. */
  any: 'any4',
  /** backend . transport . port, counted towards it. */
  bytesIn: 'bytes-in',
  /** The same, counted from it. */
  bytesOut: 'bytes-out',
} as const;

const target = 'ipv4_addr . inet_service';

/**
 * `guarded` are the links between which this machine did not forward before us: what we newly open there is dropped
 * again. Empty where forwarding was on already.
 */
export function relayTable(guarded: readonly string[]): NftTable {
  const guard = guarded.length === 0 ? [] : [guardRule(guarded)];
  const clamp = 'tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu';
  return nftTable(
    RELAY_TABLE,
    [
      `map ${SETS.exact} { type ipv4_addr . inet_proto . inet_service : ${target}; }`,
      `map ${SETS.any} { type inet_proto . inet_service : ${target}; }`,
      `set ${SETS.bytesIn} { type ipv4_addr . inet_proto . inet_service; counter; }`,
      `set ${SETS.bytesOut} { type ipv4_addr . inet_proto . inet_service; counter; }`,
      // Before Docker's and anybody's DNAT: the first binding of a flow wins.
      'chain nat-prerouting {',
      'type nat hook prerouting priority dstnat - 10; policy accept;',
      `iifname "${RELAY_LINK}" return`,
      // Right also behind a cloud's 1:1 public address.
      'fib daddr type != local return',
      `meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @${SETS.exact}`,
      `meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @${SETS.any}`,
      '}',
      'chain filter-forward {',
      'type filter hook forward priority filter; policy accept;',
      `iifname "${RELAY_LINK}" oifname "${RELAY_LINK}" drop`,
      `oifname "${RELAY_LINK}" ${clamp}`,
      `iifname "${RELAY_LINK}" ${clamp}`,
      // No tunnel address ever leaves by the uplink: what is not the answer to a client stays.
      `iifname "${RELAY_LINK}" ct state new,invalid drop`,
      `oifname "${RELAY_LINK}" ip daddr . meta l4proto . th dport @${SETS.bytesIn}`,
      `iifname "${RELAY_LINK}" ip saddr . meta l4proto . th sport @${SETS.bytesOut}`,
      ...guard,
      // Into the tunnel goes what was forwarded, and nothing that merely found the route.
      `oifname "${RELAY_LINK}" ct status dnat accept`,
      `oifname "${RELAY_LINK}" drop`,
      '}',
      'chain filter-input {',
      'type filter hook input priority filter; policy accept;',
      // Backends answer; they have no business with the relay's own services.
      `iifname "${RELAY_LINK}" ct state new,invalid drop`,
      '}',
      // A binding of each forwarded flow to its own source, before any masquerade can bind another.
      'chain keep-source {',
      'type nat hook postrouting priority srcnat - 20; policy accept;',
      `oifname "${RELAY_LINK}" ct status dnat meta nfproto ipv4 snat ip to ip saddr`,
      '}',
    ].join('\n'),
  );
}
