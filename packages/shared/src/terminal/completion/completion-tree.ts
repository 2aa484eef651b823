/** What can be typed after each command: the command tree as the completion scripts need it. Plain data. */

import { allCommands, type CommandDoc, type OptionDoc } from '../manual/command-doc.js';

/** What a value can be: one of these words, a path, a name that the running daemon knows, or anything. */
export type CompletionValue =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'file' }
  | { readonly kind: 'directory' }
  | { readonly kind: 'named'; readonly of: string }
  | { readonly kind: 'any' };

export interface CompletionOption {
  readonly flags: readonly string[];
  readonly says: string;
  /** Null for a flag without a value. */
  readonly value: CompletionValue | null;
  readonly repeatable: boolean;
}

export interface CompletionArgument {
  readonly name: string;
  readonly value: CompletionValue;
  /** The last argument may come again and again. */
  readonly variadic: boolean;
}

export interface CompletionCommand {
  /** Without the program; empty for the program itself. */
  readonly path: readonly string[];
  readonly commands: readonly { readonly name: string; readonly says: string }[];
  /** Its own and the program's. */
  readonly options: readonly CompletionOption[];
  readonly arguments: readonly CompletionArgument[];
}

export interface CompletionTree {
  readonly program: string;
  /** Every command, the program itself first. */
  readonly commands: readonly CompletionCommand[];
}

export interface CompletionSources {
  /** Placeholders that stand for names of the running daemon: `backend`. */
  readonly named: ReadonlySet<string>;
  /** Placeholders that stand for one of some words. */
  readonly words: ReadonlyMap<string, readonly string[]>;
}

/** The placeholder of a value (`<file>`, `<backend>`) tells what it can be. */
export function completionTree(program: CommandDoc, sources: CompletionSources): CompletionTree {
  const programOptions = program.options.map((option) => completionOption(option, sources));
  const everywhere = programOptions.filter(({ flags }) => !flags.includes('--version'));
  return {
    program: program.path[0] ?? '',
    commands: allCommands(program).map((command) => {
      const own = command.options.filter(({ flags }) => !flags.includes('--help'));
      return {
        path: command.path.slice(1),
        commands: command.commands.map(({ path, summary }) => ({ name: path.at(-1) ?? '', says: summary })),
        options:
          command === program
            ? programOptions
            : [...own.map((option) => completionOption(option, sources)), ...everywhere],
        arguments: command.arguments.map(({ name, variadic, choices }) => ({
          name,
          variadic,
          value: completionValue(name, choices, sources),
        })),
      };
    }),
  };
}

function completionOption({ flags, says, value, choices, repeatable }: OptionDoc, sources: CompletionSources) {
  return { flags, says, value: value === null ? null : completionValue(value, choices, sources), repeatable };
}

function completionValue(
  placeholder: string,
  choices: readonly string[],
  { named, words }: CompletionSources,
): CompletionValue {
  if (choices.length > 0) return { kind: 'words', words: choices };
  const known = words.get(placeholder);
  if (known !== undefined) return { kind: 'words', words: known };
  if (named.has(placeholder)) return { kind: 'named', of: placeholder };
  if (placeholder === 'file') return { kind: 'file' };
  return placeholder === 'dir' ? { kind: 'directory' } : { kind: 'any' };
}
