// runs/: programs and libraries that no machine of the image's architecture runs, or that it would run with a loader of their own
// that is not there.

import { ELF_TYPE } from '../../formats/elf/read-elf.ts';
import type { Observation } from './finding.ts';
import { type ImageFiles, isNative, machinesOf, runsOn } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import { resolvePath } from './tree-paths.ts';

/** `said` are the paths that another check has spoken of. */
export function checkOtherArchitectures(
  { arch, tree }: ImageSubject,
  files: ImageFiles,
  said: ReadonlySet<string>,
): Observation[] {
  const machines = machinesOf(arch);
  const observations: Observation[] = [];
  for (const { path, facts } of files.known) {
    const { elf } = facts;
    if (elf === undefined || isNative(machines, elf)) continue;
    const isCode = elf.type === ELF_TYPE.executable || elf.type === ELF_TYPE.shared;
    if (!isCode || said.has(path)) continue;
    const { interpreter } = elf;
    const hasLoader = interpreter === undefined || resolvePath(tree, interpreter)?.node.kind === 'file';
    if (hasLoader && runsOn(machines, elf)) continue;
    const message = `${path} is for another architecture than ${arch} (ELF machine ${elf.machine}, ${elf.bits} bits)`;
    observations.push({ check: 'runs/other-architecture', path, message });
  }
  return observations;
}
