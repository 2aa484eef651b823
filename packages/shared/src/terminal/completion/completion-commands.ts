/** `completion`, which prints a script for a shell, and the hidden command that this script asks for names. */

import { Argument } from 'commander';
import { commandDoc } from '../manual/command-doc.js';
import type { DocumentedCommand } from '../manual/documented-command.js';
import { bashCompletion } from './bash.js';
import { completionTree } from './completion-tree.js';
import { fishCompletion } from './fish.js';
import { zshCompletion } from './zsh.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** Whoever presses TAB waits for it. */
const PATIENCE_MS = 1_000;

/** What a shell takes as one plain word. Names come from the other machine as well, and must not become commands when they are inserted. */
const PLAIN = /^[\w.:/=+[\],@-]+$/;

/** Names of one kind, such as the backends; `typed` are the command's arguments so far. */
export type NameSource = (typed: readonly string[], signal: AbortSignal) => Promise<readonly string[]>;

/** Adds both. `sources` has a row for each placeholder (`<backend>`) that stands for a name the running daemon knows. */
export function addCompletionCommands(
  program: DocumentedCommand,
  sources: () => Readonly<Record<string, NameSource>>,
): void {
  const name = program.name();
  program
    .command('completion')
    .summary('print a completion script for your shell')
    .description(
      'Prints a script that completes commands, options, files and the names that the running daemon knows. How to install it is its first lines. Needs no daemon.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .example(`source <(${name} completion bash)`, 'in this bash')
    .action((shell: keyof typeof SHELLS) => {
      const topics = program.topics.map((topic) => topic.name);
      const doc = commandDoc(program);
      const words = new Map([['topic', [...doc.commands.map(({ path }) => path.at(-1) ?? ''), ...topics]]]);
      process.stdout.write(SHELLS[shell](completionTree(doc, { named: new Set(Object.keys(sources())), words })));
    });
  program
    .command('__complete', { hidden: true })
    .argument('<kind>')
    .argument('[typed...]')
    .action(async (kind: string, typed: string[]) => {
      for (const word of await namesOf(sources(), kind, typed)) process.stdout.write(`${word}\n`);
    });
}

/** Never fails: an error in the middle of a command line that is being typed helps nobody. */
async function namesOf(
  sources: Readonly<Record<string, NameSource>>,
  kind: string,
  typed: readonly string[],
): Promise<readonly string[]> {
  const source = Object.hasOwn(sources, kind) ? sources[kind] : undefined;
  try {
    return ((await source?.(typed, AbortSignal.timeout(PATIENCE_MS))) ?? []).filter((word) => PLAIN.test(word));
  } catch {
    return [];
  }
}
