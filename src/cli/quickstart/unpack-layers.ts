// Layers -> a directory that a program can be run in. Owners are not kept (that would need root) and devices are left
// out. Entries can only land inside the directory: names with `..` are refused, and no link is followed on the way.

import { chmodSync, linkSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { TAR_TYPE, type TarEntry } from '../../formats/tar/entry.ts';
import { readTar } from '../../formats/tar/read.ts';

export function unpackLayers(layers: readonly Uint8Array[], directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const layer of layers) for (const entry of readTar(layer)) unpackEntry(layer, entry, directory);
  chmodSync(directory, 0o755);
}

function unpackEntry(layer: Uint8Array, entry: TarEntry, directory: string): void {
  const path = insidePath(entry.name, directory);
  if (path === directory) return;
  mkdirSync(dirname(path), { recursive: true });
  switch (entry.type) {
    case TAR_TYPE.directory:
      mkdirSync(path, { recursive: true });
      chmodSync(path, entry.mode);
      return;
    case TAR_TYPE.file:
      rmSync(path, { force: true });
      writeFileSync(path, layer.subarray(entry.offset, entry.offset + entry.size));
      chmodSync(path, entry.mode);
      return;
    case TAR_TYPE.symlink:
      rmSync(path, { force: true });
      symlinkSync(entry.linkname, path);
      return;
    case TAR_TYPE.hardLink:
      rmSync(path, { force: true });
      linkSync(insidePath(entry.linkname, directory), path);
      return;
  }
}

function insidePath(name: string, directory: string): string {
  const parts = posix
    .normalize(name)
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new Failure('ARCHIVE_INVALID', `the entry "${name}" leads out of the image`);
  for (let depth = 1; depth < parts.length; depth++) {
    const parent = join(directory, ...parts.slice(0, depth));
    if (lstatSync(parent, { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw new Failure(
        'ARCHIVE_INVALID',
        `the entry "${name}" goes through the link ${parts.slice(0, depth).join('/')}`,
      );
    }
  }
  return join(directory, ...parts);
}
