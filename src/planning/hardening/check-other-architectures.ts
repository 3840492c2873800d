// runs/: programs and libraries that no machine of the image's architecture runs, or that it would run with a loader of their own
// that is not there.

import { ELF_TYPE } from '../../formats/elf/read-elf.ts';
import type { Observation } from './finding.ts';
import { type ImageFiles, isNative, runsOn } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import { resolvePath } from './tree-paths.ts';

/** `said` are the paths that another check has spoken of. */
export function checkOtherArchitectures(
  { arch, tree }: ImageSubject,
  files: ImageFiles,
  said: ReadonlySet<string>,
): Observation[] {
  return files.known.flatMap(({ path, facts: { elf } }): Observation[] => {
    const isCode = elf?.type === ELF_TYPE.executable || elf?.type === ELF_TYPE.shared;
    if (elf === undefined || !isCode || said.has(path)) return [];
    const { interpreter } = elf;
    const hasLoader = interpreter === undefined || resolvePath(tree, interpreter)?.node.kind === 'file';
    if (runsOn(arch, elf) && (isNative(arch, elf) || hasLoader)) return [];
    const message = `${path} is for another architecture than ${arch} (ELF machine ${elf.machine}, ${elf.bits} bits)`;
    return [{ check: 'runs/other-architecture', path, message }];
  });
}
