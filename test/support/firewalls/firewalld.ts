/** A real firewalld on one machine of the lab, with files and a bus of its own. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { LabNode } from '../lab-node.js';
import { poll } from '../poll.js';

/** /etc/firewalld is private to each machine, and empty at first: everything is as Debian ships it, but for this link. */
export const trusted = 'vpn0';

/** Starts it with its defaults: what comes in is rejected but for SSH, and nothing is forwarded. */
export const startFirewalld = async (node: LabNode): Promise<void> => {
  mkdirSync(node.file('/run/dbus'));
  writeFileSync(node.file('/etc/firewalld/firewalld.conf'), 'DefaultZone=public\nFirewallBackend=nftables\n');
  const bus = node.spawn(['dbus-daemon', '--system', '--nofork', '--nopidfile', '--print-address']);
  await bus.prints(/unix:/);
  const daemon = node.spawn(['firewalld', '--nofork', '--nopid', '--log-target', 'console']);
  await poll(`firewalld of ${node.name}`, 30_000, async () => {
    if (!daemon.alive()) throw new Error(`firewalld has ended:\n${daemon.stdout()}\n${daemon.stderr()}`);
    return (await node.run(['firewall-cmd', '--state'])).exitCode === 0 ? true : undefined;
  });
  // The chains of a zone are made when it is first used, and stay until a reload.
  await node.must(['firewall-cmd', '--permanent', '--zone=trusted', `--add-interface=${trusted}`]);
  await reloadFirewalld(node);
};

export const reloadFirewalld = async (node: LabNode): Promise<void> => {
  await node.must(['firewall-cmd', '--reload']);
};

/** Everything below /etc/firewalld that is a file, by name. */
export const firewalldFiles = (node: LabNode): Record<string, string> => {
  const etc = node.file('/etc/firewalld');
  const entries = readdirSync(etc, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  const paths = entries.map(({ parentPath, name }) => `${parentPath}/${name}`);
  return Object.fromEntries(paths.map((path) => [path.slice(etc.length), readFileSync(path, 'utf8')]));
};

/** What its runtime has of homeward's: rules of the zone of the uplink, and links that are trusted. */
export const firewalldRules = async (node: LabNode): Promise<string[]> => {
  const [rules, links] = await Promise.all([
    node.must(['firewall-cmd', '--zone=public', '--list-rich-rules']),
    node.must(['firewall-cmd', '--zone=trusted', '--list-interfaces']),
  ]);
  const lines = rules.split('\n').filter((line) => line.trim() !== '');
  return [...lines, ...links.trim().split(' ')].filter((line) => line !== trusted).sort();
};
