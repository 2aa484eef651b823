/** What this machine's apt knows: the mirror it uses, and the kernel that Debian's kernel package stands for. */
import { readFile } from 'node:fs/promises';
import { execa } from 'execa';

const env = { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };

/** Runs apt's programs to their end. Throws with argv and stderr. */
const apt = async (file: string, args: readonly string[], cwd?: string): Promise<string> =>
  (await execa(file, args, { env, ...(cwd === undefined ? {} : { cwd }) })).stdout;

/** The code name of this machine's Debian, such as `bookworm` (os-release(5)). */
export const suite = async (): Promise<string> => {
  const release = await readFile('/etc/os-release', 'utf8');
  const name = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1];
  if (!/^ID="?debian"?$/m.test(release) || name === undefined) {
    throw new Error('the vm tier boots the Debian it runs on, and /etc/os-release names none');
  }
  return name;
};

/** The mirror from which apt has this suite's main packages. */
export const mirror = async (codename: string): Promise<string> => {
  const format = '$(CODENAME) $(COMPONENT) $(REPO_URI)';
  const targets = await apt('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const uri = targets
    .split('\n')
    .map((line) => line.split(' '))
    .find(([name, component]) => name === codename && component === 'main')?.[2];
  if (uri === undefined) throw new Error(`apt has no mirror of Debian ${codename} main; it may need apt-get update`);
  return uri;
};

export interface Kernel {
  /** The package, such as `linux-image-6.1.0-56-amd64`. */
  readonly package: string;
  /** What uname -r will say. */
  readonly release: string;
  /** The package's version. */
  readonly version: string;
}

/** The kernel that `linux-image-amd64` depends on now. */
export const stockKernel = async (): Promise<Kernel> => {
  const record = await apt('apt-cache', ['show', '--no-all-versions', 'linux-image-amd64']);
  const [, name, release, version] = /^Depends:.*\b(linux-image-(\d\S*-amd64)) \(= ([^)]+)\)/m.exec(record) ?? [];
  if (name === undefined || release === undefined || version === undefined) {
    throw new Error('apt knows no linux-image-amd64; it may need apt-get update');
  }
  return { package: name, release, version };
};

/** Downloads the kernel's package into the directory. */
export const downloadKernel = async (kernel: Kernel, directory: string): Promise<void> => {
  await apt('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', `${kernel.package}=${kernel.version}`], directory);
};

/** Fetches the package lists anew. */
export const updateLists = (): Promise<string> => apt('apt-get', ['update']);

/** The packages whose libraries a program of this machine loads, so that it runs in a guest of the same suite. */
export const packagesOfLibraries = async (program: string): Promise<string[]> => {
  const loaded = [...(await apt('ldd', [program])).matchAll(/=> (\/\S+)/g)].map(([, path = '']) => path);
  const patterns = loaded.map((path) => `*${path.slice(path.lastIndexOf('/'))}`);
  const owners = await apt('dpkg-query', ['--search', ...patterns]);
  const names = owners
    .split('\n')
    .filter((line) => loaded.some((path) => line.endsWith(`: ${path}`) || line.endsWith(`: /usr${path}`)))
    .map((line) => line.split(':')[0] ?? '');
  return [...new Set(names)].sort();
};
