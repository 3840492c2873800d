// The first code of ours that runs. `stave version` is answered here; every other command by the one script that the rest of the
// command line is bundled into (scripts/build.js), compiled in an earlier run where there was one.

import { normalize } from 'node:path';
import { CachedScript } from './cached-script.ts';
import type { main } from './main.ts';
import { growSlowly, setFlags } from './v8-flags.ts';
import { isVersionRequest, printVersion } from './version-line.ts';

/** Runs one command line of this process and answers with its exit code. `scriptPath`: the bundled command line. */
export async function start(argv: readonly string[], scriptPath: string): Promise<number> {
  // A reader such as `head` may leave early; that is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  setFlags();
  let threads = 0;
  process.on('worker', (thread) => {
    threads++;
    // A thread that starts makes the young generation of the others grow: 6 MiB more with an empty cache.
    thread.once('online', () => {
      setFlags();
      if (threads > 1) growSlowly();
    });
  });
  if (isVersionRequest(argv)) {
    const machine = { hostArch: process.arch, hostPlatform: process.platform };
    process.stdout.write(printVersion(machine, argv.includes('--json')));
    return 0;
  }
  const script = new CachedScript(normalize(scriptPath), commandWord(argv));
  const exitCode = await script.run<{ readonly main: typeof main }>().main(argv);
  if (exitCode === 0) script.keep(setFlags);
  return exitCode;
}

/** Nearly always the command. Another word only means another file beside the code. */
function commandWord(argv: readonly string[]): string {
  return argv.find((word) => /^[a-z][a-z-]{0,30}$/.test(word)) ?? 'none';
}
