/** Tells one boot of one network namespace from another: what was recorded about the kernel is worthless after it. */

import { readFile, readlink } from 'node:fs/promises';

/** The kernel's random boot id (Documentation/admin-guide/sysctl/kernel.rst). */
export async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** Boot id and network namespace, for example `4f1c… net:[4026531840]`. */
export async function kernelInstance(): Promise<string> {
  return `${await bootId()} ${await readlink('/proc/self/ns/net')}`;
}
