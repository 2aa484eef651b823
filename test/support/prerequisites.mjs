/** What the lab needs of the machine: Linux, root, a TUN device, Debian packages. Installs what can be installed. */
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mustRun, root, runCommand } from './command.mjs';

/** Debian package → why the lab needs it. */
const packages = {
  nftables: 'the rules themselves',
  iproute2: 'links, routes, ss',
  procps: 'sysctl, ps',
  conntrack: 'removal of stale flows',
  'wireguard-tools': 'wg',
  'wireguard-go': 'WireGuard where the kernel has none',
  iptables: 'foreign rules in the old style',
  'nginx-light': 'a TCP service',
  'dnsmasq-base': 'a DNS service',
  iperf3: 'a service under load',
  curl: "the demo's client",
  socat: 'UDP and TCP clients that start quickly',
  'groff-base': 'the manual pages, read as man does',
  zsh: 'its completion script',
  fish: 'its completion script',
  ufw: 'a firewall that drops',
  firewalld: 'another one',
  'dbus-daemon': 'by which the latter is spoken to',
  openvpn: 'a tunnel that somebody else makes',
  'openssh-server': 'the operator, who must not be locked out',
  'openssh-client': 'the same',
};

/** Packages of the vm tier alone. */
const vmPackages = {
  'qemu-system-x86': 'virtual machines, emulated',
  'qemu-utils': 'their disks',
  debootstrap: "the guests' Debian",
  e2fsprogs: "the guests' file system",
  'busybox-static': 'what runs before their root is mounted',
  cpio: 'the archive that holds it',
  'xz-utils': 'their kernel, unpacked beforehand',
  kmod: 'depmod: which modules the kernel needs in which order',
};

/** Packages of the docker tier alone. */
const dockerPackages = {
  'docker.io': 'the images, built and run',
  'docker-compose': 'the demonstration in containers',
  debootstrap: 'what the images begin with',
};

/** Oldest Node with everything we use (Debian 13 ships it). */
const oldestNode = [20, 19];

const wholeMachine = (tiers) => {
  const missing = [];
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (process.platform !== 'linux') missing.push(`Linux (this is ${process.platform})`);
  if (process.getuid?.() !== 0) missing.push('root: network namespaces and packages need it');
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    missing.push(`Node ${oldestNode.join('.')} or newer (this is ${process.versions.node})`);
  }
  if (process.platform === 'linux' && !existsSync('/dev/net/tun')) missing.push('/dev/net/tun: wireguard-go needs it');
  if (process.platform === 'linux' && !existsSync('/usr/bin/dpkg-query')) missing.push('Debian or a relative of it');
  if (tiers.includes('vm') && process.arch !== 'x64') missing.push('amd64: the vm tier boots its kernel');
  if (missing.length > 0) throw new Error(`this machine lacks:\n${missing.map((line) => `  ${line}`).join('\n')}`);
};

/** Those of the packages that are not installed. */
const notInstalled = async (names) => {
  const { output } = await runCommand('dpkg-query', ['--status', ...names], { quiet: true });
  const installed = output.split('\n\n').filter((block) => /^Status: \S+ ok installed$/m.test(block));
  return names.filter((name) => !installed.some((block) => block.split('\n').includes(`Package: ${name}`)));
};

/**
 * Debian starts a service when it is installed. nginx must not take the machine's port 80, nor Docker put its rules into
 * the machine's ruleset, nor is anybody let in by SSH who was not before, nor shut out by a firewall: the tests start them in namespaces.
 * Package → its units.
 */
const services = {
  'nginx-common': ['nginx.service'],
  'openssh-server': ['ssh.service', 'ssh.socket'],
  'docker.io': ['docker.service', 'docker.socket'],
  containerd: ['containerd.service'],
  ufw: ['ufw.service'],
  firewalld: ['firewalld.service'],
};

/** What Debian asks whether a service may be started (its exit code 101: no). */
const startPolicy = '/usr/sbin/policy-rc.d';

/** Without systemd: nothing may be started meanwhile. A policy that is there already is its owner's decision. */
const withStartPolicy = async (install) => {
  if (existsSync(startPolicy)) return install();
  writeFileSync(startPolicy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    await install();
  } finally {
    rmSync(startPolicy);
  }
};

/** With systemd the units are masked until they are installed, and disabled then. */
const withoutStartingServices = async (install) => {
  const units = (await notInstalled(Object.keys(services))).flatMap((name) => services[name]);
  if (units.length === 0) return install();
  if (!existsSync('/run/systemd/system')) return withStartPolicy(install);
  await mustRun('systemctl', ['mask', '--runtime', ...units]);
  try {
    await install();
  } finally {
    await mustRun('systemctl', ['unmask', '--runtime', ...units]);
  }
  await mustRun('systemctl', ['disable', ...units]);
};

const ensurePackages = async (tiers, say) => {
  const needed = Object.keys({
    ...packages,
    ...(tiers.includes('vm') ? vmPackages : {}),
    ...(tiers.includes('docker') ? dockerPackages : {}),
  });
  const missing = await notInstalled(needed);
  if (missing.length === 0) return;
  say(`installing ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () => mustRun('apt-get', ['install', '-y', '--no-install-recommends', ...missing], { env });
  await mustRun('apt-get', ['update'], { env });
  await withoutStartingServices(install);
  const still = await notInstalled(needed);
  if (still.length > 0) throw new Error(`apt-get did not install ${still.join(' ')}`);
};

const ensureModules = async (say) => {
  const stamp = `${root}/node_modules/.package-lock.json`;
  const isFresh = existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(`${root}/package-lock.json`).mtimeMs;
  if (isFresh) return;
  say('npm ci');
  await mustRun('npm', ['ci']);
};

/** Makes the machine ready for these tiers, or throws one message that says what is missing. */
export const ensurePrerequisites = async (tiers, say) => {
  wholeMachine(tiers);
  await ensurePackages(tiers, say);
  await ensureModules(say);
};
