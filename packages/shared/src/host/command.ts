/** A command as a value: never a shell, never a string to be split. */

import type { Secret } from '../net/secret.js';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Exit codes beside 0 that are an answer, no failure. */
  readonly answers?: readonly number[];
  /** A file to the program: it can read it, and open it anew as /dev/stdin. */
  readonly stdin?: string | Secret;
  /** Variables beside those that every child sees. */
  readonly env?: Readonly<Record<string, string>>;
}

export function command(file: string, args: readonly string[], stdin?: string | Secret): Command {
  return stdin === undefined ? { file, args } : { file, args, stdin };
}
