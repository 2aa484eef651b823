/** The help of a command and of a topic, as a terminal shows it. */

import { argumentText, type CommandDoc, commandGroups, optionText } from './command-doc.js';
import type { Topic, TopicPart } from './topic.js';
import { indented, itemLines, wrap } from './wrap.js';

/** Marks a heading; on a terminal that can, in bold. */
type Heading = (text: string) => string;

/** Options that are a question of their own, not a setting of a command. */
const ANSWERED_AT_ONCE = new Set(['--help', '--version']);

/** A whole command line still stands beside what it does. */
const LONGEST_STEP = 40;

interface Section {
  readonly title: string;
  readonly lines: readonly string[];
}

/** Help of the program itself: what a newcomer does first, then the commands by purpose. */
export function programHelp(program: CommandDoc, topics: readonly Topic[], width: number, heading: Heading): string {
  const name = program.path.join(' ');
  const steps = program.examples.map(({ line, says }) => ({ term: line, says }));
  return layOut(
    [
      { title: 'First steps:', lines: itemLines(steps, width, LONGEST_STEP) },
      ...commandSections(program, width),
      { title: 'Options of every command:', lines: optionLines(program, width) },
      {
        title: 'More:',
        lines: indented([
          ...wrap(`${name} help COMMAND: all about one command, with examples`, width - 2),
          ...wrap(`${name} help TOPIC, one of ${topics.map((topic) => topic.name).join(', ')}`, width - 2),
        ]),
      },
    ],
    [`Usage: ${name} [options] <command>`, '', ...wrap(program.description, width)],
    heading,
  );
}

/** Help of one command. */
export function commandHelp(command: CommandDoc, program: CommandDoc, width: number, heading: Heading): string {
  const args = command.arguments.map((argument) => ({ term: argument.term, says: argumentText(argument) }));
  const everywhere = program.options
    .map(({ flags }) => flags.at(-1))
    .filter((flag) => !ANSWERED_AT_ONCE.has(flag ?? ''));
  return layOut(
    [
      { title: 'Arguments:', lines: itemLines(args, width) },
      ...commandSections(command, width),
      { title: 'Options:', lines: optionLines(command, width) },
      { title: 'Examples:', lines: indented(exampleLines(command, width - 2)) },
      {
        title: '',
        lines: wrap(`Options of every command (${program.path[0]} --help): ${everywhere.join(', ')}`, width),
      },
    ],
    [`Usage: ${command.usage}`, '', ...wrap(command.description, width)],
    heading,
  );
}

export function topicHelp(topic: Topic, width: number, heading: Heading): string {
  return `${[heading(topic.title), ...topic.parts.flatMap((part) => ['', ...partLines(part, width)])].join('\n')}\n`;
}

function layOut(sections: readonly Section[], head: readonly string[], heading: Heading): string {
  const blocks = sections
    .filter(({ lines }) => lines.length > 0)
    .map(({ title, lines }) => (title === '' ? lines : [heading(title), ...lines]).join('\n'));
  return `${[head.join('\n'), ...blocks].join('\n\n')}\n`;
}

function commandSections(parent: CommandDoc, width: number): Section[] {
  return [...commandGroups(parent)].map(([title, commands]) => ({
    title,
    lines: itemLines(
      commands.map((command) => ({ term: shortUsage(command), says: command.summary })),
      width,
    ),
  }));
}

/** `pair <backend>`: what has to be known to use it; its own help has the rest. */
function shortUsage(command: CommandDoc): string {
  return [...command.path.slice(-1), ...command.arguments.map(({ term }) => term)].join(' ');
}

function optionLines(command: CommandDoc, width: number): string[] {
  return itemLines(
    command.options.map((option) => ({ term: option.term, says: optionText(option) })),
    width,
  );
}

/** Each example below a comment, so that both can be pasted into a shell. */
function exampleLines({ examples }: CommandDoc, width: number): string[] {
  return examples.flatMap(({ line, says }) => [...wrap(says, width - 2).map((text) => `# ${text}`), line]);
}

function partLines(part: TopicPart, width: number): string[] {
  if (typeof part === 'string') return wrap(part, width);
  return 'items' in part ? itemLines(part.items, width) : indented(part.lines);
}
