// The command tree's own kind of command: what people type wrong becomes a Failure with a near name and the usage line,
// never a text printed by the argument parser.

import { Command } from 'commander';
import { Failure } from '../base/failure.ts';
import { nearestNames } from '../base/nearest.ts';
import { compareBytes } from '../base/order.ts';

export class StaveCommand extends Command {
  override createCommand(name?: string): StaveCommand {
    return new StaveCommand(name);
  }

  /** Called by commander for everything that it finds wrong in the arguments. */
  override error(message: string, options: { code?: string } = {}): never {
    const quoted = /'([^']*)'/.exec(message)?.[1] ?? '';
    switch (options.code) {
      case 'commander.unknownOption':
        throw this.#unknownFlag(quoted);
      case 'commander.unknownCommand':
        throw unknownCommand(quoted, this);
      case 'commander.missingArgument':
        throw new Failure('USAGE_ARGUMENTS', `${this.fullName()} needs a <${quoted}>`, { hint: this.#usageHint() });
      case 'commander.excessArguments':
        throw new Failure('USAGE_ARGUMENTS', this.#tooMany(), { hint: this.#usageHint() });
      case 'commander.optionMissingArgument':
        throw new Failure('USAGE_FLAG', `the flag ${quoted} needs a value`, { hint: this.#usageHint() });
      default:
        throw new Failure('USAGE_FLAG', message.replace(/^error: /, ''), { hint: this.#usageHint() });
    }
  }

  /** `stave build <config> <tag> <output>` */
  usageLine(): string {
    if (this.parent === null) return 'stave <command>';
    return [this.fullName(), ...argumentTerms(this)].join(' ');
  }

  #unknownFlag(flag: string): Failure {
    const flags = visibleFlags(this);
    const near = nearestNames(flag.replace(/=.*/, ''), flags, 1)[0];
    return new Failure('USAGE_FLAG', `${this.fullName()} has no flag ${flag}`, {
      hint: near === undefined ? `${this.fullName()} --help lists its flags` : `did you mean ${near}?`,
    });
  }

  #tooMany(): string {
    const most = this.registeredArguments.length;
    const allowed = most === 0 ? 'no arguments' : most === 1 ? 'one argument' : `${most} arguments`;
    return `${this.fullName()} takes ${allowed}, but ${this.args.length} were given`;
  }

  #usageHint(): string {
    return `usage: ${this.usageLine()}`;
  }

  /** `stave registry serve` */
  fullName(): string {
    const names = [];
    for (let command: Command | null = this; command !== null; command = command.parent) names.unshift(command.name());
    return names.join(' ');
  }
}

/** `<config>`, `[command]` */
export function argumentTerms(command: Command): string[] {
  return command.registeredArguments.map((a) => {
    const name = `${a.name()}${a.variadic ? '...' : ''}`;
    return a.required ? `<${name}>` : `[${name}]`;
  });
}

/** `command` is the root or a family of commands; `name` '' stands for no word at all. */
export function unknownCommand(name: string, command: StaveCommand): Failure {
  const names = visibleCommands(command).map((c) => c.name());
  const near = nearestNames(name, names, 1)[0];
  const sentence = name === '' ? 'needs a command' : `has no command "${name}"`;
  return new Failure('USAGE_ARGUMENTS', `${command.fullName()} ${sentence}`, {
    hint: near === undefined ? `${command.fullName()} --help lists the commands` : `did you mean "${near}"?`,
  });
}

/** Sub-commands that help and completion show, in the order of the tree. */
export function visibleCommands(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

/** The same, with the members of a family (`registry serve`) in its place. */
export function runnableCommands(command: Command): readonly Command[] {
  return visibleCommands(command).flatMap((child) => (child.commands.length === 0 ? [child] : runnableCommands(child)));
}

/** Long flags that help and completion show, those of the parents too, in byte order. */
function visibleFlags(command: Command): string[] {
  const help = command.createHelp();
  const options = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
  return options.flatMap((option) => (option.long ? [option.long] : [])).sort(compareBytes);
}
