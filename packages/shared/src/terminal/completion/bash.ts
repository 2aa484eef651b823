/** The completion script for bash: it needs bash 4 and nothing else, neither a daemon nor the package bash-completion. */

import type { CompletionTree, CompletionValue } from './completion-tree.js';

export function bashCompletion(tree: CompletionTree): string {
  const { program } = tree;
  return `# Completion of ${program} for bash, printed by: ${program} completion bash
#
# In this shell:           source <(${program} completion bash)
# In every shell of yours: echo 'source <(${program} completion bash)' >> ~/.bashrc
# For everybody, with the package bash-completion:
#                          ${program} completion bash > /etc/bash_completion.d/${program}

# What the command $1 has: subcommands and options.
__${program}_command() {
  case $1 in
${tree.commands.map(commandCase).join('\n')}
  esac
}

# What the value of $2 (an option, or an argument by its number; + for all that follow) of the command $1 can be.
__${program}_value() {
  case "$1 $2" in
${valueCases(tree).join('\n')}
    *) value='' ;;
  esac
}

_${program}() {
  local line=\${COMP_LINE:0:COMP_POINT} command='' option='' prefix='' value subcommands options word
  local -a words=() operands=() candidates=()
  COMPREPLY=()
  # bash itself would also break words at : and =, which are part of ours.
  read -r -a words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  local typed=\${words[\${#words[@]} - 1]}
  local current=$typed

  __${program}_command ''
  for word in "\${words[@]:1:\${#words[@]} - 2}"; do
    if [[ -n $option ]]; then
      option=''
    elif [[ $word == -* ]]; then
      __${program}_value "$command" "$word"
      [[ -n $value ]] && option=$word
    elif [[ " $subcommands " == *" $word "* ]]; then
      command="$command\${command:+ }$word"
      __${program}_command "$command"
    else
      operands+=("$word")
    fi
  done

  if [[ -z $option && $typed == --*=* ]]; then
    option=\${typed%%=*} current=\${typed#*=} prefix=\${typed%%=*}=
  fi
  if [[ -n $option ]]; then
    __${program}_value "$command" "$option"
  elif [[ $current == -* ]]; then
    value="words $options"
  elif [[ -n $subcommands ]]; then
    value="words $subcommands"
  else
    __${program}_value "$command" $((\${#operands[@]} + 1))
    [[ -z $value ]] && __${program}_value "$command" +
    [[ -z $value ]] && value="words $options"
  fi

  case $value in
    'words '*) read -r -a candidates <<<"\${value#words }" ;;
    'named '*) mapfile -t candidates < <("\${words[0]}" __complete "\${value#named }" "\${operands[@]}" 2>/dev/null) ;;
    file) compopt -o filenames 2>/dev/null; mapfile -t candidates < <(compgen -f -- "$current") ;;
    directory) compopt -o filenames 2>/dev/null; mapfile -t candidates < <(compgen -d -- "$current") ;;
  esac

  # What stands before the last of these is not part of the word that bash replaces.
  local kept=''
  [[ $COMP_WORDBREAKS == *=* && $typed == *=* ]] && kept=\${typed%"\${typed##*=}"}
  [[ $COMP_WORDBREAKS == *:* && $typed == *:* ]] && word=\${typed%"\${typed##*:}"} && ((\${#word} > \${#kept})) && kept=$word
  for word in "\${candidates[@]}"; do
    [[ $word == "$current"* ]] || continue
    word=$prefix$word
    COMPREPLY+=("\${word#"$kept"}")
  done
}

complete -F _${program} ${program}
`;
}

function commandCase({ path, commands, options }: CompletionTree['commands'][number]): string {
  const subcommands = commands.map(({ name }) => name).join(' ');
  const flags = options.flatMap((option) => option.flags).join(' ');
  return `    '${path.join(' ')}') subcommands='${subcommands}' options='${flags}' ;;`;
}

function valueCases(tree: CompletionTree): string[] {
  return tree.commands.flatMap(({ path, options, arguments: args }) => {
    const command = path.join(' ');
    const ofOptions = options.flatMap(({ flags, value }) =>
      value === null ? [] : flags.map((flag) => valueCase(`${command} ${flag}`, value)),
    );
    const ofArguments = args.map(({ value, variadic }, index) =>
      valueCase(`${command} ${variadic ? '+' : index + 1}`, value),
    );
    return [...ofOptions, ...ofArguments];
  });
}

function valueCase(key: string, value: CompletionValue): string {
  return `    '${key}') value='${bashValue(value)}' ;;`;
}

function bashValue(value: CompletionValue): string {
  if (value.kind === 'words') return `words ${value.words.join(' ')}`;
  return value.kind === 'named' ? `named ${value.of}` : value.kind;
}
