/** Whether what we start has to get a systemd unit of its own to outlive us. */

import { existsSync } from 'node:fs';
import { readlink } from 'node:fs/promises';

/** Only where systemd runs, and in its own network namespace: in another one its unit would make the device in the wrong place. */
export async function needsSystemdUnit(): Promise<boolean> {
  if (!existsSync('/run/systemd/system')) return false;
  const [own, first] = await Promise.all([readlink('/proc/self/ns/net'), readlink('/proc/1/ns/net')]);
  return own === first;
}
