/** The files of a running guest, in a temporary directory that carries our process id, and the logs that outlive it. */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import type { Files } from './qemu.js';

const prefix = 'homeward-vm-';

export interface VmFiles {
  /** The files of the next boot: its logs are its own. */
  next(): Files;
  readonly share: string;
  readonly door: string;
  remove(): Promise<void>;
}

/** Makes the disk layer over the system's disk, and the share with the files that the guest copies over its root. */
export const createVmFiles = async (
  name: string,
  systemDisk: string,
  seed: Readonly<Record<string, string>>,
): Promise<VmFiles> => {
  const directory = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
  const atExit = (): void => rmSync(directory, { recursive: true, force: true });
  process.on('exit', atExit);
  const at = (file: string): string => join(directory, file);
  const [disk, share, door] = [at('disk.qcow2'), at('share'), at('door')];
  for (const [path, content] of Object.entries(seed)) {
    await mkdir(dirname(join(share, 'seed', path)), { recursive: true });
    await writeFile(join(share, 'seed', path), content);
  }
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', systemDisk, disk]);
  const logs = process.env['HOMEWARD_VM_LOGS'] ?? directory;
  let boots = 0;
  return {
    share,
    door,
    next: () => {
      boots += 1;
      const log = (kind: string): string => join(logs, `${name}.boot${boots}.${kind}.log`);
      return { disk, share, door, console: log('console'), journal: log('journal') };
    },
    remove: async () => {
      process.off('exit', atExit);
      await rm(directory, { recursive: true, force: true });
    },
  };
};

const isRunning = (pid: string): Promise<boolean> =>
  readdir(`/proc/${pid}`).then(
    () => true,
    () => false,
  );

/** Removes the directories of runs that were ended in the middle; their QEMU has ended with them. Returns their names. */
export const sweepDeadVms = async (): Promise<string[]> => {
  const dead: string[] = [];
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || (await isRunning(pid))) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true });
    dead.push(name);
  }
  return dead;
};
