/** Runs a command line: commander's parsing with homeward's exit codes. */

import { type Command, CommanderError } from 'commander';
import { toRelayError } from '../errors/relay-error.js';
import { type Console, createConsole } from './console.js';

export interface GlobalOptions {
  readonly json: boolean;
  readonly debug: boolean;
}

/** Gives the exit code: 2 for what commander refuses, else what the error's code says. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<number> {
  configure(program);
  try {
    await program.parseAsync([...argv]);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return consoleOf(program).failure(toRelayError(error));
  }
}

/** The console for a command's `--json` and `--debug`. */
export function consoleOf(program: Command): Console {
  const root = rootOf(program);
  const options = root.opts<Partial<GlobalOptions>>();
  return createConsole({
    stdout: process.stdout,
    stderr: process.stderr,
    json: options.json === true,
    debug: options.debug === true,
    program: root.name(),
  });
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

/** Commander exits by itself unless told otherwise, for each command of the tree. */
function configure(command: Command): void {
  command.exitOverride();
  command.showSuggestionAfterError(true);
  command.configureOutput({
    writeErr: (text) => process.stderr.write(text.replace(/^error: /, `${rootOf(command).name()}: `)),
  });
  for (const child of command.commands) configure(child);
}
