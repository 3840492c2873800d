// Completion scripts for bash, zsh and fish, printed from the command tree, so that they never know less than --help.
// The scripts must not run stave: completion has to answer at once.

import type { Command, Option } from 'commander';
import { runnableCommands, visibleCommands } from '../usage.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface CompletedFlag {
  readonly short: string | undefined;
  readonly long: string;
  readonly takesValue: boolean;
  readonly description: string;
}

interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly CompletedFlag[];
  /** Words for the first argument. */
  readonly words: readonly string[];
  /** Whether arguments may be files. */
  readonly files: boolean;
}

export function printCompletion(program: Command, shell: Shell): string {
  const commands = visibleCommands(program);
  const globals = flagsOf(program);
  const names = commands.map((command) => command.name());
  const tree = commands.map((command) => {
    // A family stands for its members, whose flags and arguments it offers together.
    const members = command.commands.length === 0 ? [command] : runnableCommands(command);
    const words = { help: names, completion: SHELLS }[command.name()] ?? visibleCommands(command).map((c) => c.name());
    return {
      name: command.name(),
      summary: command.summary() || command.description(),
      flags: [...members.flatMap(flagsOf), ...globals.filter((flag) => flag.long !== '--help')],
      words,
      files:
        !['help', 'completion'].includes(command.name()) &&
        members.some((member) => member.registeredArguments.length > 0),
    };
  });
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](tree, globals);
}

function flagsOf(command: Command): CompletedFlag[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap((option: Option) =>
      option.long
        ? [{ short: option.short, long: option.long, takesValue: option.required, description: option.description }]
        : [],
    );
}

function bashScript(tree: readonly CompletedCommand[], globals: readonly CompletedFlag[]): string {
  const withValue = [
    ...new Set([...tree.flatMap((c) => c.flags), ...globals].filter((f) => f.takesValue).flatMap(spellings)),
  ];
  const cases = tree.map(
    ({ name, flags, words, files }) =>
      `    ${name}) flags='${flags.flatMap(spellings).join(' ')}' words='${words.join(' ')}' files=${files ? 1 : 0} ;;`,
  );
  return `# bash completion for stave. Made by: stave completion bash
_stave() {
  local IFS=$'\\n' current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command='' skip=0 i
  for ((i = 1; i < COMP_CWORD; i++)); do
    if ((skip)); then skip=0; continue; fi
    case \${COMP_WORDS[i]} in
      ${withValue.join('|')}) skip=1 ;;
      -*) ;;
      *) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  local flags='${globals.flatMap(spellings).join(' ')}' words='${tree.map((c) => c.name).join(' ')}' files=0
  case $command in
${cases.join('\n')}
  esac
  COMPREPLY=()
  case $previous in
    ${withValue.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "\${flags// /$IFS}" -- "$current"))
  else
    COMPREPLY=($(compgen -W "\${words// /$IFS}" -- "$current"))
    if ((files)); then COMPREPLY+=($(compgen -f -- "$current")); fi
  fi
}
complete -o filenames -F _stave stave
`;
}

function zshScript(tree: readonly CompletedCommand[], globals: readonly CompletedFlag[]): string {
  const described = tree.map(({ name, summary }) => `    ${zshQuote(`${name}:${summary.replaceAll(':', '\\:')}`)}`);
  const cases = tree.map(({ name, flags, words, files }) => {
    const rest = [
      ...(words.length > 0 ? [`'1:word:(${words.join(' ')})'`] : []),
      ...(files ? ["'*:file:_files'"] : []),
    ];
    return `    ${name})\n      _arguments ${[...flags.flatMap(zshFlag), ...rest].join(' \\\n        ')} ;;`;
  });
  return `#compdef stave
# zsh completion for stave. Made by: stave completion zsh
_stave() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  local context state state_descr line
  typeset -A opt_args
  _arguments -C ${globals.flatMap(zshFlag).join(' \\\n    ')} \\
    '1:command:->command' '*::argument:->argument'
  case $state in
  command) _describe command commands ;;
  argument)
    case $words[1] in
${cases.join('\n')}
    esac ;;
  esac
}
if [[ $funcstack[1] == _stave ]]; then _stave "$@"; else compdef _stave stave; fi
`;
}

function zshFlag(flag: CompletedFlag): string[] {
  const description = flag.description.replace(/[[\]:\\]/g, '\\$&');
  const value = flag.takesValue ? ':value:_files' : '';
  const repeat = flag.takesValue ? '*' : '';
  return spellings(flag).map((spelling) => zshQuote(`${repeat}${spelling}[${description}]${value}`));
}

function fishScript(tree: readonly CompletedCommand[], globals: readonly CompletedFlag[]): string {
  const lines = ['# fish completion for stave. Made by: stave completion fish', 'complete -c stave -f'];
  for (const flag of globals) lines.push(`complete -c stave ${fishFlag(flag)}`);
  const own = new Set(globals);
  for (const { name, summary, flags, words, files } of tree) {
    const within = `-n '__fish_seen_subcommand_from ${name}'`;
    lines.push(`complete -c stave -n __fish_use_subcommand -a ${name} -d ${fishQuote(summary)}`);
    if (files) lines.push(`complete -c stave ${within} -F`);
    if (words.length > 0) lines.push(`complete -c stave ${within} -a ${fishQuote(words.join(' '))}`);
    for (const flag of flags) if (!own.has(flag)) lines.push(`complete -c stave ${within} ${fishFlag(flag)}`);
  }
  return `${lines.join('\n')}\n`;
}

function fishFlag({ short, long, takesValue, description }: CompletedFlag): string {
  const shortPart = short === undefined ? '' : `-s ${short.slice(1)} `;
  return `${shortPart}-l ${long.slice(2)}${takesValue ? ' -rF' : ''} -d ${fishQuote(description)}`;
}

function spellings({ short, long }: CompletedFlag): string[] {
  return short === undefined ? [long] : [short, long];
}

function zshQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishQuote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
