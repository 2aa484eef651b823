/** A real ufw on one machine of the lab: as Debian ships it, with files of its own. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { LabNode } from '../lab-node.js';

const shipped = '/usr/share/ufw';

/** /etc/ufw is private to each machine, and empty at first. */
const writeFiles = async (node: LabNode): Promise<void> => {
  const etc = node.file('/etc/ufw');
  for (const name of readdirSync(shipped).filter((file) => /\.(rules|init)$/.test(file)))
    copyFileSync(`${shipped}/${name}`, `${etc}/${name}`);
  mkdirSync(`${etc}/applications.d`);
  writeFileSync(`${etc}/ufw.conf`, 'ENABLED=no\nLOGLEVEL=low\n');
  writeFileSync(`${etc}/sysctl.conf`, 'net/ipv4/conf/all/rp_filter=1\nnet/ipv4/conf/default/rp_filter=1\n');
  const defaults = [
    'IPV6=yes',
    ...['DEFAULT_INPUT_POLICY="DROP"', 'DEFAULT_OUTPUT_POLICY="ACCEPT"', 'DEFAULT_FORWARD_POLICY="DROP"'],
    'DEFAULT_APPLICATION_POLICY="SKIP"',
    ...['MANAGE_BUILTINS=no', 'IPT_SYSCTL=/etc/ufw/sysctl.conf', 'IPT_MODULES=""', ''],
  ];
  writeFileSync(node.file('/run/default-ufw'), defaults.join('\n'));
  await node.must(['mount', '--bind', '/run/default-ufw', '/etc/default/ufw']);
};

/** Enables it with its defaults: nothing comes in, nothing is forwarded. */
export const startUfw = async (node: LabNode): Promise<void> => {
  await writeFiles(node);
  await node.must(['ufw', '--force', 'enable']);
  // Of its chains for limits it loads more by a reload than at first.
  await reloadUfw(node);
};

export const reloadUfw = async (node: LabNode): Promise<void> => {
  await node.must(['ufw', 'reload']);
};

/** Everything below /etc/ufw, by name. */
export const ufwFiles = (node: LabNode): Record<string, string> => {
  const etc = node.file('/etc/ufw');
  const names = readdirSync(etc, { withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(names.map(({ name }) => [name, readFileSync(`${etc}/${name}`, 'utf8')]));
};

/** Lines of `ufw status` that are homeward's. */
export const ufwRules = async (node: LabNode): Promise<string[]> => {
  const status = await node.must(['ufw', 'status']);
  const lines = status.split('\n').filter((line) => line.includes('# homeward_'));
  return lines.map((line) => line.replace(/ +/g, ' ').trim()).sort();
};
