/** A secret as a file that exists only while a program reads it, in memory and readable by us alone. */

import { randomBytes } from 'node:crypto';
import { unlink, writeFile } from 'node:fs/promises';
import type { Secret } from '../net/secret.js';

/** Memory, not disk. wg cannot take it from stdin: it opens /dev/stdin anew, and node's pipes are sockets, which cannot be opened so. */
const PLACE = '/dev/shm';

export async function withSecretFile<Value>(secret: Secret, use: (path: string) => Promise<Value>): Promise<Value> {
  const path = `${PLACE}/homeward-${randomBytes(12).toString('hex')}`;
  await writeFile(path, secret.reveal(), { flag: 'wx', mode: 0o600 });
  try {
    return await use(path);
  } finally {
    await unlink(path);
  }
}
