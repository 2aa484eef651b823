/**
 * One writer of a state directory, whatever network namespace or container it runs in: flock(2) on a file there. The
 * kernel drops it with the process, however that ends, so that no lock is ever stale. Node cannot lock; flock(1) does,
 * on our own open file, which a lock belongs to: it ends at once, and the lock stays.
 */

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RelayError } from '../errors/relay-error.js';
import { command } from './command.js';
import type { Runner } from './runner.js';
import { systemErrorText } from './system-error.js';

export interface Lock {
  release(): Promise<void>;
}

/** How flock(1) ends when somebody else has the lock. */
const HELD = 1;

const NOTHING_TO_LOCK: Lock = { release: async () => undefined };

/** Takes the lock for this process's life. Throws `conflict` when another process has it, `bad-state` where nothing can be written. Where there is no directory there is nothing to lock. */
export async function takeStateLock(path: string, program: string, runner: Runner): Promise<Lock> {
  const file = await openLockFile(path);
  if (file === null) return NOTHING_TO_LOCK;
  try {
    await runner.run({ ...command('flock', ['--exclusive', '--nonblock', '0']), stdin: file });
  } catch (error) {
    await file.close();
    if (!(error instanceof RelayError) || error.details['exitCode'] !== HELD) throw error;
    throw new RelayError('conflict', `another ${program} uses the state in ${dirname(path)}`, {
      hint: 'each needs a directory of its own: --state-dir; see who has it: lslocks',
    });
  }
  return { release: () => file.close() };
}

async function openLockFile(path: string): Promise<FileHandle | null> {
  try {
    // For reading only: on a disk that is read-only by now a lock that is there can still be taken.
    return await open(path, constants.O_RDONLY | constants.O_CREAT, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new RelayError('bad-state', `nothing can be written in ${dirname(path)}: ${systemErrorText(error)}`, {
      hint: 'what is in the kernel stays as it is; make the directory writable, or choose another one with --state-dir',
      cause: error,
    });
  }
}
