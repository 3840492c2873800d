// Headers and bytes of a layer (layer-and-oci.md 9), and that damaged content never becomes part of one.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TAR_TYPE } from '../../formats/tar/entry.ts';
import { readTar } from '../../formats/tar/read.ts';
import type { Content, PackagedRead } from './content.ts';
import type { LayerEntry } from './layer-entries.ts';
import { layerBytes, layerContent, layerHeader, nodeHeader, type OwnerNames } from './layer-tar.ts';
import { makeDevice, makeFile, makeSymlink, type TreeNode } from './tree-node.ts';

const NAMES: OwnerNames = { users: new Map([[7, 'seven']]), groups: new Map([[8, 'eight']]) };
const NOTHING: PackagedRead = () => {
  throw new Error('nothing is packaged here');
};

const inline = (text: string | Uint8Array): Content => ({ kind: 'inline', bytes: Buffer.from(text as string) });
const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest('hex');
const bytesOf = (entries: Iterable<LayerEntry>, read: PackagedRead = NOTHING) =>
  Buffer.concat([...layerBytes(entries, NAMES, read)]);

const directory: TreeNode = { ...makeFile(inline('')), kind: 'directory', children: new Map() } as unknown as TreeNode;

describe('nodeHeader', () => {
  const rows: readonly (readonly [what: string, node: TreeNode, header: object])[] = [
    ['a directory', { ...directory, mode: 0o1777 }, { type: TAR_TYPE.directory, mode: 0o1777, size: 0, name: 'a/b' }],
    [
      'a file',
      makeFile(inline('hello'), { mode: 0o4755 }),
      { type: TAR_TYPE.file, mode: 0o4755, size: 5, linkname: '' },
    ],
    ['an empty file', makeFile(inline('')), { type: TAR_TYPE.file, size: 0 }],
    ['a link', makeSymlink('../x', {}), { type: TAR_TYPE.symlink, mode: 0o777, linkname: '../x', size: 0 }],
    ['a device', makeDevice('4', 8, 1, { mode: 0o660 }), { type: '4', mode: 0o660, devmajor: 8, devminor: 1 }],
    ['a pipe', makeDevice('6', 0, 0, {}), { type: '6', size: 0 }],
    ['owners with names', makeFile(inline(''), { uid: 7, gid: 8 }), { uid: 7, gid: 8, uname: 'seven', gname: 'eight' }],
    ['owners without', makeFile(inline(''), { uid: 8, gid: 7 }), { uid: 8, gid: 7, uname: '', gname: '' }],
    ['a time', makeFile(inline(''), { mtime: 12 }), { mtime: 12 }],
    [
      'extended attributes of a file',
      makeFile(inline(''), { xattrs: new Map([['user.x', 'y']]) }),
      { pax: { 'SCHILY.xattr.user.x': 'y' } },
    ],
    [
      'extended attributes of a link, which tar readers would refuse',
      makeSymlink('x', { xattrs: new Map([['user.x', 'y']]) }),
      { pax: {} },
    ],
  ];
  it.each(rows)('%s', (_what, node, header) => {
    expect(nodeHeader({ path: 'a/b', node }, NAMES)).toMatchObject(header);
  });

  it("takes the entry's time and content before the node's", () => {
    const entry = { path: 'a', node: makeFile(inline('long'), { mtime: 1 }), mtime: 2, content: inline('x') };
    expect(nodeHeader(entry, NAMES)).toMatchObject({ mtime: 2, size: 1 });
  });
});

describe('layerHeader', () => {
  const file = makeFile(inline('hello'), { aliases: new Map([['b', 'a']]), xattrs: new Map([['user.x', 'y']]) });

  it('is a hard link under the names that a package linked, the file elsewhere', () => {
    expect(layerHeader({ path: 'b', node: file }, NAMES)).toMatchObject({ type: '1', linkname: 'a', size: 0, pax: {} });
    expect(layerHeader({ path: 'a', node: file }, NAMES)).toMatchObject({ type: '0', linkname: '', size: 5 });
  });

  it('is the file under both names for those who ask for the node', () => {
    expect(nodeHeader({ path: 'b', node: file }, NAMES)).toMatchObject({ type: '0', size: 5 });
  });
});

