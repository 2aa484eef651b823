/** A side's tarball: the same files as its Debian package below one folder, and how to put them into their places. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.mjs';
import { writeTree } from './stage.mjs';

const next = {
  controller: 'controller install        (the daemon as a systemd service; without systemd: controller serve)',
  agent: 'agent enroll              (asks for the token; without systemd, then: agent run)',
};

const settings = {
  controller: `Settings, if the defaults do not fit: etc/homeward/controller.json goes to /etc/homeward; an example is in
usr/share/doc/homeward-controller/examples.`,
  agent: `What relays may reach, if the default does not fit: an example is in usr/share/doc/homeward-agent/examples; it goes
to /etc/homeward/agent-policy.json.`,
};

const installText = (side, version) => `homeward ${side} ${version}

Needs Linux with Node >= 20.19, nft, ip and ss, wg, and conntrack; WireGuard from the kernel, or wireguard-go.

As root, in this folder:

  cp -R usr /
  ${next[side]}

After an update the same copy, and then: ${side} install. Traffic goes on meanwhile.
To remove it: ${side} uninstall, and delete the files that this lists: find usr ! -type d

${settings[side]}

Manual: man ${side}
`;

/** Debian's policy wants Debian's own interpreter; elsewhere it may lie anywhere. */
const anywhere = (file) =>
  file.content === undefined || file.mode !== 0o755
    ? file
    : { ...file, content: file.content.replace(/^#!.*/, '#!/usr/bin/env node') };

/** Writes the tarball to `target`; the same sources give the same bytes. */
export const buildTarball = async ({ side, version, files, date, work, target }) => {
  const name = `homeward-${side}-${version}`;
  const texts = [
    { path: 'INSTALL', content: installText(side, version), mode: 0o644 },
    { path: 'LICENSE', content: await readFile('LICENSE', 'utf8'), mode: 0o644 },
  ];
  await writeTree(join(work, name), [...files.map(anywhere), ...texts], date);
  const fixed = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${date.getTime() / 1000}`];
  await run('tar', [
    '--create',
    '--use-compress-program=gzip -9n',
    ...fixed,
    `--file=${target}`,
    `--directory=${work}`,
    name,
  ]);
};
