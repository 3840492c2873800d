import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { memoryBlobs, type TestBlob, testBlob } from '../../../test/support/registry-client.ts';
import { sha256 } from '../../base/digest.ts';
import { LIMITS } from '../../base/limits.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { describeBytes, MEDIA_TYPE } from '../../formats/oci/descriptor.ts';
import { makeImage } from '../../formats/oci/image.ts';
import { parseImageConfigFile } from '../../formats/oci/image-config.ts';
import { printTarHeader, TAR_END, tarPadding } from '../../formats/tar/write.ts';
import { readInstalledPackages } from './installed-packages.ts';

const DATABASE =
  'C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:app\nV:2.0-r1\nA:x86_64\nL:MIT\n\nC:Q1BAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:lib\nV:1\n\n';
const PACKAGES = [
  { name: 'app', version: '2.0-r1', license: 'MIT' },
  { name: 'lib', version: '1', license: '' },
];

type File = readonly [name: string, content: Uint8Array | string, type?: string];

function layer(files: readonly File[], compress: (bytes: Buffer) => Buffer = gzipSync): TestBlob {
  const header = {
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: '',
    gname: '',
    mtime: 0,
    linkname: '',
    devmajor: 0,
    devminor: 0,
    pax: {},
  };
  const bytes = compress(
    Buffer.concat([
      ...files.flatMap(([name, content, type = '0']) => {
        const data = Buffer.from(content as Uint8Array);
        return [
          printTarHeader({ ...header, name, type, size: data.length }),
          data,
          Buffer.alloc(tarPadding(data.length)),
        ];
      }),
      TAR_END,
    ]),
  );
  return { bytes, descriptor: describeBytes(bytes, MEDIA_TYPE.layerGzip) };
}

function imageOf(...layers: readonly TestBlob[]) {
  const config = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(({ bytes }) => sha256(bytes)) },
  };
  const descriptors = layers.map(({ descriptor }) => descriptor);
  return makeImage(parseImageConfigFile(Buffer.from(JSON.stringify(config)), 'c'), descriptors, {});
}

const LARGE = testBlob(9 * 1024 * 1024, 7).bytes;

describe('readInstalledPackages', () => {
  it.each([
    ['usr/lib/apk/db/installed'],
    ['lib/apk/db/installed'],
    ['./lib/apk/db/installed'],
    ['/lib/apk/db/installed'],
  ])('finds %s', async (name) => {
    const one = layer([
      ['etc/passwd', 'x'],
      [name, DATABASE],
      ['z', 'x'],
    ]);
    const read = readInstalledPackages(imageOf(one), memoryBlobs(one), { verify: false });
    expect(await read).toEqual({ packages: PACKAGES, verified: true });
  });

  it('reads layers that are not compressed', async () => {
    const one = layer([['lib/apk/db/installed', DATABASE]], (bytes) => bytes);
    expect((await readInstalledPackages(imageOf(one), memoryBlobs(one), { verify: false }))?.packages).toEqual(
      PACKAGES,
    );
  });

  it('looks into the top layer alone', async () => {
    const [below, top] = [layer([['lib/apk/db/installed', DATABASE]]), layer([['etc/passwd', 'x']])];
    const blobs = memoryBlobs(below, top);
    expect(await readInstalledPackages(imageOf(below, top), blobs, { verify: false })).toBeUndefined();
    expect(blobs.given.bytes).toBe(top.bytes.length);
    expect(await readInstalledPackages(imageOf(), blobs, { verify: false })).toBeUndefined();
  });

  it('stops early in a large layer, and says that nothing is proven', async () => {
    const large = layer([
      ['lib/apk/db/installed', DATABASE],
      ['usr/large', LARGE],
    ]);
    const blobs = memoryBlobs(large);
    expect(await readInstalledPackages(imageOf(large), blobs, { verify: false })).toEqual({
      packages: PACKAGES,
      verified: false,
    });
    expect(blobs.given.bytes).toBeLessThan(2 * 1024 * 1024);
    expect(await readInstalledPackages(imageOf(large), blobs, { verify: true })).toEqual({
      packages: PACKAGES,
      verified: true,
    });
  });

  it('reads on from the beginning where ranges lead nowhere, and asks for none where they cost everything', async () => {
    const layerBytes = layer([
      ['etc/large', LARGE],
      ['usr/lib/apk/db/installed', DATABASE],
      ['usr/lib/large', testBlob(1024 * 1024, 8).bytes],
    ]);
    const ranges: boolean[] = [];
    const memory = memoryBlobs(layerBytes);
    const source = (cheap: boolean): BlobSource => ({
      readsRanges: async () => cheap,
      open: (descriptor, range) => {
        ranges.push(range !== undefined);
        return memory.open(descriptor, range);
      },
    });
    const read = (cheap: boolean) => readInstalledPackages(imageOf(layerBytes), source(cheap), { verify: false });
    expect(await read(false)).toEqual({ packages: PACKAGES, verified: false });
    expect(ranges).toEqual([false]);
    expect(await read(true)).toEqual({ packages: PACKAGES, verified: false });
    expect(ranges).toContain(true);
    expect(ranges.at(-1)).toBe(false);
  });

  it('takes no list out of a layer that is not what its digest says', async () => {
    const one = layer([['lib/apk/db/installed', DATABASE]]);
    const other = layer([['lib/apk/db/installed', DATABASE.replace('2.0-r1', '9.0-r1')]]);
    const lying = { bytes: other.bytes, descriptor: { ...one.descriptor, sizeBytes: other.bytes.length } };
    const image = imageOf({ ...one, descriptor: lying.descriptor });
    const read = readInstalledPackages(image, memoryBlobs(lying), { verify: false });
    await expect(read).rejects.toThrow(expect.objectContaining({ code: 'CHECKSUM_MISMATCH' }));
  });

  it('takes no link for the database', async () => {
    const one = layer([['lib/apk/db/installed', '', '2']]);
    expect(await readInstalledPackages(imageOf(one), memoryBlobs(one), { verify: false })).toBeUndefined();
  });

  it('refuses a database beyond all bounds', async () => {
    const header = printTarHeader({
      name: 'lib/apk/db/installed',
      type: '0',
      mode: 0,
      uid: 0,
      gid: 0,
      uname: '',
      gname: '',
      mtime: 0,
      linkname: '',
      devmajor: 0,
      devminor: 0,
      pax: {},
      size: LIMITS.editedFileBytes + 1,
    });
    const bytes = gzipSync(Buffer.concat([header, Buffer.alloc(1024)]));
    const one = { bytes, descriptor: describeBytes(bytes, MEDIA_TYPE.layerGzip) };
    const read = readInstalledPackages(imageOf(one), memoryBlobs(one), { verify: false });
    await expect(read).rejects.toThrow(expect.objectContaining({ code: 'ARCHIVE_LIMIT' }));
  });
});
