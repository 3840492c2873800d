// runs/: the program that a container of the image starts, found and judged as a runtime and the kernel do.

import { ELF_TYPE } from '../../formats/elf/read-elf.ts';
import type { FileFacts } from './file-facts.ts';
import type { Observation } from './finding.ts';
import { identityOf, readAccounts, runAs } from './image-accounts.ts';
import { type ImageFiles, machinesOf, runsOn } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import { commandOf, searchDirectories, workingDirectoryOf } from './run-settings.ts';
import { missingInterpreter } from './script-interpreter.ts';
import { type Found, type Identity, mayExecute, resolvePath } from './tree-paths.ts';

export function checkEntrypoint(subject: ImageSubject, files: ImageFiles): Observation[] {
  const [program] = commandOf(subject.run);
  if (program === undefined) {
    return [{ check: 'runs/no-command', message: 'the image has neither an entrypoint nor a command' }];
  }
  const accounts = readAccounts(subject.tree);
  const identity = identityOf(accounts, runAs(accounts, subject.run.user));
  const found = findProgram(subject, program, identity);
  if (found === undefined) return [{ check: 'runs/entrypoint-missing', message: missingText(subject, program) }];
  const { node, path } = found;
  const broken = (check: Observation['check'], what: string) => [
    { check, path, message: `the entrypoint ${program} ${what}` },
  ];
  if (node.kind !== 'file') return broken('runs/entrypoint-not-executable', `is no file`);
  const facts = files.factsOf(node);
  if (identity !== undefined && !mayExecute(found, identity)) {
    return broken(
      'runs/entrypoint-not-executable',
      `may not be executed by uid ${identity.uid} (mode ${octal(node.mode)})`,
    );
  }
  return formatProblem(subject, files, facts, broken);
}

function formatProblem(
  subject: ImageSubject,
  files: ImageFiles,
  facts: FileFacts | undefined,
  broken: (check: Observation['check'], what: string) => Observation[],
): Observation[] {
  if (facts?.elf !== undefined) {
    const { type } = facts.elf;
    if (!runsOn(machinesOf(subject.arch), facts.elf)) {
      return broken('runs/entrypoint-architecture', `is for another architecture than ${subject.arch}`);
    }
    const isStartable = type === ELF_TYPE.executable || type === ELF_TYPE.shared;
    return isStartable ? [] : broken('runs/entrypoint-not-executable', 'is an object file, not a program');
  }
  if (facts?.script === undefined) {
    return broken('runs/entrypoint-not-executable', 'is neither a program nor a script that names its interpreter');
  }
  const missing = missingInterpreter(subject, files, facts.script);
  if (missing === undefined) return [];
  return broken('runs/entrypoint-interpreter', `needs the interpreter ${missing}, which is not in the image`);
}

/** A runtime takes the first executable in PATH; where there is none, whatever has the name. */
function findProgram(subject: ImageSubject, program: string, identity: Identity | undefined): Found | undefined {
  const { tree, run } = subject;
  const directory = workingDirectoryOf(run);
  if (program.includes('/')) return resolvePath(tree, program, directory);
  const candidates = searchDirectories(run).flatMap(
    (searched) => resolvePath(tree, `${searched}/${program}`, directory) ?? [],
  );
  const runnable = candidates.find(
    (c) => c.node.kind === 'file' && (identity === undefined || mayExecute(c, identity)),
  );
  return runnable ?? candidates[0];
}

function missingText({ run }: ImageSubject, program: string): string {
  const where = program.includes('/') ? 'in the image' : `in PATH (${searchDirectories(run).join(':')})`;
  return `the entrypoint ${program} is not ${where}`;
}

function octal(mode: number): string {
  return `0o${mode.toString(8)}`;
}
