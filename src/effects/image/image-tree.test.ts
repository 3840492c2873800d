import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storedZstd } from '../../../test/support/stored-zstd.ts';
import { type TinyFile, tinyTar } from '../../../test/support/tiny-apk.ts';
import { sha256 } from '../../base/digest.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { type Descriptor, describeBytes, MEDIA_TYPE } from '../../formats/oci/descriptor.ts';
import { type Image, makeImage } from '../../formats/oci/image.ts';
import { parseImageConfigFile } from '../../formats/oci/image-config.ts';
import { recognizeArchive, withUnpackedArchive } from './archive-file.ts';
import { openImageTree } from './image-tree.ts';
import { overlayTrees } from './overlay-trees.ts';

let scratch = '';
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'stave-tree-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface TestLayer {
  readonly tar: Buffer;
  readonly stored: Buffer;
  readonly mediaType: string;
}

const layer = (
  files: readonly TinyFile[],
  pack: (tar: Buffer) => Buffer = gzipSync,
  mediaType: string = MEDIA_TYPE.layerGzip,
): TestLayer => {
  const tar = tinyTar(files);
  return { tar, stored: pack(tar), mediaType };
};

function imageOf(layers: readonly TestLayer[]): { readonly image: Image; readonly blobs: BlobSource } {
  const descriptors = layers.map(({ stored, mediaType }) => describeBytes(stored, mediaType));
  const config = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => sha256(tar)) },
  };
  const byDigest = new Map(descriptors.map((descriptor, i) => [descriptor.digest, layers[i]!.stored]));
  const blobs: BlobSource = {
    async *open({ digest }: Descriptor) {
      const bytes = byDigest.get(digest)!;
      // Pieces as small as a network may deliver them.
      for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
    },
  };
  const image = makeImage(parseImageConfigFile(Buffer.from(JSON.stringify(config))), descriptors, {});
  // makeImage speaks OCI's types; images of strangers come with others.
  const manifest = { ...image.manifest, layers: descriptors };
  return { image: { ...image, manifest }, blobs };
}

async function openTree(layers: readonly TestLayer[]) {
  const { image, blobs } = imageOf(layers);
  return await openImageTree(image, blobs, scratch);
}

const plain = (tar: Buffer) => tar;
const spilled = () => readdirSync(scratch).filter((name) => name.startsWith('stave-image-'));

describe('an image becomes a tree', () => {
  it('of several layers, each compressed in its way', async () => {
    const { tree, close } = await openTree([
      layer([
        { name: 'a', content: 'one' },
        { name: 'b', content: 'two' },
      ]),
      layer([{ name: '.wh.a' }, { name: 'c', content: 'three' }], plain, MEDIA_TYPE.dockerLayerTar),
      layer([{ name: 'b', content: 'x'.repeat(100_000) }], gzipSync, MEDIA_TYPE.dockerLayerGzip),
    ]);
    expect(tree.walk().map(({ path }) => path)).toEqual(['b', 'c']);
    expect(tree.readText('c')).toBe('three');
    expect(tree.readText('b')).toBe('x'.repeat(100_000));
    expect(spilled()).toHaveLength(1);
    close();
    expect(spilled()).toEqual([]);
  });

  it('whatever the media type says about compression', async () => {
    const { tree, close } = await openTree([
      layer([{ name: 'a', content: 'one' }], plain, MEDIA_TYPE.layerGzip),
      layer([{ name: 'b', content: 'two' }], gzipSync, MEDIA_TYPE.layerTar),
    ]);
    expect([tree.readText('a'), tree.readText('b')]).toEqual(['one', 'two']);
    close();
  });

  it('without layers', async () => {
    const { tree, close } = await openTree([]);
    expect(tree.walk()).toEqual([]);
    close();
  });
});

