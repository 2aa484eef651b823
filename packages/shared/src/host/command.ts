/** A command as a value: never a shell, never a string to be split. */

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Exit codes beside 0 that are an answer, no failure. */
  readonly answers?: readonly number[];
  readonly stdin?: string;
  /** Variables beside those that every child sees. */
  readonly env?: Readonly<Record<string, string>>;
}

export function command(file: string, args: readonly string[], stdin?: string): Command {
  return stdin === undefined ? { file, args } : { file, args, stdin };
}
