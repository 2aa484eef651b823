/** A side's Debian package (deb(5), deb-control(5)), built by dpkg-deb alone. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { maintainer } from './changelog.mjs';
import { run } from './run.mjs';
import { writeTree } from './stage.mjs';

/** Whose programs the daemons start; unshare and stdbuf are of essential packages. The kernel mostly has WireGuard. */
const depends = ['nodejs (>= 20.19)', 'nftables', 'iproute2', 'wireguard-tools', 'conntrack'];
const suggests = ['wireguard-go'];

const descriptions = {
  controller: [
    "forwards public ports to backends that see the client's real IP (relay)",
    'The relay of homeward: it pairs with backends behind NAT over WireGuard,',
    'forwards public ports to them by nftables without hiding the client, and',
    'proves with probes that services see the real address.',
  ],
  agent: [
    "lets services behind a relay see the client's real IP (backend)",
    'The backend of homeward: it pairs with a relay by a token, and sends the',
    'replies of local services back through the tunnel they came in by.',
    'Nothing runs until it is enrolled: agent enroll.',
  ],
};

const control = (side, version, files) => {
  const [summary, ...more] = descriptions[side];
  const bytes = files.reduce((sum, { content }) => sum + Buffer.byteLength(content ?? ''), 0);
  return `Package: homeward-${side}
Version: ${version}
Architecture: all
Maintainer: ${maintainer}
Installed-Size: ${Math.ceil(bytes / 1024)}
Depends: ${depends.join(', ')}
Suggests: ${suggests.join(', ')}
Section: net
Priority: optional
Description: ${summary}
${more.map((line) => ` ${line}`).join('\n')}
`;
};

const md5sums = (files) =>
  files
    .filter(({ target }) => target === undefined)
    .map(({ path, content }) => `${createHash('md5').update(content).digest('hex')}  ${path}\n`)
    .join('');

const scripts = (side) =>
  Promise.all(
    ['postinst', 'prerm', 'postrm'].map(async (name) => ({
      path: `DEBIAN/${name}`,
      content: await readFile(join('packages', side, 'packaging', name), 'utf8'),
      mode: 0o755,
    })),
  );

/** Writes the package to `target`; `work` is an empty directory for what goes into it. */
export const buildDeb = async ({ side, version, files, date, work, target }) => {
  const conffiles = files.filter(({ path }) => path.startsWith('etc/')).map(({ path }) => `/${path}\n`);
  const meta = (name, content) => ({ path: `DEBIAN/${name}`, content, mode: 0o644 });
  await writeTree(
    work,
    [
      ...files,
      meta('control', control(side, version, files)),
      meta('md5sums', md5sums(files.filter(({ path }) => !path.startsWith('etc/')))),
      ...(conffiles.length === 0 ? [] : [meta('conffiles', conffiles.join(''))]),
      ...(await scripts(side)),
    ],
    date,
  );
  const epoch = { SOURCE_DATE_EPOCH: String(date.getTime() / 1000) };
  await run('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', work, target], epoch);
};
