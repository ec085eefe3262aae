import type { Command } from 'commander';

/** The shells that completion is made for. */
export const shells = ['bash', 'zsh', 'fish'] as const;

interface Place {
  /** `/grants/show`; empty for the program. */
  readonly path: string;
  readonly words: readonly string[];
}

/** A script that completes commands, their options and the choices that an option has. */
export function completionScript(program: Command, shell: (typeof shells)[number]): readonly string[] {
  if (shell === 'fish') return fish(program);
  const load = shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : [];
  return [...load, ...bash(program)];
}

function bash(program: Command): readonly string[] {
  const all = places(program, '', program);
  const paths = all.map(({ path }) => path).filter((path) => path !== '');
  return [
    '_curfew() {',
    '  local path= i words current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    `    case "$path/\${COMP_WORDS[i]}" in ${paths.join('|')}) path="$path/\${COMP_WORDS[i]}" ;; esac`,
    '  done',
    '  case "$path" in',
    ...all.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`),
    '  esac',
    '  case "$before" in',
    ...choices(program).map(({ flags, values }) => `    ${flags.join('|')}) words='${values.join(' ')}' ;;`),
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _curfew curfew',
  ];
}

function fish(program: Command): readonly string[] {
  return [
    'function __curfew_words',
    "  set -l path ''",
    '  for word in (commandline -opc)[2..-1]',
    '    switch "$path/$word"',
    ...places(program, '', program)
      .filter(({ path }) => path !== '')
      .map(({ path }) => `      case '${path}'\n        set path '${path}'`),
    '    end',
    '  end',
    '  switch "$path"',
    ...places(program, '', program).map(
      ({ path, words }) => `    case '${path}'\n      string split ' ' '${words.join(' ')}'`,
    ),
    '  end',
    'end',
    "complete -c curfew -a '(__curfew_words)'",
    ...choices(program).map(
      ({ flags, values }) =>
        `complete -c curfew -x ${flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ')} -a '${values.join(' ')}'`,
    ),
  ];
}

function places(command: Command, path: string, program: Command): readonly Place[] {
  const options = command === program ? command.options : [...command.options, ...program.options];
  const words = [
    ...command.commands.map((each) => each.name()),
    ...options.flatMap(({ long }) => (long == null ? [] : [long])),
    '--help',
    ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  ];
  return [
    { path, words },
    ...command.commands.flatMap((each) => places(each, `${path}/${each.name()}`, program)),
  ];
}

/** The options of the program that take one of a few values. */
function choices({ options }: Command): readonly { flags: readonly string[]; values: readonly string[] }[] {
  return options.flatMap(({ short, long, argChoices: values }) =>
    values === undefined
      ? []
      : [{ flags: [short, long].flatMap((flag) => (flag == null ? [] : [flag])), values }],
  );
}
