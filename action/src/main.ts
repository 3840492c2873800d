// What the runner starts: action.yml names the bundle of this file.

import { processWorld } from '../../src/cli/world.ts';
import { runAction } from './run-action.ts';

process.exitCode = await runAction(processWorld());
