/** A program that listens and prints what it hears, until it is ended. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Command, command } from './command.js';
import { childEnvironment } from './runner.js';

/** However we end, it ends with us (PR_SET_PDEATHSIG in prctl(2)): it would else stay until it has something to say to nobody. */
export function dyingWithUs(file: string, ...args: readonly string[]): Command {
  return command('setpriv', ['--pdeathsig', 'KILL', file, ...args]);
}

export interface ListeningProgram {
  /** Undefined where it could not be started. */
  readonly pid: number | undefined;
  readonly hasEnded: () => boolean;
  /** Resolves when it has ended, however, and all that it printed was handed on. */
  readonly ended: Promise<void>;
  /** Ends it, and waits until it has. */
  end(): Promise<void>;
}

/** Starts it, with `onLine` for each line of its stdout. */
export function startListening(
  { file, args }: Command,
  path: string | undefined,
  onLine: (line: string) => void,
): ListeningProgram {
  const child = spawn(file, args, { env: childEnvironment(path), stdio: ['ignore', 'pipe', 'ignore'] });
  let isClosed = false;
  // An error (the program is missing) is followed by `close`.
  child.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => {
      isClosed = true;
      resolve();
    });
  });
  createInterface({ input: child.stdout }).on('line', onLine);
  return {
    pid: child.pid,
    hasEnded: () => isClosed,
    ended,
    async end() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
