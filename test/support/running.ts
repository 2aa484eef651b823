/** A long-lived process that we started: its output so far, its end, and how to end it. */
import type { ChildProcess } from 'node:child_process';
import { patient } from './patience.js';
import { poll } from './poll.js';

export interface Running {
  readonly pid: number;
  readonly command: string;
  stdout(): string;
  stderr(): string;
  /** Resolves when the process is gone: its exit code, or null if a signal ended it. */
  readonly ended: Promise<number | null>;
  /** True as long as the process has not ended. */
  alive(): boolean;
  /** Sends the signal and resolves when the process is gone; SIGKILL follows after `limitMs`. */
  kill(signal?: NodeJS.Signals, limitMs?: number): Promise<number | null>;
  /** Writes to the input of a process that was started as an interactive one. */
  type(text: string): void;
  /** Waits until the output (both streams) matches. */
  prints(pattern: RegExp, limitMs?: number): Promise<RegExpMatchArray>;
}

/** What is followed: a child of ours, or a process elsewhere that is told of as one. */
export interface Followed extends Pick<ChildProcess, 'stdin' | 'stdout' | 'stderr'> {
  readonly pid?: number | undefined;
  kill(signal?: NodeJS.Signals): boolean;
  once(event: 'close', listener: (code: number | null) => void): unknown;
  once(event: 'error', listener: (error: Error) => void): unknown;
}

/** Follows a process whose stdout and stderr are pipes. */
export const follow = (child: Followed, command: string): Running => {
  let out = '';
  let err = '';
  let isAlive = true;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      isAlive = false;
      resolve(code);
    });
    child.once('error', (error) => {
      err += String(error);
      isAlive = false;
      resolve(null);
    });
  });
  return {
    get pid() {
      return child.pid ?? -1;
    },
    command,
    stdout: () => out,
    stderr: () => err,
    ended,
    alive: () => isAlive,
    kill: async (signal = 'SIGTERM', limitMs = 10_000) => {
      if (!isAlive) return ended;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), patient(limitMs));
      const code = await ended;
      clearTimeout(timer);
      return code;
    },
    type: (text) => {
      child.stdin?.write(text);
    },
    prints: (pattern, limitMs = 10_000) =>
      poll(`${pattern} in the output of ${command}`, limitMs, () => {
        const match = `${out}\n${err}`.match(pattern);
        if (match !== null) return match;
        if (!isAlive) throw new Error(`${command} has ended:\n${out}\n${err}`);
        return undefined;
      }),
  };
};
