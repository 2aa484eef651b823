/** A program's manual page in roff, section 8 (system administration), written from its command tree and its topics. */

import { allCommands, argumentText, type CommandDoc, commandGroups, optionText } from './command-doc.js';
import type { Example } from './documented-command.js';
import { escaped, heading, item, paragraphs, prose, verbatim } from './roff.js';
import type { Topic, TopicPart } from './topic.js';

export interface ManPage {
  readonly program: CommandDoc;
  readonly topics: readonly Topic[];
  readonly version: string;
  /** Other pages worth reading, such as `nft(8)`. */
  readonly seeAlso: readonly string[];
}

export function manPage({ program, topics, version, seeAlso }: ManPage): string {
  const name = program.path.join(' ');
  const lines = [
    `.TH ${name.toUpperCase()} 8 "" "homeward ${escaped(version)}" "homeward"`,
    heading('SH', 'NAME'),
    `${name} \\- ${prose(program.summary)}`,
    heading('SH', 'SYNOPSIS'),
    ...synopsis(program).slice(1),
    heading('SH', 'DESCRIPTION'),
    ...paragraphs(program.description),
    heading('SH', 'OPTIONS'),
    '.PP',
    'These go with every command, before or after it.',
    ...optionItems(program),
    heading('SH', 'COMMANDS'),
    ...[...commandGroups(program)].flatMap(([, commands]) => commands.flatMap(commandSection)),
    ...topics.flatMap((topic) => [heading('SH', topic.title.toUpperCase()), ...topic.parts.flatMap(partLines)]),
    heading('SH', 'EXAMPLES'),
    ...allCommands(program).flatMap(({ examples }) => examples.flatMap(exampleLines)),
    heading('SH', 'SEE ALSO'),
    '.PP',
    seeAlso.map(reference).join(', '),
  ];
  return `${lines.filter(isNeeded).join('\n')}\n`;
}

/** A heading begins a paragraph by itself. */
function isNeeded(text: string, index: number, lines: readonly string[]): boolean {
  return text !== '.PP' || !/^\.S[HS] /.test(lines[index - 1] ?? '');
}

function synopsis(program: CommandDoc): string[] {
  const leaves = allCommands(program).filter(({ commands }) => commands.length === 0);
  return leaves.flatMap(({ path, usage }) => {
    const command = path.join(' ');
    return ['.br', `.B ${escaped(command)}`, escaped(usage.slice(command.length + 1))];
  });
}

/** A command and what is below it; a heading for each. */
function commandSection(command: CommandDoc): string[] {
  return [
    heading('SS', [...command.path.slice(1), ...command.arguments.map(({ term }) => term)].join(' ')),
    ...paragraphs(command.description),
    ...command.arguments.flatMap((argument) => item(argument.term, argumentText(argument))),
    ...optionItems(command),
    ...command.commands.flatMap(commandSection),
  ];
}

/** `--help` goes with every command and is told once. */
function optionItems(command: CommandDoc): string[] {
  const own =
    command.path.length === 1 ? command.options : command.options.filter(({ flags }) => !flags.includes('--help'));
  return own.flatMap((option) => item(option.term, optionText(option)));
}

function partLines(part: TopicPart): string[] {
  if (typeof part === 'string') return paragraphs(part);
  return 'items' in part ? part.items.flatMap(({ term, says }) => item(term, says)) : verbatim(part.lines);
}

function exampleLines({ line: command, says }: Example): string[] {
  return [...paragraphs(`${says.charAt(0).toUpperCase()}${says.slice(1)}:`), ...verbatim([command])];
}

/** `nft(8)`, its name in bold. */
function reference(page: string): string {
  const [, name = page, section = ''] = /^(.*)(\(\d\))$/.exec(page) ?? [];
  return `\\fB${escaped(name)}\\fP${section}`;
}
