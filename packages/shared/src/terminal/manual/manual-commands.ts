/** `help` and `man`: what the manual knows, on the terminal and as a page for man(1). */

import type { Command } from 'commander';
import { RelayError } from '../../errors/relay-error.js';
import type { Console } from '../console.js';
import { VERSION } from '../version.js';
import { commandDoc } from './command-doc.js';
import type { DocumentedCommand } from './documented-command.js';
import { topicHelp } from './help-text.js';
import { manPage } from './man-page.js';
import { helpWidth } from './style-help.js';

/** Adds both; `seeAlso` names other man pages. */
export function addManualCommands(
  program: DocumentedCommand,
  seeAlso: readonly string[],
  console: () => Console,
): void {
  const name = program.name();
  program
    .command('help')
    .summary('explain a command or a topic')
    .description(
      `Shows the help of a command, as its --help does, or a topic: ${program.topics.map((topic) => topic.name).join(', ')}.`,
    )
    .argument('[topic...]', 'a command, such as forward add, or a topic')
    .example(`${name} help ${program.topics[0]?.name ?? ''}`, `${program.topics[0]?.title ?? ''}, explained`)
    .action((words: string[]) => {
      const topic = words.length === 1 ? program.topics.find((candidate) => candidate.name === words[0]) : undefined;
      if (topic === undefined) return commandNamed(program, words).outputHelp();
      const heading = (title: string) => console().style('bold', title);
      process.stdout.write(topicHelp(topic, helpWidth(), heading));
    });
  program
    .command('man')
    .summary('print the manual page')
    .description('Prints the manual page in roff, as man(1) reads it. Needs no daemon.')
    .example(`${name} man | man -l -`, 'read it')
    .action(() => {
      process.stdout.write(
        manPage({ program: commandDoc(program), topics: program.topics, version: VERSION, seeAlso }),
      );
    });
}

/** The command that the words lead to; throws `bad-input` naming the word that is none. */
function commandNamed(program: DocumentedCommand, words: readonly string[]): Command {
  let command: Command = program;
  for (const word of words) {
    const below = command.createHelp().visibleCommands(command);
    const found = below.find((candidate) => candidate.name() === word);
    if (found === undefined) {
      const topics = command === program ? program.topics.map((topic) => topic.name) : [];
      const known = [...below.map((candidate) => candidate.name()), ...topics];
      throw new RelayError('bad-input', `there is no help on "${words.join(' ')}"`, {
        hint: known.length === 0 ? undefined : `there is help on: ${known.join(', ')}`,
      });
    }
    command = found;
  }
  return command;
}
