/** Runs a command line: commander's parsing with homeward's help and exit codes. */

import type { Command, CommanderError } from 'commander';
import { toRelayError } from '../errors/relay-error.js';
import { type Console, createConsole } from './console.js';
import type { DocumentedCommand } from './manual/documented-command.js';
import { styleHelp } from './manual/style-help.js';

export interface GlobalOptions {
  readonly json: boolean;
  readonly debug: boolean;
}

/** A command line at work: one console for all of it, so that a failure knows what was printed before. */
export interface Terminal {
  /** For `--json` and `--debug` as given; to be asked for when the command line is parsed. */
  console(): Console;
  /** Gives the exit code: 2 for what commander refuses, else what the error's code says. */
  run(argv: readonly string[]): Promise<number>;
}

export function createTerminal(program: DocumentedCommand): Terminal {
  let made: Console | null = null;
  const console = (): Console => {
    const options = program.opts<Partial<GlobalOptions>>();
    made ??= createConsole({
      stdout: process.stdout,
      stderr: process.stderr,
      json: options.json === true,
      debug: options.debug === true,
      program: program.name(),
    });
    return made;
  };
  return {
    console,
    async run(argv) {
      configure(program, program);
      process.stdout.on('error', leaveWithReader);
      try {
        await program.parseAsync([...argv]);
        return Number(process.exitCode ?? 0);
      } catch (error) {
        if (error instanceof Refused) return usageError(error, argv);
        return console().failure(toRelayError(error));
      }
    },
  };
}

/** What commander refused, or ended by itself (help, version), with how the command is written. */
class Refused extends Error {
  readonly refusal: CommanderError;
  readonly hint: string;

  constructor(refusal: CommanderError, hint: string) {
    super(refusal.message);
    this.refusal = refusal;
    this.hint = hint;
  }
}

/** How a command is written, or which commands there are. */
function usageOf(command: Command): string {
  const help = command.createHelp();
  const names = help.visibleCommands(command).map((child) => child.name());
  return names.length === 0
    ? `usage: ${help.commandUsage(command)}`
    : `commands: ${names.filter((name) => name !== 'help').join(', ')}`;
}

/** Commander exits by itself unless told otherwise, for each command of the tree. */
function configure(command: Command, program: DocumentedCommand): void {
  const hint = `${usageOf(command)}; more with --help`;
  command.exitOverride((refusal) => {
    throw new Refused(refusal, hint);
  });
  command.showSuggestionAfterError(true);
  command.showHelpAfterError(`  ${hint}`);
  command.configureOutput({
    writeErr: (text) => process.stderr.write(text.replace(/^error: /, `${program.name()}: `)),
  });
  styleHelp(command, program);
  for (const child of command.commands) configure(child, program);
}

/** Commander has told people by now; where options could not be parsed, `--json` is looked for in the words themselves. */
function usageError({ refusal, hint }: Refused, argv: readonly string[]): number {
  if (refusal.exitCode === 0) return 0;
  // Without a command commander shows all its help, and has no message.
  const message = refusal.code === 'commander.help' ? 'no command was given' : refusal.message.replace(/^error: /, '');
  if (argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ ok: false, error: { code: 'bad-input', message, hint } })}\n`);
  }
  return 2;
}

/** `… | head` has read enough: nobody is left to tell anything. */
function leaveWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
}
