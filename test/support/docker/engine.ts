/**
 * A real Docker daemon inside a machine of the lab, with its images in that machine's private /run: with the machine,
 * everything is gone. It gets a PID namespace of its own, so that whatever ends the daemon ends its containers, too.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LabNode, RunOptions } from '../lab-node.js';
import { poll } from '../poll.js';

export interface Engine {
  readonly node: LabNode;
  /** Runs `docker …`, which must succeed; its stdout. */
  docker(args: readonly string[], options?: RunOptions): Promise<string>;
  /** Runs `docker-compose …` with docker/compose.yaml. */
  compose(args: readonly string[], options?: RunOptions): Promise<string>;
  /** A command in the daemon's PID namespace: another program of the same machine, which its containers may see. */
  beside(command: readonly string[]): readonly string[];
  /** Ends the daemon and all its containers. */
  close(): Promise<void>;
}

const data = '/run/docker-data';
const composeFile = fileURLToPath(new URL('../../../../docker/compose.yaml', import.meta.url));

const daemonCommand = (name: string): string[] => [
  ...['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'],
  ...['dockerd', '--data-root', data, '--exec-root', '/run/docker-exec', '--pidfile', '/run/dockerd.pid'],
  ...['--host', 'unix:///var/run/docker.sock', '--storage-driver', 'overlay2'],
  // Its control groups carry the lab's name, by which they are found and removed.
  ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `/${name}`],
];

const readDirectories = (place: string): string[] =>
  readdirSync(place, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

const removeTree = (group: string): void => {
  for (const name of readDirectories(group)) removeTree(join(group, name));
  rmdirSync(group);
};

/** Each hierarchy of version 1 is a directory of its own; with version 2 there is one. */
const controlGroups = (isWanted: (name: string) => boolean): string[] => {
  const base = '/sys/fs/cgroup';
  const hierarchies = [base, ...readDirectories(base).map((name) => join(base, name))];
  return hierarchies.flatMap((place) =>
    readDirectories(place)
      .filter(isWanted)
      .map((name) => join(place, name)),
  );
};

/** They can be removed when their last process has been reaped. */
const removeControlGroups = (isWanted: (name: string) => boolean): Promise<true> =>
  poll('the removal of control groups', 10_000, () => {
    for (const group of controlGroups(isWanted)) removeTree(group);
    return true;
  });

const isOfDeadRun = (name: string): boolean => {
  const pid = /^homeward-lab-(\d+)-\d+-/.exec(name)?.[1];
  return pid !== undefined && !existsSync(`/proc/${pid}`);
};

/** The daemon itself: the one child of unshare. */
const childOf = (pid: number): number => {
  const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
  if (child === 0) throw new Error('the Docker daemon is gone');
  return child;
};

/** Starts a daemon with those options in a machine of the lab `lab`; it dies with the machine, and with us. */
export const startEngine = async (lab: string, node: LabNode, options: readonly string[] = []): Promise<Engine> => {
  await removeControlGroups(isOfDeadRun);
  const name = `${lab}-${node.name}`;
  const daemon = node.spawn([...daemonCommand(name), ...options]);
  const run = (command: readonly string[], options: RunOptions = {}): Promise<string> =>
    node.must(command, {
      timeoutMs: 300_000,
      ...options,
      env: { DOCKER_CONFIG: '/run/docker-config', ...options.env },
    });
  const close = async (): Promise<void> => {
    await daemon.kill('SIGKILL');
    // It had no time to remove them; the next daemon would take the dead for running.
    await node.run(['rm', '--recursive', '--force', '/run/dockerd.pid', '/run/docker-exec']);
    await removeControlGroups((group) => group === name);
  };
  try {
    await poll(`the Docker daemon of ${node.name}`, 30_000, async () => {
      if (!daemon.alive()) throw new Error(`it has ended:\n${daemon.stderr()}`);
      return (await node.run(['docker', 'version'])).exitCode === 0 ? true : undefined;
    });
  } catch (error) {
    await close();
    throw new Error(daemon.stderr().slice(-5_000), { cause: error });
  }
  return {
    node,
    docker: (args, options) => run(['docker', ...args], options),
    compose: (args, options) => run(['docker-compose', '--no-ansi', '--file', composeFile, ...args], options),
    beside: (command) => ['nsenter', `--target=${childOf(daemon.pid)}`, '--pid', '--', ...command],
    close,
  };
};
