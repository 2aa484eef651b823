/** Which families of addresses this machine speaks. */

import type { SysctlFiles } from '../host/sysctl.js';
import type { Family } from '../net/address.js';

/** New links get this value; there is no such file where the kernel was started without IPv6. */
const IPV6_DISABLED = 'net/ipv6/conf/default/disable_ipv6';

/** IPv4 always; IPv6 unless it is switched off, as it is in Docker's containers by default. */
export async function availableFamilies(sysctls: SysctlFiles): Promise<Family[]> {
  return (await sysctls.read(IPV6_DISABLED)) === '0' ? ['ipv4', 'ipv6'] : ['ipv4'];
}
