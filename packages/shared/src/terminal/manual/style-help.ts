/** Makes commander print our help instead of its own. */

import { styleText } from 'node:util';
import type { Command } from 'commander';
import { commandDoc } from './command-doc.js';
import type { DocumentedCommand } from './documented-command.js';
import { commandHelp, programHelp } from './help-text.js';

/** Longer lines are hard to read, however wide the terminal. */
const WIDEST = 100;

/** Columns for help on this terminal; 80 where there is none. */
export function helpWidth(columns = process.stdout.columns): number {
  return Math.min(columns ?? 80, WIDEST);
}

/** For one command of the tree. commander takes the bold of headings out again where colour is not wanted. */
export function styleHelp(command: Command, program: DocumentedCommand): void {
  const heading = (text: string) => styleText('bold', text, { validateStream: false });
  command.configureHelp({
    formatHelp: (_, { helpWidth: columns }) =>
      command === program
        ? programHelp(commandDoc(program), program.topics, helpWidth(columns), heading)
        : commandHelp(commandDoc(command), commandDoc(program), helpWidth(columns), heading),
  });
}
