/** Runs commands: the only import of execa. Failures become RelayErrors here, once, at the border. */

import type { ExecaError } from 'execa';
import { RelayError } from '../errors/relay-error.js';
import { Secret } from '../net/secret.js';
import type { Command } from './command.js';
import { memoryFile } from './memory-file.js';

/** The Debian package that brings a program, for the hint when it is missing. */
const PACKAGES: Record<string, string> = {
  nft: 'nftables',
  ip: 'iproute2',
  ss: 'iproute2',
  wg: 'wireguard-tools',
  'wireguard-go': 'wireguard-go',
  conntrack: 'conntrack',
  flock: 'util-linux',
};

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Runner {
  /** Runs to the end and gives stdout. Throws `missing-capability`, `permission`, `command-failed` or `interrupted`. */
  run(command: Command, signal?: AbortSignal): Promise<string>;
  /** Whether this runner started the process of that number, lately. */
  hasStarted(pid: number): boolean;
}

/** The kernel's events follow within milliseconds; a number comes back only after tens of thousands of processes. */
const REMEMBERED_PROCESSES = 512;

/** What every child sees: nothing of our environment, so that no token in it travels on. */
export function childEnvironment(path: string | undefined): Record<string, string> {
  return { PATH: path ?? DEFAULT_PATH, LC_ALL: 'C' };
}

export function createRunner(path: string | undefined): Runner {
  const started = new Set<number>();
  function remember(pid: number | undefined): void {
    if (pid === undefined) return;
    started.add(pid);
    const [oldest] = started;
    if (started.size > REMEMBERED_PROCESSES && oldest !== undefined) started.delete(oldest);
  }
  return {
    hasStarted: (pid) => started.has(pid),
    async run(command, signal) {
      // When it is first needed: a command that only asks the daemon starts without it, and sooner.
      const { execa, ExecaError } = await import('execa');
      const given = command.stdin instanceof Secret ? command.stdin.reveal() : command.stdin;
      // A file and no pipe: a program that outlives us has its whole input, and half a ruleset would be a valid one.
      const made = typeof given === 'string' ? await memoryFile(given) : undefined;
      const input = typeof given === 'string' ? made : given;
      try {
        const child = execa(command.file, command.args, {
          env: { ...childEnvironment(path), ...command.env },
          extendEnv: false,
          // A session of its own: Ctrl-C on our terminal must not reach a wireguard-go that we started.
          detached: true,
          stripFinalNewline: false,
          maxBuffer: 512 * 1024 * 1024,
          // execa takes any descriptor; its types know those below ten.
          stdin: input === undefined ? 'ignore' : (input.fd as 0),
          ...(signal === undefined ? {} : { cancelSignal: signal }),
        });
        remember(child.pid);
        return (await child).stdout;
      } catch (error) {
        if (!(error instanceof ExecaError))
          throw new RelayError('bug', `running ${command.file} failed`, { cause: error });
        if (isAnswer(command, error)) return String(error.stdout ?? '');
        throw commandError(command, error);
      } finally {
        await made?.close();
      }
    },
  };
}

function isAnswer(command: Command, error: ExecaError): boolean {
  return error.exitCode !== undefined && command.answers?.includes(error.exitCode) === true;
}

function commandError(command: Command, error: ExecaError): RelayError {
  const argv = [command.file, ...command.args].join(' ');
  const stderr = String(error.stderr ?? '').trim();
  const details = { argv, stderr, exitCode: error.exitCode ?? null };
  if (error.code === 'ENOENT') {
    return new RelayError('missing-capability', `the program ${command.file} is missing`, {
      hint: `install it: apt-get install --no-install-recommends ${PACKAGES[command.file] ?? command.file}`,
      details,
    });
  }
  if (error.isCanceled) return new RelayError('interrupted', `${argv} was interrupted`, { details });
  if (/Operation not permitted|Permission denied|must be root/i.test(stderr)) {
    return new RelayError('permission', `${argv}: not permitted`, { hint: 'run it as root', details });
  }
  const firstLine = stderr.split('\n')[0] ?? '';
  return new RelayError('command-failed', `${argv} failed: ${firstLine || `exit code ${error.exitCode}`}`, { details });
}
