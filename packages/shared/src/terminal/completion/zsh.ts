/** The completion script for zsh: one function a command, over zsh's own _arguments (zshcompsys(1)). */

import type { CompletionArgument, CompletionOption, CompletionTree, CompletionValue } from './completion-tree.js';

type Command = CompletionTree['commands'][number];

export function zshCompletion(tree: CompletionTree): string {
  const { program } = tree;
  return `#compdef ${program}
# Completion of ${program} for zsh, printed by: ${program} completion zsh
#
# In this shell:  source <(${program} completion zsh)      (after: autoload -U compinit && compinit)
# For everybody:  ${program} completion zsh > /usr/local/share/zsh/site-functions/_${program}

# Names that the running daemon knows; nothing without a daemon.
__${program}_named() {
  local -a names=( \${(f)"$(_call_program names \${words0} __complete "$@" 2>/dev/null)"} )
  compadd -a names
}

${tree.commands
  .toReversed()
  .map((command) => commandFunction(tree, command))
  .join('\n\n')}

if [[ $funcstack[1] == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${program}
fi
`;
}

function functionName({ program }: CompletionTree, path: readonly string[]): string {
  return ['', program, ...path].join('_');
}

function commandFunction(tree: CompletionTree, command: Command): string {
  const specs = command.options.flatMap((option) => optionSpecs(tree, option));
  const name = functionName(tree, command.path);
  const remembersProgram = command.path.length === 0 ? '  local words0=$words[1]\n' : '';
  if (command.commands.length === 0) {
    const args = command.arguments.map((argument, index) => argumentSpec(tree, argument, index + 1));
    return `${name}() {\n${remembersProgram}${argumentsCall('', [...args, ...specs])}\n}`;
  }
  const names = command.commands.map(({ name: word, says }) => `    ${quoted(`${escapedColons(word)}:${says}`)}`);
  const cases = command.commands.map(
    ({ name: word }) => `        ${word}) ${functionName(tree, [...command.path, word])} ;;`,
  );
  return `${name}() {
${remembersProgram}  local context state state_descr line
  typeset -A opt_args
  local -a commands=(
${names.join('\n')}
  )
${argumentsCall('-C ', ["'1: :->command'", "'*:: :->rest'", ...specs])}
  case $state in
    command) _describe -t commands command commands ;;
    rest)
      case $line[1] in
${cases.join('\n')}
      esac ;;
  esac
}`;
}

function argumentsCall(flags: string, specs: readonly string[]): string {
  return `  _arguments ${flags}${specs.map((spec) => `\\\n    ${spec}`).join(' ')}`;
}

function optionSpecs(tree: CompletionTree, { flags, says, value, repeatable }: CompletionOption): string[] {
  const others = repeatable ? '*' : `(${flags.join(' ')})`;
  return flags.map((flag) => {
    const sign = value === null ? '' : flag.startsWith('--') ? '=' : '+';
    const action = value === null ? '' : `:${value.kind === 'named' ? value.of : 'value'}:${zshAction(tree, value)}`;
    return quoted(`${others}${flag}${sign}[${escapedBrackets(says)}]${action}`);
  });
}

function argumentSpec(tree: CompletionTree, { name, value, variadic }: CompletionArgument, position: number): string {
  return quoted(`${variadic ? '*' : position}:${escapedColons(name)}:${zshAction(tree, value)}`);
}

/** The leading blank keeps _arguments from adding words of its own to our command. */
function zshAction({ program }: CompletionTree, value: CompletionValue): string {
  switch (value.kind) {
    case 'words':
      return `(${value.words.join(' ')})`;
    case 'named':
      return ` __${program}_named ${value.of} $line`;
    case 'file':
      return '_files';
    case 'directory':
      return '_files -/';
    case 'any':
      return ' ';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function escapedColons(text: string): string {
  return text.replaceAll(':', '\\:');
}

function escapedBrackets(text: string): string {
  return escapedColons(text).replaceAll('[', '\\[').replaceAll(']', '\\]');
}
