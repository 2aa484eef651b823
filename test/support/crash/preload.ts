/**
 * Loaded into a program under test by `node --import`: ends it with SIGKILL at a boundary of its choice. A boundary
 * lies before and after each step of writing a state file, in the middle of what is written, before and after each
 * sysctl, and before, during and after each command that changes the kernel. Nothing of it is in the product.
 *
 * HOMEWARD_TEST_CRASH names a file. While it is there, boundaries are counted from 1 and written to `<file>.trace`; at
 * the number that it says (`{"at": 7}`) the program dies.
 */
import childProcess, { type ChildProcess } from 'node:child_process';
import fs, { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const control = process.env['HOMEWARD_TEST_CRASH'] ?? '';
const stateDirectory = process.env['HOMEWARD_STATE_DIR'] ?? '';

let armedBy = '';
let count = 0;

/** The number of the boundary at which to die, or null while nothing is counted. */
const lethal = (): number | null => {
  let text: string;
  try {
    text = fs.readFileSync(control, 'utf8');
  } catch {
    return null;
  }
  if (text !== armedBy) {
    armedBy = text;
    count = 0;
  }
  return (JSON.parse(text) as { at: number }).at;
};

const boundary = (label: string): void => {
  const at = lethal();
  if (at === null) return;
  count += 1;
  fs.appendFileSync(`${control}.trace`, `${count} ${label}\n`);
  if (count === at) process.kill(process.pid, 'SIGKILL');
};

const isStateFile = (path: string): boolean =>
  path === stateDirectory || (path.startsWith(`${stateDirectory}/`) && !path.endsWith('.lock'));

const around = async <Value>(label: string, action: () => Promise<Value>): Promise<Value> => {
  boundary(`before ${label}`);
  const value = await action();
  boundary(`after ${label}`);
  return value;
};

type Handle = Awaited<ReturnType<typeof promises.open>>;

const watchHandle = (handle: Handle, path: string): Handle => {
  const { writeFile, sync } = handle;
  return Object.assign(handle, {
    async writeFile(data: string) {
      boundary(`before writing ${path}`);
      if (lethal() === count + 1) await handle.write(data.slice(0, data.length / 2));
      boundary(`in the middle of writing ${path}`);
      await writeFile.call(handle, data);
      boundary(`after writing ${path}`);
    },
    sync: () => around(`syncing ${path}`, () => sync.call(handle)),
  });
};

const watchFiles = (): void => {
  const { open, rename, unlink, link, writeFile } = promises;
  const onState =
    <Arguments extends [string, ...unknown[]], Value>(name: string, action: (...args: Arguments) => Promise<Value>) =>
    (...args: Arguments): Promise<Value> =>
      isStateFile(args[0]) ? around(`${name} ${args[0]}`, () => action(...args)) : action(...args);
  Object.assign(promises, {
    async open(path: string, ...more: [number, number]) {
      if (!isStateFile(path)) return open(path, ...more);
      return watchHandle(await around(`open ${path}`, () => open(path, ...more)), path);
    },
    rename: onState('rename', rename as (from: string, to: string) => Promise<void>),
    unlink: onState('unlink', unlink as (path: string) => Promise<void>),
    link: onState('link', link as (from: string, to: string) => Promise<void>),
    writeFile: (path: string, data: string) =>
      path.startsWith('/proc/sys/') ? around(`sysctl ${path}`, () => writeFile(path, data)) : writeFile(path, data),
  });
};

/** Words of commands that only look. */
const looking = new Set(['-j', '-V', '--version', 'show', 'monitor', '-L', '--nonblock', 'is-active', 'ss', 'route']);

const changes = (file: string, args: readonly string[]): boolean =>
  ['nft', 'ip', 'wg', 'conntrack', 'wireguard-go', 'unshare'].includes(file) && !args.some((word) => looking.has(word));

const watchCommands = (): void => {
  const { spawn } = childProcess;
  const watched = (file: string, args: readonly string[], options: object): ChildProcess => {
    if (!changes(file, args)) return spawn(file, args, options);
    const label = [file, ...args].join(' ').slice(0, 80);
    boundary(`before ${label}`);
    const child = spawn(file, args, options);
    child.once('exit', () => boundary(`after ${label}`));
    boundary(`during ${label}`);
    return child;
  };
  Object.assign(childProcess, { spawn: watched });
};

watchFiles();
watchCommands();
syncBuiltinESMExports();
