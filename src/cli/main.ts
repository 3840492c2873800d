// The command line: arguments in, exit code out. Its entry in a process of its own is start.ts.

import { processWorld, type World } from './world.ts';

/**
 * Runs one command line (without the interpreter and script words) and answers with its exit code: 0, that of the
 * Failure, or 1 for a mistake of ours. Never throws.
 */
export async function main(argv: readonly string[], world: World = processWorld()): Promise<number> {
  try {
    const { runProgram } = await import('./program.ts');
    return await runProgram(argv, world);
  } catch (error) {
    const { reportThrown } = await import('./report-thrown.ts');
    return reportThrown(error, argv, world);
  }
}
