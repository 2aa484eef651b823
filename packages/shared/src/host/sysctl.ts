/** Kernel parameters as files below /proc/sys. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RelayError } from '../errors/relay-error.js';

export interface SysctlFiles {
  /** The values of several parameters at once. */
  readAll(paths: readonly string[]): Promise<Map<string, string | null>>;
  /** Value without trailing newline, or null where the kernel has no such parameter (a link that is gone). */
  read(path: string): Promise<string | null>;
  /** What has the value already is not written: in containers /proc/sys is read-only, and set from outside. */
  write(path: string, value: string): Promise<void>;
}

export function createSysctlFiles(root = '/proc/sys'): SysctlFiles {
  const files: SysctlFiles = {
    async readAll(paths) {
      return new Map(await Promise.all(paths.map(async (path) => [path, await files.read(path)] as const)));
    },
    async read(path) {
      try {
        return (await readFile(join(root, path), 'utf8')).trim();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw new RelayError('command-failed', `cannot read sysctl ${path}`, { cause: error });
      }
    },
    async write(path, value) {
      if ((await files.read(path)) === value) return;
      try {
        await writeFile(join(root, path), value);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
        throw new RelayError(denied ? 'permission' : 'command-failed', `cannot set sysctl ${path} to ${value}`, {
          hint: denied ? 'run as root, with /proc/sys writable (in a container: set it from outside)' : undefined,
          cause: error,
        });
      }
    },
  };
  return files;
}
