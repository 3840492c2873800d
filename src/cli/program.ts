// Makes commander's tree from the plans, and runs the command that the arguments name.

import type { Command } from 'commander';
import { COMMAND_GROUP, type CommandPlan } from './command-plan.ts';
import { COMMAND_FAMILIES, COMMAND_PLANS } from './command-plans.ts';
import { addSharedFlags, addSwitch, type Flags, normalizeSwitches, switchNames } from './flags.ts';
import { Session } from './session.ts';
import { paintFor } from './ui/paint.ts';
import { argumentTerms, StaveCommand, unknownCommand } from './usage.ts';
import type { World } from './world.ts';

/** Parses the arguments and runs the command. The number is the exit code. */
export async function runProgram(argv: readonly string[], world: World): Promise<number> {
  let exitCode = 0;
  const act: Act = async (plan, command) => {
    const flags: Flags = command.optsWithGlobals();
    const session = new Session(world, flags);
    try {
      const run = await plan.load();
      exitCode = (await run(session, (command.processedArgs as (string | string[])[]).flat(), flags)) ?? 0;
    } finally {
      session.close();
    }
  };
  const program = createProgram(world, act, argv[0]);
  const words = normalizeSwitches(argv, switchNames(program));
  await program.parseAsync(words.length === 0 ? ['--help'] : words, { from: 'user' });
  return exitCode;
}

type Act = (plan: CommandPlan, command: Command) => Promise<void>;

/** The whole tree; where `first`, the first word of the arguments, is a command, that one alone: the others take 5 ms to make. */
export function createProgram(world: World, act: Act = async () => {}, first?: string): StaveCommand {
  const program = new StaveCommand('stave');
  program.description(
    'Container images from a short YAML file and signed apk packages: reproducible, without root or daemon.',
  );
  program.optionsGroup('Global Options:').commandsGroup(COMMAND_GROUP.tool);
  program.option('-C, --workdir <DIR>', 'work as if started in this directory');
  program.option('--log-level <LEVEL>', 'debug, info, warn or error (default: info)');
  addSwitch(program, 'json', false, 'results, events and failures as JSON');
  addSwitch(program, 'color', true, 'use colors');
  program.helpOption('-h, --help', 'print help');
  program.helpCommand(false);
  configureTexts(program, world);
  program.action(() => {
    // Only reached by words that are no command: commander runs the root's action for them.
    throw unknownCommand(program.args[0] ?? '', program);
  });
  program.allowExcessArguments();
  const named = COMMAND_PLANS.filter(({ name }) => name.split(' ')[0] === first);
  for (const plan of named.length > 0 ? named : COMMAND_PLANS) addCommand(familyOf(program, plan), plan, act);
  addHelpCommand(program);
  program.addHelpText('after', '\nFirst steps: stave quickstart');
  return program;
}

/** Where the plan's command hangs: `registry` for `registry serve`, made when it is first needed; else the root. */
function familyOf(program: StaveCommand, plan: CommandPlan): StaveCommand {
  const [name = '', member] = plan.name.split(' ');
  if (member === undefined) return program;
  const known = program.commands.find((each) => each.name() === name);
  if (known !== undefined) return known as StaveCommand;
  const family = program.createCommand(name);
  family.copyInheritedSettings(program);
  family.helpOption('-h, --help', 'print help').helpCommand(false).helpGroup(plan.group);
  family.summary(COMMAND_FAMILIES[name] ?? '').description(sentence(family.summary()));
  family.allowExcessArguments().action(() => {
    // Only reached by words that are no member, or none at all.
    throw unknownCommand(family.args[0] ?? '', family);
  });
  program.addCommand(family);
  return family;
}

function addCommand(parent: StaveCommand, plan: CommandPlan, act: Act): void {
  const command = parent.createCommand(plan.name.split(' ').at(-1));
  command.copyInheritedSettings(parent);
  command.allowExcessArguments(false).optionsGroup('Options:').helpOption('-h, --help', 'print help');
  command.helpGroup(plan.group).summary(plan.summary);
  command.description(sentence(plan.summary));
  for (const [name, description] of plan.args) {
    command.argument(name.startsWith('[') ? name : `<${name}>`, description);
  }
  addSharedFlags(command, plan.flags);
  plan.extra?.(command);
  command.addHelpText('after', ['\nExamples:', ...plan.examples.map((line) => `  ${line}`)].join('\n'));
  command.action(() => act(plan, command));
  parent.addCommand(command, { hidden: plan.hidden ?? false });
}

function sentence(summary: string): string {
  return `${summary[0]?.toUpperCase()}${summary.slice(1)}.`;
}

/** `help registry serve` as `registry serve --help`. Our own, since commander answers an unknown command with all help. */
function addHelpCommand(program: StaveCommand): void {
  const command = program.command('help [command...]').summary('print help for a command').helpOption(false);
  command.action((names: readonly string[]) => {
    let wanted = program;
    for (const name of names) {
      const next = wanted.commands.find((each) => each.name() === name);
      if (next === undefined) throw unknownCommand(name, wanted);
      wanted = next as StaveCommand;
    }
    wanted.outputHelp();
  });
}

function configureTexts(program: StaveCommand, world: World): void {
  const paint = paintFor(world.stdout, world.env, true);
  program.exitOverride();
  program.showSuggestionAfterError(false);
  program.configureHelp({
    showGlobalOptions: true,
    styleTitle: (title) => paint('strong', title),
    // Every command has options; saying so in each line of the list only widens it.
    subcommandTerm: (command) => [command.name(), ...argumentTerms(command)].join(' '),
  });
  program.configureOutput({
    writeOut: (text) => world.stdout.write(text),
    writeErr: (text) => world.stderr.write(text),
    getOutHelpWidth: () => Math.min(world.stdout.columns || 100, 100),
    getOutHasColors: () => true, // `paint` has already decided.
  });
}
