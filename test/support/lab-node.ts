/**
 * One machine of the lab: a network namespace plus a mount namespace, held by a process of its own and entered with
 * nsenter. Its /run is a private tmpfs: no systemd is seen there, WireGuard's sockets are its own, and with the
 * machine everything written there is gone.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { patient } from './patience.js';
import { poll } from './poll.js';
import { follow, type Running } from './running.js';

export interface RunOptions {
  /** What the command reads; nothing more follows. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Runs as this user and group id without capabilities instead of root. */
  readonly uid?: number;
}

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface LabNode {
  readonly name: string;
  /** The process that holds the namespaces. */
  readonly pid: number;
  /** Runs a command to its end, whatever its exit code. */
  run(command: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Runs a command that must succeed; its stdout. */
  must(command: readonly string[], options?: RunOptions): Promise<string>;
  /** Runs a command that must succeed and print one JSON document. */
  json<T>(command: readonly string[], options?: RunOptions): Promise<T>;
  /** Starts a process that stays; it dies with us. Interactive ones read what is typed later. */
  spawn(command: readonly string[], options?: RunOptions & { readonly interactive?: boolean }): Running;
  /** A file of this machine, as seen from outside. */
  file(path: string): string;
}

/** Directories that a machine under test must not share with the host, among them those of its firewalls. */
const privateDirectories = ['/run', '/etc/homeward', '/var/lib/homeward', '/etc/ufw', '/etc/firewalld'];

/** The environment of every command, besides what a test adds. */
export const baseEnvironment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C' };

/** The words before a command that take root's rights away; none without a user id. */
export const asUser = (uid: number | undefined): string[] =>
  uid === undefined
    ? []
    : [
        '/usr/bin/setpriv',
        `--reuid=${uid}`,
        `--regid=${uid}`,
        '--clear-groups',
        '--bounding-set=-all',
        '--inh-caps=-all',
      ];

const enter = (pid: number, command: readonly string[], uid: number | undefined): string[] => [
  '/usr/bin/nsenter', // by its path: PATH is part of what a test may change
  `--target=${pid}`,
  '--net',
  '--mount',
  '--',
  ...asUser(uid),
  ...command,
];

/** The ways of running a command that follow from running it to its end. */
export const runners = (name: string, run: LabNode['run']): Pick<LabNode, 'run' | 'must' | 'json'> => {
  const must: LabNode['must'] = async (command, options) => {
    const { stdout, stderr, exitCode } = await run(command, options);
    if (exitCode !== 0) throw new Error(`${name}: ${command.join(' ')}: exit ${exitCode}\n${stdout}\n${stderr}`);
    return stdout;
  };
  return { run, must, json: async <T>(...args: Parameters<typeof must>) => JSON.parse(await must(...args)) as T };
};

const machine = (name: string, pid: number): LabNode => {
  const run = async (command: readonly string[], options: RunOptions = {}): Promise<Outcome> => {
    const [file = '', ...args] = enter(pid, command, options.uid);
    const result = await execa(file, args, {
      reject: false,
      extendEnv: false,
      env: { ...baseEnvironment, ...options.env },
      input: options.input ?? '',
      timeout: patient(options.timeoutMs ?? 60_000),
      maxBuffer: 50_000_000,
    });
    if (result.timedOut) throw new Error(`${name}: ${command.join(' ')}: no end:\n${result.stdout}\n${result.stderr}`);
    if (result.exitCode === undefined) throw new Error(`${name}: ${command.join(' ')}: ${result.message}`);
    return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode };
  };
  return {
    name,
    pid,
    ...runners(name, run),
    spawn: (command, options = {}) => {
      const entered = enter(pid, command, options.uid);
      const child = spawn('/usr/bin/setpriv', ['--pdeathsig', 'KILL', ...entered], {
        env: { ...baseEnvironment, ...options.env },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      child.stdin.on('error', () => undefined); // a process may end without reading its input
      if (options.interactive !== true) child.stdin.end(options.input ?? '');
      return follow(child, `${name}: ${command.join(' ')}`);
    },
    file: (path) => `/proc/${pid}/root${path}`,
  };
};

/**
 * Automounts that came along from the host's systemd (such as binfmt_misc's) are of no use in a mount namespace of its
 * own: systemd mounts in its own one, and whoever looks into the directory, `sysctl -a` above all, waits forever.
 */
const removeAutomounts = async (node: LabNode): Promise<void> => {
  const mounts = await readFile(`/proc/${node.pid}/mounts`, 'utf8');
  const places = mounts.split('\n').flatMap((line) => {
    const [, place = '', type] = line.split(' ');
    return type === 'autofs' ? [place] : [];
  });
  for (const place of places) await node.must(['umount', '--lazy', place]);
};

/** Makes the namespaces; `lab` is the name under which everything inside is found again. */
export const createNode = async (lab: string, name: string): Promise<LabNode> => {
  const holder = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--propagation', 'private', 'sleep', 'infinity'],
    { stdio: 'ignore', env: baseEnvironment },
  );
  const pid = holder.pid;
  if (pid === undefined) throw new Error('cannot start setpriv and unshare (package util-linux)');
  holder.unref();
  await poll(`the namespaces of ${name}`, 5_000, async () =>
    (await readFile(`/proc/${pid}/comm`, 'utf8')).trim() === 'sleep' ? true : undefined,
  );
  const node = machine(name, pid);
  await removeAutomounts(node);
  for (const directory of privateDirectories.filter((path) => existsSync(path))) {
    await node.must(['mount', '-t', 'tmpfs', '-o', 'mode=755', lab, directory]);
  }
  return node;
};
