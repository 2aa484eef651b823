/** The guests' root: Debian from the mirror, the kernel's modules, and the few files that make it a guest of ours. */
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { downloadKernel, type Kernel, mirror } from './apt.js';
import { maskedUnits } from './guest-packages.js';
import { unpackKernelImage } from './kernel-image.js';
import { guestNode, inGuest, repository } from './places.js';

/** Room for what tests write; the file is sparse. */
const imageSize = '8G';

/** Runs test commands that come from outside; see `door.ts`. */
const doorUnit = `[Unit]
Description=runs what the test on the host asks for
# It opens early, so that what hinders the boot can be asked for, and nothing waits for it.
DefaultDependencies=no
After=local-fs.target
Conflicts=shutdown.target
StartLimitIntervalSec=0

[Service]
ExecStart=${guestNode} ${inGuest(`${repository}/test/dist/support/vm/door.js`)}
Restart=always
RestartSec=0
OOMScoreAdjust=-900
# What it has started ends with it.
KillMode=control-group
TimeoutStopSec=2s

[Install]
WantedBy=sysinit.target
`;

const files: Readonly<Record<string, string>> = {
  '/etc/systemd/system/homeward-test-door.service': doorUnit,
  // The whole journal also goes to a console of its own, which is a file of the host: it survives whatever happens.
  '/etc/systemd/journald.conf.d/test.conf':
    '[Journal]\nForwardToConsole=yes\nTTYPath=/dev/hvc0\nMaxLevelConsole=debug\nRateLimitBurst=0\n',
  // Of the devices at boot, only those of which something comes: modules of network cards, links, disks.
  '/etc/systemd/system/systemd-udev-trigger.service.d/test.conf': `[Service]
ExecStart=
ExecStart=udevadm trigger --type=devices --action=add --subsystem-match=virtio --subsystem-match=net --subsystem-match=block
`,
  '/etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
  '/etc/resolv.conf': '',
};

const write = async (tree: string, path: string, content: string): Promise<void> => {
  const target = join(tree, path);
  await mkdir(dirname(target), { recursive: true });
  await rm(target, { force: true });
  await writeFile(target, content);
};

const link = async (tree: string, path: string, to: string): Promise<void> => {
  const at = join(tree, path);
  await mkdir(dirname(at), { recursive: true });
  await rm(at, { force: true });
  await symlink(to, at);
};

/** Debian itself. Its mounts are made in a namespace of their own, so that nothing stays mounted if it is interrupted. */
const bootstrap = async (codename: string, packages: readonly string[], tree: string): Promise<void> => {
  const command = ['debootstrap', '--variant=minbase', `--include=${packages.join(',')}`, codename, tree];
  await execa('unshare', ['--mount', '--propagation', 'private', ...command, await mirror(codename)], {
    env: { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    stdin: 'ignore',
    all: true,
  });
  await Promise.all(
    ['var/cache/apt/archives', 'var/lib/apt/lists'].map((path) => rm(join(tree, path), { recursive: true })),
  );
};

/** Unpacks the kernel: its modules into the tree, its image to `target`. Installing it would build an initramfs. */
const unpackKernel = async (kernel: Kernel, work: string, tree: string, target: string): Promise<void> => {
  await downloadKernel(kernel, work);
  const [deb] = (await readdir(work)).filter((name) => name.endsWith('.deb'));
  if (deb === undefined) throw new Error(`apt-get downloaded no ${kernel.package}`);
  const unpacked = join(work, 'kernel');
  await execa('dpkg-deb', ['--extract', join(work, deb), unpacked]);
  const base = (await readdir(unpacked)).includes('lib') ? 'lib' : 'usr/lib'; // Debian 13 has /usr/lib
  await execa('cp', ['-a', join(unpacked, base, 'modules'), join(tree, 'usr/lib/')]);
  await unpackKernelImage(join(unpacked, 'boot', `vmlinuz-${kernel.release}`), target);
  await execa('depmod', ['--basedir', tree, kernel.release]);
  await rm(join(work, deb));
};

/** Makes the tree below `work`, and the kernel's image. Resolves with the tree's path. */
export const makeTree = async (
  codename: string,
  packages: readonly string[],
  kernel: Kernel,
  work: string,
  kernelTarget: string,
): Promise<string> => {
  const tree = join(work, 'tree');
  await bootstrap(codename, packages, tree);
  await unpackKernel(kernel, work, tree, kernelTarget);
  for (const [path, content] of Object.entries(files)) await write(tree, path, content);
  for (const unit of maskedUnits) await link(tree, `/etc/systemd/system/${unit}`, '/dev/null');
  const door = '/etc/systemd/system/homeward-test-door.service';
  await link(tree, '/etc/systemd/system/sysinit.target.wants/homeward-test-door.service', door);
  await link(tree, '/usr/local/bin/node', guestNode);
  return tree;
};

/** The tree as a disk with ext4, which guests read and never write: each writes to a layer of its own. */
export const makeImage = async (tree: string, target: string): Promise<void> => {
  await execa('mkfs.ext4', ['-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', '-d', tree, target, imageSize]);
};
