/** The text of a socket's address as people and messages write it. */

/**
 * `::ffff:198.51.100.7` (an IPv4 peer of a dual-stack socket, RFC 4291, 2.5.5.2) becomes `198.51.100.7`, and a link-local
 * address loses its `%eth0`, which means something only on this machine.
 */
export function plainAddress(address: string): string {
  const withoutZone = address.split('%', 1)[0] ?? address;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(withoutZone)?.[1] ?? withoutZone;
}
