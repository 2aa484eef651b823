/** The guests' kernel, initramfs and disk: made once for each kernel version and list of packages, and kept. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Kernel, packagesOfLibraries, stockKernel, suite, updateLists } from './apt.js';
import { guestPackages } from './guest-packages.js';
import { makeInitramfs } from './initramfs.js';
import { guestNode } from './places.js';
import { makeImage, makeTree } from './tree.js';

/** Outside the repository, so that every checkout of this machine uses the same. */
const cache = process.env['HOMEWARD_TEST_CACHE'] ?? '/var/cache/homeward-test';

/** A system that nothing has used for so long is removed: another kernel version has taken its place. */
const keptMs = 14 * 24 * 3_600_000;

export interface System {
  readonly kernel: string;
  readonly initramfs: string;
  readonly disk: string;
  /** What uname -r says in the guest. */
  readonly release: string;
}

interface Recipe {
  readonly codename: string;
  readonly packages: readonly string[];
  readonly kernel: Kernel;
  readonly key: string;
}

/** The modules that make a system: when one of them changes, another system is made. */
const makers = ['tree.js', 'initramfs.js', 'guest-packages.js'];

const recipe = async (): Promise<Recipe> => {
  const [codename, kernel, libraries, ...sources] = await Promise.all([
    suite(),
    stockKernel(),
    packagesOfLibraries(process.execPath),
    ...makers.map((name) => readFile(fileURLToPath(new URL(name, import.meta.url)), 'utf8')),
  ]);
  const packages = [...new Set([...Object.keys(guestPackages), ...libraries])].sort();
  const digest = createHash('sha256').update(JSON.stringify([codename, kernel, packages, guestNode, sources]));
  return { codename, packages, kernel, key: `${kernel.release}-${digest.digest('hex').slice(0, 12)}` };
};

const systemIn = (directory: string, { kernel }: Recipe): System => ({
  kernel: join(directory, 'vmlinuz'),
  initramfs: join(directory, 'initramfs'),
  disk: join(directory, 'root.ext4'),
  release: kernel.release,
});

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Makes it beside its place and moves it there when it is whole: runs at the same time do not meet. */
const make = async (wanted: Recipe, directory: string): Promise<void> => {
  const work = join(cache, `making-${process.pid}-${wanted.key}`);
  try {
    const made = join(work, 'made');
    await mkdir(made, { recursive: true });
    const { kernel, initramfs, disk } = systemIn(made, wanted);
    const tree = await makeTree(wanted.codename, wanted.packages, wanted.kernel, work, kernel);
    await makeInitramfs(tree, wanted.kernel.release, join(work, 'initramfs'), initramfs);
    await makeImage(tree, disk);
    await rename(made, directory).catch(async (error: unknown) => {
      if (!(await exists(directory))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};

const isRunning = (pid: number): Promise<boolean> => exists(`/proc/${pid}`);

/** Removes what nobody has used for long, and what ended runs left half made. */
const tidy = async (): Promise<void> => {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    const maker = /^making-(\d+)-/.exec(name)?.[1];
    const isOld =
      maker === undefined
        ? Date.now() - (await stat(path)).mtimeMs > keptMs
        : Number(maker) !== process.pid && !(await isRunning(Number(maker)));
    if (isOld) await rm(path, { recursive: true, force: true });
  }
};

/** The system, from the cache or made now; `say` hears of what takes long. */
export const ensureSystem = async (say: (line: string) => void): Promise<System> => {
  await mkdir(cache, { recursive: true });
  await tidy();
  let wanted = await recipe().catch(async () => {
    await updateLists();
    return recipe();
  });
  if (!(await exists(join(cache, wanted.key)))) {
    // Lists that are out of date name packages that mirrors no longer have.
    await updateLists();
    wanted = await recipe();
    const begin = Date.now();
    say(`making a Debian ${wanted.codename} with Linux ${wanted.kernel.release} in ${cache} (a minute or two, once)`);
    if (!(await exists(join(cache, wanted.key)))) await make(wanted, join(cache, wanted.key));
    say(`made in ${((Date.now() - begin) / 1000).toFixed(0)} s`);
  }
  const directory = join(cache, wanted.key);
  await utimes(directory, new Date(), new Date());
  return systemIn(directory, wanted);
};
