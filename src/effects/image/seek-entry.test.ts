import { constants, deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bytesOf, memoryBlobs, type TestBlob, testBlob } from '../../../test/support/registry-client.ts';
import { describeBytes, MEDIA_TYPE } from '../../formats/oci/descriptor.ts';
import { readTar } from '../../formats/tar/read.ts';
import { printTarHeader, TAR_END, tarPadding } from '../../formats/tar/write.ts';
import { comparePaths, seekEntry } from './seek-entry.ts';

const PATH = 'usr/lib/apk/db/installed';

type File = readonly [path: string, content: Uint8Array | string];

function entryBytes([name, text]: File): Buffer {
  const content = Buffer.from(text as Uint8Array);
  const fixed = { type: '0', mode: 0o644, uid: 0, gid: 0, uname: '', gname: '', mtime: 0, linkname: '' };
  const header = printTarHeader({ ...fixed, name, size: content.length, devmajor: 0, devminor: 0, pax: {} });
  return Buffer.concat([header, content, Buffer.alloc(tarPadding(content.length))]);
}

const GZIP_HEAD = Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
/** The end of a stream, and a trailer that nobody looks at who comes in the middle. */
const GZIP_END = Buffer.concat([Buffer.of(3, 0), Buffer.alloc(8)]);

/** As our writer lays out layers: pieces of at most 1 MiB, each a stream of its own up to its sync mark. */
function pieced(files: readonly File[]): TestBlob {
  const pieces: Buffer[] = [];
  for (const bytes of [...files.map(entryBytes), Buffer.from(TAR_END)]) {
    for (let at = 0; at < bytes.length; at += 1024 * 1024) {
      pieces.push(deflateRawSync(bytes.subarray(at, at + 1024 * 1024), { finishFlush: constants.Z_SYNC_FLUSH }));
    }
  }
  return asLayer(Buffer.concat([GZIP_HEAD, ...pieces, GZIP_END]));
}

function asLayer(bytes: Buffer): TestBlob {
  return { bytes, descriptor: describeBytes(bytes, MEDIA_TYPE.layerGzip) };
}

const numbered = (prefix: string, count: number, sizeBytes: number, seed: number): File[] =>
  Array.from({ length: count }, (_, i) => [
    `${prefix}${String(i).padStart(4, '0')}`,
    testBlob(sizeBytes, seed + i).bytes,
  ]);

const DATABASE: File = [PATH, 'P:app\n'];
const BEFORE = numbered('usr/bin/program-', 60, 100_000, 1);
const BETWEEN = numbered('usr/lib/a-', 300, 10_000, 100);
const AFTER = numbered('usr/lib/b-', 80, 100_000, 500);

/** What lies there where the search leads, up to the database; undefined where it leads nowhere. */
async function sought(layer: TestBlob): Promise<{ found: string | undefined; readBytes: number } | undefined> {
  const blobs = memoryBlobs(layer);
  const tar = await seekEntry(blobs, layer.descriptor, PATH);
  const readBytes = blobs.given.bytes;
  if (tar === undefined) return undefined;
  const bytes = await bytesOf(tar);
  const entry = readTar(bytes).find(({ name }) => name === PATH);
  return { found: entry && bytes.toString('utf8', entry.offset, entry.offset + entry.size), readBytes };
}

describe('seekEntry', () => {
  it.each<[string, readonly File[]]>([
    ['in the middle', [...BEFORE, ...BETWEEN, DATABASE, ...AFTER]],
    ['near the end', [...BEFORE, ...numbered('usr/bin/z', 80, 100_000, 900), ...BETWEEN, DATABASE]],
    ['behind a large file', [...BEFORE, ['usr/lib/a', testBlob(5_000_000, 7).bytes], DATABASE, ...AFTER]],
    ['before a large file', [...BEFORE, DATABASE, ['usr/lib/b', testBlob(9_000_000, 7).bytes]]],
    ['among files that hardly compress', [...numbered('usr/bin/p', 8, 1_500_000, 1), ...BETWEEN, DATABASE, ...AFTER]],
  ])('leads to an entry %s', async (_name, files) => {
    const layer = pieced(files);
    const answer = await sought(layer);
    expect(answer?.found).toBe(DATABASE[1]);
    expect(answer?.readBytes).toBeLessThan(layer.bytes.length / 2);
  });

  it.each<[string, TestBlob]>([
    [
      'one stream from beginning to end',
      asLayer(gzipSync(Buffer.concat([...BEFORE, DATABASE].map(entryBytes)), { level: 1 })),
    ],
    ['no compression', asLayer(Buffer.concat([...BEFORE, DATABASE, ...AFTER].map(entryBytes)))],
    ['other bytes', testBlob(9_000_000, 3)],
    ['marks that lead nowhere', asLayer(Buffer.alloc(9_000_000, Buffer.of(0, 0, 255, 255)))],
    ['another order', pieced([...AFTER, ...BETWEEN, DATABASE, ...BEFORE])],
  ])('leads nowhere in %s, after a bounded number of looks', async (_name, layer) => {
    const blobs = memoryBlobs(layer);
    expect(await seekEntry(blobs, layer.descriptor, PATH)).toBeUndefined();
    expect(blobs.given.bytes).toBeLessThan(4 * 1024 * 1024);
  });

  it('does not unpack without end', async () => {
    const bomb = deflateRawSync(Buffer.alloc(64 * 1024 * 1024), { finishFlush: constants.Z_SYNC_FLUSH });
    const layer = asLayer(Buffer.concat([GZIP_HEAD, ...Array<Buffer>(60).fill(bomb), GZIP_END]));
    expect(await sought(layer)).toBeUndefined();
  });
});

describe('comparePaths', () => {
  it.each([
    ['usr/lib', 'usr/lib/x', -1],
    ['usr/lib/x', 'usr/lib-a', -1],
    ['./usr/lib/', '/usr/lib', 0],
    ['usr/b', 'usr/a/z', 1],
    ['usr/lib/a', 'usr/lib/apk', -1],
  ])('%s, %s', (a, b, order) => {
    expect(Math.sign(comparePaths(a, b))).toBe(order);
    expect(Math.sign(comparePaths(b, a))).toBe(order === 0 ? 0 : -order);
  });
});
