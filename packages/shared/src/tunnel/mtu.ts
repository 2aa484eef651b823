/** What fits into a tunnel packet, in octets. */

/** WireGuard over IPv6: 40 IP + 8 UDP + 32 WireGuard (data header and tag, wireguard whitepaper 5.4.6). IPv4 would be 60; the larger fits both. */
const WIREGUARD_OVERHEAD = 80;

/** IPv6's least MTU (RFC 8200, 5): a tunnel below it could not carry IPv6. */
const LEAST_MTU = 1280;

/** MTU of a WireGuard device over an uplink of the given MTU. */
export function wireguardMtu(uplinkMtu: number): number {
  return Math.max(LEAST_MTU, Math.min(uplinkMtu, 1500) - WIREGUARD_OVERHEAD);
}