describe('layerBytes', () => {
  it('is an archive with all entries and contents, whatever their sizes', () => {
    const sizes = fc.oneof(fc.integer({ min: 0, max: 1500 }), fc.constantFrom(511, 512, 513, 1 << 18, (1 << 20) + 3));
    fc.assert(
      fc.property(fc.array(sizes, { maxLength: 6 }), (lengths) => {
        const contents = lengths.map((length, i) => Buffer.alloc(length, i + 1));
        const entries = contents.map((bytes, i) => ({ path: `f${i}`, node: makeFile(inline(bytes)) }));
        const tar = bytesOf(entries);
        const read = readTar(tar);
        expect(read.map((entry) => entry.name)).toEqual(entries.map((entry) => entry.path));
        read.forEach((entry, i) => {
          expect(tar.subarray(entry.offset, entry.offset + entry.size).equals(contents[i]!)).toBe(true);
        });
      }),
      { numRuns: 40 },
    );
  });

  it('of nothing is the end of an archive', () => {
    expect(bytesOf([]).equals(Buffer.alloc(1024))).toBe(true);
  });

  it('does not depend on how the content is stored', () => {
    const data = Buffer.from('....hello');
    const packaged: Content = { kind: 'packaged', packageIndex: 0, offset: 4, size: 5 };
    const read: PackagedRead = (_index, offset, length) => data.subarray(offset, offset + length);
    const fromPackage = bytesOf([{ path: 'f', node: makeFile(packaged, { checksum: sha1(data.subarray(4)) }) }], read);
    expect(fromPackage.equals(bytesOf([{ path: 'f', node: makeFile(inline('hello')) }]))).toBe(true);
  });

  it('hands out few chunks for many small files', () => {
    const entries = Array.from({ length: 1000 }, (_, i) => ({ path: `f${i}`, node: makeFile(inline('x')) }));
    expect([...layerBytes(entries, NAMES, NOTHING)].length).toBeLessThan(6);
  });
});

describe('layerContent', () => {
  const data = Buffer.alloc(2_500_000, 'abc');
  const packaged: Content = { kind: 'packaged', packageIndex: 3, offset: 0, size: data.length };
  const read: PackagedRead = (_index, offset, length) => data.subarray(offset, offset + length);
  const contentOf = (checksum: string | undefined) =>
    Buffer.concat([...layerContent({ path: 'usr/f', node: makeFile(packaged, { checksum }) }, read)]);

  it('reads a large file piece by piece', () => {
    const lengths: number[] = [];
    const counted: PackagedRead = (index, offset, length) => {
      lengths.push(length);
      return read(index, offset, length);
    };
    const entry = { path: 'f', node: makeFile(packaged, { checksum: sha1(data) }) };
    expect(Buffer.concat([...layerContent(entry, counted)]).equals(data)).toBe(true);
    expect(lengths).toEqual([1 << 20, 1 << 20, data.length - (2 << 20)]);
  });

  it('refuses a packaged file that is not what its package promised, and says which', () => {
    const failure = { code: 'CHECKSUM_MISMATCH', data: { packageIndex: 3, path: 'usr/f' } };
    expect(() => contentOf(sha1(Buffer.from('other')))).toThrow(expect.objectContaining(failure));
    expect(contentOf(sha1(data)).length).toBe(data.length);
  });

  it('lets a packaged file without a promise through', () => {
    expect(contentOf(undefined).length).toBe(data.length);
  });

  it('does not ask for a promise of what the builder wrote over a packaged file', () => {
    const entry = { path: 'f', node: makeFile(inline('edited'), { checksum: sha1(data) }) };
    expect(Buffer.concat([...layerContent(entry, NOTHING)]).toString()).toBe('edited');
  });
});
