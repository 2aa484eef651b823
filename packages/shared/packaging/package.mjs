/**
 * `npm run package`: a Debian package and a tarball of each side, in dist/. Needs dpkg-deb, tar and gzip.
 * SOURCE_DATE_EPOCH is the time of everything inside, else that of the last commit.
 */
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildDeb } from './deb.mjs';
import { filesOf } from './files.mjs';
import { run } from './run.mjs';
import { buildTarball } from './tarball.mjs';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'dist' },
    side: { type: 'string', multiple: true, default: ['controller', 'agent'] },
    /** For trying an upgrade: another version of the same program. */
    version: { type: 'string' },
  },
});

const version = values.version ?? JSON.parse(await readFile('package.json', 'utf8')).version;
const epoch = process.env.SOURCE_DATE_EPOCH || (await run('git', ['log', '-1', '--format=%ct'])).trim();
const date = new Date(Number(epoch) * 1000);
const out = resolve(values.out);

/** A path and how large it is. */
const tell = async (path) => process.stdout.write(`${path}  ${Math.ceil((await stat(path)).size / 1024)} KiB\n`);

const packageSide = async (side, work) => {
  const files = await filesOf(side, { version, date });
  const common = { side, version, date, files };
  const deb = join(out, `homeward-${side}_${version}_all.deb`);
  await buildDeb({ ...common, work: join(work, `${side}-deb`), target: deb });
  const tarball = join(out, `homeward-${side}-${version}.tar.gz`);
  await buildTarball({ ...common, work: join(work, `${side}-tar`), target: tarball });
  await tell(deb);
  await tell(tarball);
};

await mkdir(out, { recursive: true });
const work = await mkdtemp(join(tmpdir(), 'homeward-package-'));
try {
  for (const side of values.side) await packageSide(side, work);
} finally {
  await rm(work, { recursive: true });
}
