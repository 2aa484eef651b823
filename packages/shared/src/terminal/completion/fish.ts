/** The completion script for fish: one `complete` for each thing that can be typed, on the condition that it can be typed there. */

import type { CompletionOption, CompletionTree, CompletionValue } from './completion-tree.js';

type Command = CompletionTree['commands'][number];

export function fishCompletion(tree: CompletionTree): string {
  const { program, commands } = tree;
  const paths = commands.flatMap(({ path }) => (path.length === 0 ? [] : [` ${path.join(' ')}`]));
  const withValue = commands.flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) => (value === null ? [] : flags.map((flag) => `${path.join(' ')} ${flag}`))),
  );
  return `# Completion of ${program} for fish, printed by: ${program} completion fish
#
# In this shell:  ${program} completion fish | source
# In all of yours: ${program} completion fish > ~/.config/fish/completions/${program}.fish
# For everybody:  ${program} completion fish > /usr/share/fish/vendor_completions.d/${program}.fish

# Prints the command that was typed so far as its first line, then its arguments.
function __${program}_typed
    set -l command ''
    set -l arguments
    set -l option ''
    for word in (commandline -opc)[2..-1]
        if test -n "$option"
            set option ''
        else if string match -q -- '-*' $word
            contains -- "$command $word" ${withValue.map((key) => quoted(key)).join(' ')}
            and set option $word
        else if contains -- (string replace -r '^(?=.)' ' ' -- $command)" $word" ${paths.map(quoted).join(' ')}
            set command (string trim -- "$command $word")
        else
            set -a arguments $word
        end
    end
    printf '%s\\n' $command $arguments
end

# True at the command $argv[1]; with $argv[2] only at that argument of it (or, with +, at that one and all after it).
function __${program}_at
    set -l typed (__${program}_typed)
    test "$typed[1]" = "$argv[1]"; or return 1
    switch "$argv[2]"
        case ''
            return 0
        case '*+'
            test (count $typed) -ge (string trim -r -c + -- $argv[2])
        case '*'
            test (count $typed) -eq $argv[2]
    end
end

# Names that the running daemon knows; nothing without a daemon.
function __${program}_named
    set -l typed (__${program}_typed)
    command ${program} __complete $argv[1] $typed[2..-1] 2>/dev/null
end

complete -c ${program} -f
${commands.flatMap((command) => commandLines(tree, command)).join('\n')}
`;
}

function commandLines(tree: CompletionTree, { path, commands, options, arguments: args }: Command): string[] {
  const at = `complete -c ${tree.program} -n ${quoted(`__${tree.program}_at ${quoted(path.join(' '))}`)}`;
  const isArgument = (position: string) =>
    `complete -c ${tree.program} -n ${quoted(`__${tree.program}_at ${quoted(path.join(' '))} ${position}`)}`;
  return [
    ...commands.map(({ name, says }) => `${isArgument('1')} -a ${name} -d ${quoted(says)}`),
    ...args.flatMap(({ value, variadic }, index) => {
      const words = valueWords(tree, value);
      return words === '' ? [] : [`${isArgument(`${index + 1}${variadic ? '+' : ''}`)} ${words}`];
    }),
    ...options.map((option) => `${at} ${optionWords(tree, option)}`),
  ];
}

function optionWords(tree: CompletionTree, { flags, says, value }: CompletionOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const takes = value === null ? [] : ['-r', valueWords(tree, value) || '-f'];
  return [...names, ...takes, `-d ${quoted(says)}`].join(' ');
}

/** Empty for a value that cannot be guessed. */
function valueWords({ program }: CompletionTree, value: CompletionValue): string {
  switch (value.kind) {
    case 'words':
      return `-f -a ${quoted(value.words.join(' '))}`;
    case 'named':
      return `-f -a ${quoted(`(__${program}_named ${value.of})`)}`;
    case 'file':
      return '-F';
    case 'directory':
      return `-f -a ${quoted('(__fish_complete_directories (commandline -ct))')}`;
    case 'any':
      return '';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
