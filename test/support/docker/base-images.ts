/**
 * The images that docker/Dockerfile begins with, made here, so that the tests need no image registry: Debian by debootstrap,
 * Node and npm from this machine. They already have what the Dockerfile installs: Debian's packages as it names them, and
 * npm's in a cache. So the very Dockerfile that users build is built here without a network. Kept outside of the
 * repository, under the digest of what they are made from.
 */
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const cache = '/var/cache/homeward-test/docker';

export interface BaseImages {
  /** Its root as a tar file, for `docker import`. */
  readonly debian: { readonly name: string; readonly tar: string };
  /** What to build it from. */
  readonly node: { readonly name: string; readonly context: string };
}

const packagesIn = (dockerfile: string): string[] => {
  const list = /--no-install-recommends \\\n(.*?)\n {2}&&/s.exec(dockerfile)?.[1];
  if (list === undefined) throw new Error('docker/Dockerfile installs no packages in the way this test knows');
  return list.split('\n').map((line) => line.replace('\\', '').trim());
};

const baseNames = (dockerfile: string): { debian: string; node: string } => {
  const find = (pattern: RegExp): string => {
    const name = pattern.exec(dockerfile)?.[1];
    if (name === undefined) throw new Error(`docker/Dockerfile has no line ${pattern}`);
    return name;
  };
  return { debian: find(/^FROM (debian:\S+) AS /m), node: find(/^FROM (node:\S+) AS /m) };
};

const run = (file: string, args: readonly string[], cwd?: string): Promise<unknown> =>
  execa(file, args, { ...(cwd === undefined ? {} : { cwd }), env: { DEBIAN_FRONTEND: 'noninteractive' } });

/** What `make` puts into a fresh directory, unless it is there from an earlier run; other states of it are removed. */
const cached = async (kind: string, ingredients: string, make: (place: string) => Promise<void>): Promise<string> => {
  const key = createHash('sha256').update(ingredients).digest('hex').slice(0, 16);
  const place = join(cache, `${kind}-${key}`);
  await mkdir(cache, { recursive: true });
  if (await stat(place).catch(() => null)) return place;
  for (const old of await readdir(cache))
    if (old.startsWith(`${kind}-`)) await rm(join(cache, old), { recursive: true });
  const unfinished = await mkdtemp(join(cache, 'unfinished-'));
  try {
    await make(unfinished);
    await rename(unfinished, place);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return place;
};

/** What Debian's slim images leave out as well. */
const leftOut = ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'var/cache/apt', 'var/lib/apt/lists'];

const makeDebian = (suite: string, packages: readonly string[]) => async (place: string) => {
  const tree = join(place, 'tree');
  await run('debootstrap', ['--variant=minbase', `--include=${packages.join()}`, suite, tree]);
  for (const path of leftOut) await rm(join(tree, path), { recursive: true, force: true });
  // Nothing is to be fetched: everything is here.
  await writeFile(join(tree, 'etc/apt/sources.list'), '');
  await run('tar', ['--create', '--file', join(place, 'root.tar'), '--directory', tree, '.']);
  await rm(tree, { recursive: true });
};

const manifests = ['.npmrc', 'package.json', 'package-lock.json'].concat(
  ['agent', 'controller', 'shared'].map((name) => `packages/${name}/package.json`),
);

const makeNode = (debian: string) => async (place: string) => {
  const { stdout: modules } = await execa('npm', ['root', '--global']);
  await mkdir(join(place, 'local/bin'), { recursive: true });
  await cp(process.execPath, join(place, 'local/bin/node'));
  await cp(join(modules, 'npm'), join(place, 'local/lib/node_modules/npm'), { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(place, 'local/bin/npm'));
  const project = join(place, 'project');
  for (const file of manifests) {
    await mkdir(dirname(join(project, file)), { recursive: true });
    await cp(join(root, file), join(project, file));
  }
  await run('npm', ['ci', '--ignore-scripts', '--cache', join(place, 'npm-cache')], project);
  await rm(project, { recursive: true });
  const dockerfile = [
    `FROM ${debian}`,
    'COPY local /usr/local',
    'COPY npm-cache /npm-cache',
    'ENV npm_config_cache=/npm-cache npm_config_offline=true',
  ];
  await writeFile(join(place, 'Dockerfile'), `${dockerfile.join('\n')}\n`);
};

/** Makes what is not cached: a minute the first time. */
export const prepareBaseImages = async (): Promise<BaseImages> => {
  const dockerfile = await readFile(join(root, 'docker/Dockerfile'), 'utf8');
  const names = baseNames(dockerfile);
  const packages = packagesIn(dockerfile);
  const suite = names.debian.replace(/^debian:|-slim$/g, '');
  const debian = await cached('debian', [suite, ...packages].join(' '), makeDebian(suite, packages));
  const contents = await Promise.all(manifests.map((file) => readFile(join(root, file), 'utf8')));
  const ingredients = [names.debian, process.version, process.execPath, ...contents].join('\n');
  const node = await cached('node', ingredients, makeNode(names.debian));
  return {
    debian: { name: names.debian, tar: join(debian, 'root.tar') },
    node: { name: names.node, context: node },
  };
};
