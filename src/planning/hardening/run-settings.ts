// What an image says about its start, as a container runtime reads it: environment, the words to run, who runs them.

import type { RunConfig } from '../../formats/oci/image-config.ts';

/** A runtime's PATH where the image has none. */
const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A later value of a name wins. */
export function environmentOf(run: RunConfig): ReadonlyMap<string, string> {
  const entries = run.env.map((entry): [string, string] => {
    const at = entry.indexOf('=');
    return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
  });
  return new Map(entries);
}

/** Directories of PATH; an empty element is the current directory. */
export function searchDirectories(run: RunConfig): string[] {
  return (environmentOf(run).get('PATH') ?? USUAL_PATH).split(':').map((directory) => directory || '.');
}

/** Entrypoint and arguments in one; [] where the image does not say. */
export function commandOf(run: RunConfig): readonly string[] {
  return run.entrypoint.length > 0 ? [...run.entrypoint, ...run.cmd] : run.cmd;
}

export function workingDirectoryOf(run: RunConfig): string {
  return run.workingDir.replace(/^\/+/, '');
}
