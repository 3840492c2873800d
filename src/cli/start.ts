// The first code of ours that runs. `stave version` is answered here; every other command by the one script that the rest of the
// command line is bundled into (scripts/build.js), compiled in an earlier run where there was one.

import { normalize } from 'node:path';
import { CachedScript } from './cached-script.ts';
import type { main } from './main.ts';
import { asUsual, setFlags, unsetFlags, watchThread } from './v8-flags.ts';
import { isVersionRequest, printVersion } from './version-line.ts';

/** Runs one command line of this process and answers with its exit code. `scriptPath`: the bundled command line. */
export async function start(argv: readonly string[], scriptPath: string): Promise<number> {
  // A reader such as `head` may leave early; that is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  if (isVersionRequest(argv)) {
    const machine = { hostArch: process.arch, hostPlatform: process.platform };
    process.stdout.write(printVersion(machine, argv.includes('--json')));
    return 0;
  }
  const script = new CachedScript(normalize(scriptPath), commandWord(argv));
  const program = script.run<{ readonly main: typeof main }>(asUsual);
  process.on('worker', watchThread);
  setFlags();
  const exitCode = await program.main(argv);
  unsetFlags();
  if (exitCode === 0) script.keep();
  return exitCode;
}

/** Nearly always the command. Another word only means another file beside the code. */
function commandWord(argv: readonly string[]): string {
  return argv.find((word) => /^[a-z][a-z-]{0,30}$/.test(word)) ?? 'none';
}
