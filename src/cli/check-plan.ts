// The command that holds an image against the hardening contract.

import { COMMAND_GROUP, type CommandPlan, DIALECT, SOURCES } from './command-plan.ts';
import { addSwitch } from './flags.ts';

export const CHECK_PLAN: CommandPlan = {
  name: 'check',
  args: [['image', 'a configuration, the path of a layout or archive, or a reference']],
  summary: 'check that an image runs, is minimal, locked down and accountable; exit code 7 if not',
  group: COMMAND_GROUP.images,
  flags: [
    'arch',
    'lockfile',
    'hardening',
    'offline',
    'mirror',
    ...SOURCES,
    'package-append',
    'cache-dir',
    'include-paths',
    ...DIALECT,
    'ignore-signatures',
    'limits',
    'registry',
  ],
  examples: [
    'stave check image.yaml',
    'stave check app.tar --hardening distroless',
    'stave check ghcr.io/org/app:1.0.0 --attach',
    'stave check ghcr.io/org/app:1.0.0 --format sarif > findings.sarif',
  ],
  extra: (command) => {
    command.option('--format <FORMAT>', 'text, json, sarif or markdown (default: text)');
    addSwitch(command, 'attach', false, 'attach the result to every image that was checked, in its registry');
  },
  load: async () => (await import('./commands/check.ts')).runCheck,
};
