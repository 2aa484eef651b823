/** What help, man page and completion say about a command, read from commander's tree: plain data, so that each of them is a pure function. */

import type { Argument, Command, Option } from 'commander';
import { collect } from '../collect.js';
import { DocumentedCommand, type Example } from './documented-command.js';

export interface ArgumentDoc {
  /** As in the usage line: `<backend>`, `[spec...]`. */
  readonly term: string;
  readonly name: string;
  readonly variadic: boolean;
  readonly says: string;
  readonly choices: readonly string[];
}

export interface OptionDoc {
  /** As in the help: `-h, --help`, `--forward <spec>`. */
  readonly term: string;
  /** What can be typed: `-h` and `--help`. */
  readonly flags: readonly string[];
  /** Name of the value it takes, or null for a flag. */
  readonly value: string | null;
  readonly says: string;
  readonly choices: readonly string[];
  readonly default: string | null;
  /** The environment variable that sets it as well. */
  readonly variable: string | null;
  readonly repeatable: boolean;
}

export interface CommandDoc {
  /** From the program on: `['controller', 'forward', 'add']`. */
  readonly path: readonly string[];
  readonly usage: string;
  readonly summary: string;
  readonly description: string;
  /** Heading under which the parent lists it. */
  readonly group: string;
  readonly arguments: readonly ArgumentDoc[];
  readonly options: readonly OptionDoc[];
  readonly examples: readonly Example[];
  readonly commands: readonly CommandDoc[];
}

/** The command and all below it; hidden ones are left out. */
export function commandDoc(command: Command): CommandDoc {
  const helper = command.createHelp();
  return {
    path: pathOf(command),
    usage: helper.commandUsage(command),
    summary: helper.subcommandDescription(command),
    description: helper.commandDescription(command),
    group: command.helpGroup() || 'Commands:',
    arguments: command.registeredArguments.map(argumentDoc),
    options: helper.visibleOptions(command).map(optionDoc),
    examples: command instanceof DocumentedCommand ? command.examples : [],
    commands: helper.visibleCommands(command).map(commandDoc),
  };
}

/** The description with what else there is to know: choices, default, variable. */
export function optionText(option: OptionDoc): string {
  const facts = [
    ...(option.choices.length === 0 ? [] : [`one of ${option.choices.join(', ')}`]),
    ...(option.default === null ? [] : [`default: ${option.default}`]),
    ...(option.variable === null ? [] : [`also ${option.variable}`]),
    ...(option.repeatable ? ['repeatable'] : []),
  ];
  return facts.length === 0 ? option.says : `${option.says} (${facts.join('; ')})`;
}

export function argumentText(argument: ArgumentDoc): string {
  return argument.choices.length === 0 ? argument.says : `${argument.says} (one of ${argument.choices.join(', ')})`;
}

/** Commands by heading, in the order of their first appearance. */
export function commandGroups(doc: CommandDoc): ReadonlyMap<string, readonly CommandDoc[]> {
  const groups = new Map<string, CommandDoc[]>();
  for (const command of doc.commands) groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
  return groups;
}

/** Every command of the tree, the program itself first. */
export function allCommands(doc: CommandDoc): CommandDoc[] {
  return [doc, ...doc.commands.flatMap(allCommands)];
}

function pathOf(command: Command): string[] {
  return [...(command.parent === null ? [] : pathOf(command.parent)), command.name()];
}

function argumentDoc(argument: Argument): ArgumentDoc {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return {
    term: argument.required ? `<${name}>` : `[${name}]`,
    name: argument.name(),
    variadic: argument.variadic,
    says: argument.description,
    choices: argument.argChoices ?? [],
  };
}

export function optionDoc(option: Option): OptionDoc {
  const takesValue = option.required || option.optional;
  return {
    term: option.flags,
    flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
    value: takesValue ? (/[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1] ?? 'value') : null,
    says: option.description,
    choices: option.argChoices ?? [],
    default: takesValue && option.defaultValue !== undefined ? String(option.defaultValue) : null,
    variable: option.envVar ?? null,
    repeatable: option.parseArg === collect,
  };
}
