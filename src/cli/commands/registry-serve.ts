// `stave registry serve DIR [--listen HOST:PORT] [--read-only]`: prints the URL when it listens, and runs until it is
// interrupted.

import { textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';

export const runRegistryServe: CommandRun = async (session, [directory = ''], flags) => {
  const { serveRegistry } = await session.operations();
  const listen = textFlag(flags, 'listen') ?? '127.0.0.1:5000';
  const readOnly = flags['readOnly'] === true;
  // Somebody who interrupts while the registry is just starting is heard too.
  const interrupted = session.world.untilInterrupted();
  const serving = await serveRegistry({ directory, listen, readOnly }, session.host);
  const { url } = serving;
  session.result({ url, directory: serving.directory, readOnly }, `${url}\n`);
  await interrupted;
  await serving.close();
  return 0;
};
