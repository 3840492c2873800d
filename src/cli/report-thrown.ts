// The last stop of everything thrown: text or JSON on stderr, and the exit code.

import { CommanderError } from 'commander';
import { Failure } from '../base/failure.ts';
import { EXIT } from '../base/failure-codes.ts';
import { printThrown } from './ui/failure-text.ts';
import { paintFor } from './ui/paint.ts';
import type { World } from './world.ts';

export function reportThrown(error: unknown, argv: readonly string[], world: World): number {
  // Help, asked for, arrives here as an exception with exit code 0; everything else became a Failure in usage.ts.
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
  const words = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  // The arguments may be what is wrong, so these three are read without the parser.
  const json = words.includes('--json') || words.includes('--json=true');
  const verbose = /(^|\s)--log-level[= ]debug(\s|$)/i.test(words.join(' '));
  const color = !words.includes('--no-color') && !words.includes('--color=false');
  world.stderr.write(printThrown(error, paintFor(world.stderr, world.env, color), { json, verbose }));
  return error instanceof Failure ? error.exitCode : EXIT.bug;
}
