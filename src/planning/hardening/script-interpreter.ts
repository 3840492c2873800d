// runs/: the interpreters that scripts name in their first line, found as the kernel and env(1) find them.

import type { FileFacts } from './file-facts.ts';
import type { Observation } from './finding.ts';
import type { ImageFiles } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import { searchDirectories, workingDirectoryOf } from './run-settings.ts';
import { baseName, resolvePath } from './tree-paths.ts';

type Script = NonNullable<FileFacts['script']>;

/** The kernel follows scripts as interpreters of scripts so far. */
const MAX_NESTED_SCRIPTS = 4;

/** Executable scripts whose interpreter is missing, one observation for each missing interpreter. */
export function checkScriptInterpreters(subject: ImageSubject, files: ImageFiles): Observation[] {
  return files.known.flatMap(({ path, node, facts: { script } }): Observation[] => {
    if (script === undefined || (node.mode & 0o111) === 0) return [];
    const problem = interpreterProblem(subject, files, script);
    return problem === undefined ? [] : [{ check: 'runs/script-interpreter', path, message: `${path} ${problem}` }];
  });
}

/** What is wrong, to be read after the script's name; undefined where it can be started. */
export function interpreterProblem(subject: ImageSubject, files: ImageFiles, script: Script): string | undefined {
  let current = script;
  for (let depth = 0; depth < MAX_NESTED_SCRIPTS; depth++) {
    const directory = workingDirectoryOf(subject.run);
    const found = resolvePath(subject.tree, current.interpreter, directory);
    if (found?.node.kind !== 'file') return `needs the interpreter ${current.interpreter}, which is not in the image`;
    const program = baseName(current.interpreter) === 'env' ? programOfEnv(current.argument) : undefined;
    if (program !== undefined && !program.includes('/')) {
      const inPath = searchDirectories(subject.run).some(
        (searched) => resolvePath(subject.tree, `${searched}/${program}`, directory)?.node.kind === 'file',
      );
      if (!inPath) return `needs the interpreter ${program}, which is not in PATH`;
    }
    const next = files.factsOf(found.node)?.script;
    if (next === undefined) return undefined;
    current = next;
  }
  return `needs interpreters that are scripts themselves, more than ${MAX_NESTED_SCRIPTS} of them`;
}

/** `env -S -i NAME=value python3 -u` asks for python3. */
function programOfEnv(argument: string): string | undefined {
  return argument.split(/\s+/).find((word) => word !== '' && !word.startsWith('-') && !word.includes('='));
}
