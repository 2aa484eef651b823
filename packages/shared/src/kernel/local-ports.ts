/** Ports that the kernel gives to connections of this machine's own programs (ip(7), ip_local_port_range). */

import type { SysctlFiles } from '../host/sysctl.js';
import { type PortRange, port } from '../net/port.js';

const PATH = 'net/ipv4/ip_local_port_range';

/** Where the kernel tells none, all from the first unprivileged one on. */
export async function localPortRange(sysctls: Pick<SysctlFiles, 'read'>): Promise<PortRange> {
  const [first, last] = ((await sysctls.read(PATH)) ?? '1024 65535').split(/\s+/).map(Number);
  return { first: port(first ?? 1024), last: port(last ?? 65_535) };
}
