/** A command as a value: never a shell, never a string to be split. */

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly stdin?: string;
}

export function command(file: string, args: readonly string[], stdin?: string): Command {
  return stdin === undefined ? { file, args } : { file, args, stdin };
}
