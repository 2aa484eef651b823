/** A command as a value: never a shell, never a string to be split. */

import type { Secret } from '../net/secret.js';

/** For example a FileHandle of node:fs/promises. */
export interface OpenFile {
  readonly fd: number;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Exit codes beside 0 that are an answer, no failure. */
  readonly answers?: readonly number[];
  /** A file to the program: it can read it, and open it anew as /dev/stdin. One that is open already is handed over as it is. */
  readonly stdin?: string | Secret | OpenFile;
  /** Variables beside those that every child sees. */
  readonly env?: Readonly<Record<string, string>>;
}

export function command(file: string, args: readonly string[], stdin?: Command['stdin']): Command {
  return stdin === undefined ? { file, args } : { file, args, stdin };
}
