// `stave completion bash|zsh|fish`: the script on stdout.

import { Failure } from '../../base/failure.ts';
import { createProgram } from '../program.ts';
import type { CommandRun } from '../session.ts';
import { printCompletion, SHELLS } from '../ui/completion-script.ts';

export const runCompletion: CommandRun = async (session, [name = '']) => {
  const shell = SHELLS.find((known) => known === name);
  if (shell === undefined) {
    throw new Failure('USAGE_ARGUMENTS', `there is no completion for the shell "${name}"`, {
      hint: `known shells: ${SHELLS.join(', ')}`,
    });
  }
  session.world.stdout.write(printCompletion(createProgram(session.world), shell));
  return 0;
};
