/** nft's words for a family of addresses, and for a chain. */

/** `ip` matches header fields, `address` is the type of a set's key, `icmp` the protocol of errors. */
export const WORDS = {
  ipv4: { ip: 'ip', address: 'ipv4_addr', icmp: 'icmp' },
  ipv6: { ip: 'ip6', address: 'ipv6_addr', icmp: 'icmpv6' },
} as const;

/** The lines of a base chain that accepts what its rules do not decide. */
export function chain(name: string, hook: string, rules: readonly string[]): string[] {
  return [`chain ${name} {`, `${hook}; policy accept;`, ...rules, '}'];
}
