/** What fits into a tunnel packet, in octets. */

import type { Family } from '../net/address.js';

/** IP headers without options (RFC 791, RFC 8200). */
const IP_HEADER: Readonly<Record<Family, number>> = { ipv4: 20, ipv6: 40 };
const UDP_HEADER = 8;

/** WireGuard's data header and tag (whitepaper, 5.4.6). */
const WIREGUARD_OVERHEAD = 32;

/** GRE's header, and its key (RFC 2784, RFC 2890). */
const GRE_HEADER = 4;
const GRE_KEY = 4;

/** IPv6's least MTU (RFC 8200, 5): a tunnel below it could not carry IPv6. */
const LEAST_MTU = 1280;

/** Larger frames are seldom the same all the way through the internet. */
const MOST_UPLINK_MTU = 1500;

/** MTU of a WireGuard device over an uplink of the given MTU, whichever family its packets go by. */
export function wireguardMtu(uplinkMtu: number): number {
  return inside(uplinkMtu, IP_HEADER.ipv6 + UDP_HEADER + WIREGUARD_OVERHEAD);
}

/** MTU of a GRE device whose packets go by `outer`. */
export function greMtu(
  uplinkMtu: number,
  outer: Family,
  gre: { readonly udp: boolean; readonly key: number | null },
): number {
  return inside(
    uplinkMtu,
    IP_HEADER[outer] + (gre.udp ? UDP_HEADER : 0) + GRE_HEADER + (gre.key === null ? 0 : GRE_KEY),
  );
}

function inside(uplinkMtu: number, overhead: number): number {
  return Math.max(LEAST_MTU, Math.min(uplinkMtu, MOST_UPLINK_MTU) - overhead);
}
