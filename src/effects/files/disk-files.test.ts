import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type DiskFile, openDiskFiles } from './disk-files.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stave-disk-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function files(count: number): DiskFile[] {
  return Array.from({ length: count }, (_, i) => {
    const file = join(scratch, String(i));
    writeFileSync(file, `content ${i}`);
    return { file, name: `name ${i}`, sha256: '' };
  });
}

const read = (disk: ReturnType<typeof openDiskFiles>, index: number, offset: number, length: number) => {
  const into = Buffer.alloc(length);
  disk.readInto(index, offset, into);
  return into.toString();
};

it('reads any of many files, and those that come later', () => {
  const list: DiskFile[] = [];
  const disk = openDiskFiles(list);
  list.push(...files(100));
  for (const i of [0, 99, 5, 0, ...list.keys()]) expect(read(disk, i, 8, String(i).length)).toBe(String(i));
  disk.close();
});

it('notices files that have become shorter or went away', () => {
  const list = files(3);
  const disk = openDiskFiles(list);
  truncateSync(list[0]!.file, 2);
  rmSync(list[1]!.file);
  expect(() => read(disk, 0, 0, 5)).toThrow('"name 0" was changed while the image was built from it');
  expect(() => read(disk, 1, 0, 5)).toThrow('"name 1" was changed');
  expect(read(disk, 2, 0, 9)).toBe('content 2');
  disk.close();
});
