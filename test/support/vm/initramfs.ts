/** The first file system of a guest: busybox, the modules of its disk and of the host's shares, and what mounts them. */
import { chmod, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { shares } from './places.js';

/** Modules of a stock Debian kernel that are needed before the root is there; the rest is loaded by udev and modprobe. */
const modules = ['virtio_pci', 'virtio_blk', 'ext4', '9p', '9pnet_virtio', 'virtio_console'];

const mountShare = (tag: keyof typeof shares): string => {
  const { guest, isReadOnly } = shares[tag];
  // Nobody writes what is read-only while a guest runs, so that it may be cached.
  const options = `trans=virtio,version=9p2000.L,msize=512000,${isReadOnly ? 'ro,cache=loose' : 'rw'}`;
  return `mkdir -p /root${guest}\nmount -t 9p -o ${options} ${tag} /root${guest}`;
};

/** What a machine brings along (`seed` in its share) is copied over the root at each boot, before systemd starts. */
const init = (): string => `#!/bin/sh
set -e
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
# One that makes another faster refuses a processor without its instructions.
while read -r module; do insmod "/modules/$module" || echo "without $module"; done < /modules/order
mount -t ext4 /dev/vda /root
${(Object.keys(shares) as (keyof typeof shares)[]).map(mountShare).join('\n')}
cp -a ${`/root${shares.share.guest}`}/seed/. /root/
for place in dev proc sys; do mount --move "/$place" "/root/$place"; done
exec switch_root /root /sbin/init
`;

const applets = ['sh', 'mount', 'mkdir', 'insmod', 'cp', 'switch_root'];

/** The modules' files in the order in which they are to be loaded. */
const moduleFiles = async (tree: string, release: string): Promise<string[]> => {
  const lists = await Promise.all(
    modules.map((name) => execa('modprobe', ['--dirname', tree, '--set-version', release, '--show-depends', name])),
  );
  const files = lists.flatMap(({ stdout }) => [...stdout.matchAll(/^insmod (\S+)/gm)].map(([, path = '']) => path));
  return [...new Set(files)];
};

/** Writes the archive (gzipped cpio) of which the kernel makes its first root; `tree` has the kernel's modules. */
export const makeInitramfs = async (tree: string, release: string, work: string, target: string): Promise<void> => {
  await Promise.all(
    ['bin', 'modules', 'proc', 'sys', 'dev', 'root'].map((name) => mkdir(join(work, name), { recursive: true })),
  );
  await copyFile('/bin/busybox', join(work, 'bin/busybox'));
  await Promise.all(applets.map((name) => execa('ln', ['-s', 'busybox', join(work, 'bin', name)])));
  const files = await moduleFiles(tree, release);
  await Promise.all(files.map((file) => copyFile(file, join(work, 'modules', basename(file)))));
  await writeFile(join(work, 'modules/order'), files.map((file) => `${basename(file)}\n`).join(''));
  await writeFile(join(work, 'init'), init());
  await chmod(join(work, 'init'), 0o755);
  const names = (await readdir(work, { recursive: true })).join('\n');
  const { stdout } = await execa('cpio', ['--create', '--format=newc', '--quiet'], {
    cwd: work,
    input: names,
    encoding: 'buffer',
  });
  await writeFile(target, stdout);
};
