// runs/: the interpreters that scripts name in their first line, found as the kernel and env(1) find them.

import { listed } from './enumeration.ts';
import type { FileFacts } from './file-facts.ts';
import type { Observation } from './finding.ts';
import type { ImageFiles } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import { searchDirectories, workingDirectoryOf } from './run-settings.ts';
import { baseName, resolvePath } from './tree-paths.ts';

type Script = NonNullable<FileFacts['script']>;

/** The kernel follows scripts as interpreters of scripts so far. */
const MAX_NESTED_SCRIPTS = 4;

/**
 * Executable scripts whose interpreter is missing: one observation for each interpreter, since it is what has to be added.
 * `said` are the paths that another check has spoken of.
 */
export function checkScriptInterpreters(
  subject: ImageSubject,
  files: ImageFiles,
  said: ReadonlySet<string>,
): Observation[] {
  const scripts = new Map<string, string[]>();
  for (const { path, node, facts } of files.known) {
    if (facts.script === undefined || (node.mode & 0o111) === 0 || said.has(path)) continue;
    const missing = missingInterpreter(subject, files, facts.script);
    if (missing !== undefined) scripts.set(missing, [...(scripts.get(missing) ?? []), path]);
  }
  return [...scripts].map(([interpreter, paths]) => ({
    check: 'runs/script-interpreter',
    ...(interpreter.startsWith('/') && { path: interpreter.slice(1) }),
    message: `${listed(paths)} cannot run without ${interpreter}, which is not in the image`,
  }));
}

/** The interpreter that keeps a script from starting: a path, or the name of a program that is not in PATH. */
export function missingInterpreter(subject: ImageSubject, files: ImageFiles, script: Script): string | undefined {
  const directory = workingDirectoryOf(subject.run);
  let current = script;
  for (let depth = 0; depth < MAX_NESTED_SCRIPTS; depth++) {
    const found = resolvePath(subject.tree, current.interpreter, directory);
    if (found?.node.kind !== 'file') return current.interpreter;
    const program = baseName(current.interpreter) === 'env' ? programOfEnv(current.argument) : undefined;
    if (program !== undefined && !program.includes('/') && !isInPath(subject, program)) return program;
    const next = files.factsOf(found.node)?.script;
    if (next === undefined) return undefined;
    current = next;
  }
  // A circle of scripts: the kernel gives up at it.
  return current.interpreter;
}

function isInPath({ tree, run }: ImageSubject, program: string): boolean {
  const directory = workingDirectoryOf(run);
  return searchDirectories(run).some(
    (searched) => resolvePath(tree, `${searched}/${program}`, directory)?.node.kind === 'file',
  );
}

/** `env -S -i NAME=value python3 -u` asks for python3. */
function programOfEnv(argument: string): string | undefined {
  return argument.split(/\s+/).find((word) => word !== '' && !word.startsWith('-') && !word.includes('='));
}
