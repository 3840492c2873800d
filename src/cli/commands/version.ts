// `stave version`, where start.ts does not answer it: `stave --no-color version`.

import type { CommandRun } from '../session.ts';
import { printVersion } from '../version-line.ts';

export const runVersion: CommandRun = async (session) => {
  session.world.stdout.write(printVersion(session.world, session.json));
  return 0;
};
