/** What completes commands and options in a shell. It follows from the usage texts, so that it cannot lag behind them. */
import { USAGES } from './usage.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const verbs = Object.keys(USAGES);

/** Options that a usage text names. */
export const optionsOf = (verb: string): string[] => [
  ...new Set(
    [...USAGES[verb].matchAll(/(?<=[\s[|])(-o|-q|--[a-z-]*[a-z])(?![\w-])/g)].map(([, option]) => option),
  ),
  '--help',
];

/** Words that may follow an option. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  analyze: ['text', 'json', 'junit', 'sarif', 'md'],
  export: ['arrow', 'parquet', 'csv', 'jsonl'],
};

const bash = (): string => `# eval "$(vramscope completion bash)"
_vramscope() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} verb=\${COMP_WORDS[1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${verbs.join(' ')} --help --version" -- "$word") $(compgen -f -- "$word"))
    return
  fi
  case "$verb $before" in
${Object.entries(VALUES)
  .map(
    ([verb, values]) =>
      `    "${verb} --format") COMPREPLY=($(compgen -W "${values.join(' ')}" -- "$word")); return ;;`,
  )
  .join('\n')}
    "completion completion") COMPREPLY=($(compgen -W "${SHELLS.join(' ')}" -- "$word")); return ;;
  esac
  if [[ $word == -* ]]; then
    case $verb in
${verbs.map((verb) => `      ${verb}) COMPREPLY=($(compgen -W "${optionsOf(verb).join(' ')}" -- "$word")) ;;`).join('\n')}
    esac
    return
  fi
  COMPREPLY=($(compgen -f -- "$word"))
}
complete -o filenames -F _vramscope vramscope
`;

const zsh = (): string => `#compdef vramscope
# eval "$(vramscope completion zsh)"
_vramscope() {
  local verb=\${words[2]}
  if (( CURRENT == 2 )); then
    compadd -- ${verbs.join(' ')} --help --version
    _files
    return
  fi
  case "$verb \${words[CURRENT-1]}" in
${Object.entries(VALUES)
  .map(([verb, values]) => `    ("${verb} --format") compadd -- ${values.join(' ')}; return ;;`)
  .join('\n')}
    ("completion completion") compadd -- ${SHELLS.join(' ')}; return ;;
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    case $verb in
${verbs.map((verb) => `      (${verb}) compadd -- ${optionsOf(verb).join(' ')} ;;`).join('\n')}
    esac
    return
  fi
  _files
}
compdef _vramscope vramscope
`;

const fish = (): string =>
  [
    '# vramscope completion fish | source',
    `complete -c vramscope -n __fish_use_subcommand -a '${verbs.join(' ')}'`,
    ...verbs.flatMap((verb) =>
      optionsOf(verb).map((option) => {
        const name = option.startsWith('--') ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`;
        const values = option === '--format' ? VALUES[verb] : undefined;
        return `complete -c vramscope -n '__fish_seen_subcommand_from ${verb}' ${name}${values === undefined ? '' : ` -x -a '${values.join(' ')}'`}`;
      }),
    ),
    `complete -c vramscope -n '__fish_seen_subcommand_from completion' -x -a '${SHELLS.join(' ')}'`,
    '',
  ].join('\n');

const ALL: Readonly<Record<Shell, () => string>> = { bash, zsh, fish };

export const completion = (shell: Shell): string => ALL[shell]();