describe('an image that is not what it promised', () => {
  const good = layer([{ name: 'a', content: 'one' }]);
  const other = tinyTar([{ name: 'b' }]);
  it.each<readonly [what: string, layers: readonly TestLayer[], code: string, message: RegExp]>([
    ['unpacks to another layer', [{ ...good, tar: other }], 'CHECKSUM_MISMATCH', /unpacks to sha256/],
    [
      'is damaged',
      [{ ...good, stored: Buffer.concat([good.stored.subarray(0, 20), Buffer.alloc(40, 1)]) }],
      'ARCHIVE_INVALID',
      /cannot be decompressed/,
    ],
    ['is cut', [{ ...good, stored: good.stored.subarray(0, -12) }], 'ARCHIVE_INVALID', /cannot be decompressed/],
    [
      'breaks off',
      [{ tar: good.tar.subarray(0, 513), stored: good.tar.subarray(0, 513), mediaType: MEDIA_TYPE.layerTar }],
      'ARCHIVE_INVALID',
      /breaks off/,
    ],
    [
      'is no tar',
      [{ tar: Buffer.alloc(600, 'x'), stored: Buffer.alloc(600, 'x'), mediaType: MEDIA_TYPE.layerTar }],
      'ARCHIVE_INVALID',
      /damaged/,
    ],
    ['is an EROFS image', [{ ...good, mediaType: MEDIA_TYPE.layerErofs }], 'FEATURE_UNSUPPORTED', /EROFS/],
    ['has endless layers', Array.from({ length: 1001 }, () => good), 'ARCHIVE_LIMIT', /1001 layers/],
  ])('%s', async (_what, layers, code, message) => {
    await expect(openTree(layers)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(spilled()).toEqual([]);
  });

  it('has a blob with another digest', async () => {
    const { image } = imageOf([good]);
    const blobs: BlobSource = {
      async *open() {
        yield gzipSync(other);
      },
    };
    await expect(openImageTree(image, blobs, scratch)).rejects.toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    expect(spilled()).toEqual([]);
  });

  it('cannot be spilled anywhere', async () => {
    const { image, blobs } = imageOf([good]);
    await expect(openImageTree(image, blobs, join(scratch, 'missing'))).rejects.toMatchObject({
      code: 'FILE_UNWRITABLE',
    });
  });
});

describe('zstd', () => {
  const compress = (zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer }).zstdCompressSync;

  it.each([
    ['stored', storedZstd],
    ['compressed', compress ?? storedZstd],
  ])('is read on every Node, %s', async (_how, pack) => {
    const { tree, close } = await openTree([layer([{ name: 'a', content: 'one' }], pack, MEDIA_TYPE.layerZstd)]);
    expect(tree.readText('a')).toBe('one');
    close();
  });
});

describe('an archive', () => {
  it.each([
    ['archive', tinyTar([{ name: 'manifest.json', content: '[]' }])],
    ['compressed-archive', gzipSync(tinyTar([{ name: 'manifest.json' }]))],
    ['compressed-archive', Buffer.from('28b52ffd24', 'hex')],
    [undefined, Buffer.from('contents:\n  packages: [a]\n')],
    [undefined, Buffer.from('a: b')],
    [undefined, Buffer.alloc(0)],
  ])('is known by its first bytes: %s', async (kind, bytes) => {
    const path = join(scratch, 'some-file');
    writeFileSync(path, bytes);
    expect(await recognizeArchive(path)).toBe(kind);
  });

  it('is unpacked for as long as it is read', async () => {
    const path = join(scratch, 'some.tar.gz');
    writeFileSync(path, gzipSync('whole'));
    const kind = await withUnpackedArchive(path, scratch, async (unpacked) => recognizeArchive(unpacked));
    expect(kind).toBeUndefined();
    await expect(withUnpackedArchive(path, scratch, async () => Promise.reject(new Error('inside')))).rejects.toThrow(
      'inside',
    );
    expect(spilled()).toEqual([]);
  });

  it('that is not there cannot be read', async () => {
    await expect(recognizeArchive(join(scratch, 'none'))).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});

describe('a tree on top of an image', () => {
  it('hides what it replaces and shows the rest', async () => {
    const lower = await openTree([
      layer([
        { name: 'lib', type: '2', linkname: 'usr/lib' },
        { name: 'usr/lib/x', content: 'low' },
        { name: 'etc/a', content: 'low a' },
        { name: 'etc/b', type: '1', linkname: 'etc/a' },
      ]),
    ]);
    const upper = await openTree([
      layer([
        { name: 'lib/', type: '5', mode: 0o700 },
        { name: 'etc/a', content: 'high a' },
      ]),
    ]);
    const both = overlayTrees(lower, upper);
    expect(both.walk().map(({ path, node }) => `${path} ${node.kind}`)).toEqual([
      'etc directory',
      'etc/a file',
      'etc/b file',
      'lib directory',
      'usr directory',
      'usr/lib directory',
      'usr/lib/x file',
    ]);
    expect([both.readText('etc/a'), both.readText('etc/b'), both.readText('usr/lib/x')]).toEqual([
      'high a',
      'low a',
      'low',
    ]);
    expect(both.lookup('lib')?.mode).toBe(0o700);
    lower.close();
    upper.close();
  });
});
