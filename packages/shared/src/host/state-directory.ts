/** The directory that holds keys: ours alone, or nothing starts. */

import { mkdir, stat } from 'node:fs/promises';
import { RelayError } from '../errors/relay-error.js';

/** Makes the directory (0700) if it is missing; throws `bad-state` for a wrong owner or mode, `permission` where it cannot be made. */
export async function prepareStateDirectory(path: string, uid: number): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST' || code === 'ENOTDIR') throw notADirectory(path, error);
    throw new RelayError('permission', `cannot make the state directory ${path}: ${(error as Error).message}`, {
      hint: 'run as root, or choose another one with --state-dir',
      cause: error,
    });
  }
  const found = await stat(path);
  if (!found.isDirectory()) throw notADirectory(path);
  if (found.uid !== uid) {
    throw new RelayError('bad-state', `${path} belongs to user ${found.uid}, not to ${uid}`, {
      hint: `chown -R ${uid} ${path}`,
    });
  }
  if ((found.mode & 0o077) !== 0) {
    throw new RelayError('bad-state', `${path} can be read by others; it holds private keys`, {
      hint: `chmod 700 ${path}`,
    });
  }
}

function notADirectory(path: string, cause?: unknown): RelayError {
  return new RelayError('bad-state', `${path} is not a directory`, {
    hint: 'choose another one with --state-dir, or move away what is in its place',
    cause,
  });
}
