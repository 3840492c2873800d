import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestHex, sha256 } from '../../base/digest.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { type Descriptor, describeBytes, MEDIA_TYPE } from '../../formats/oci/descriptor.ts';
import { BlobDirectory } from './blob-directory.ts';

const BYTES = Buffer.alloc(700_000, 'stave ');
const BLOB: Descriptor = describeBytes(BYTES, MEDIA_TYPE.layerGzip);

let path: string;
let directory: BlobDirectory;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'stave-blobs-'));
  directory = new BlobDirectory(path);
});
afterEach(() => rm(path, { recursive: true, force: true }));

const fileOf = (blob: Descriptor): string => join(path, digestHex(blob.digest));

function sourceOf(...parts: Uint8Array[]): BlobSource {
  return {
    async *open() {
      yield* parts;
    },
  };
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

describe('BlobDirectory.open', () => {
  beforeEach(() => writeFile(fileOf(BLOB), BYTES));

  it('gives the whole blob, in chunks that stay as they are', async () => {
    expect(BYTES.equals(await bytesOf(directory.open(BLOB)))).toBe(true);
  });

  it.each([
    [0, 10],
    [5, 5],
    [699_990, 700_000],
    [200_000, 600_000],
    [699_999, 800_000],
    [900_000, 900_001],
  ])('gives bytes %i to %i', async (start, end) => {
    expect(BYTES.subarray(start, end).equals(await bytesOf(directory.open(BLOB, { start, end })))).toBe(true);
  });

  it('says where there is no such blob', async () => {
    const missing = { ...BLOB, digest: sha256('missing') };
    await expect(bytesOf(directory.open(missing))).rejects.toThrow(
      expect.objectContaining({
        code: 'IMAGE_INVALID',
        message: expect.stringContaining(`has no blob ${missing.digest}`),
      }),
    );
  });

  it('says where the system refuses', async () => {
    const inFile = new BlobDirectory(fileOf(BLOB));
    await expect(bytesOf(inFile.open(BLOB))).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_UNREADABLE', message: expect.stringContaining('ENOTDIR') }),
    );
  });

  it('refuses what is no file, and does not wait for a pipe', async () => {
    await rm(fileOf(BLOB));
    await promisify(execFile)('mkfifo', [fileOf(BLOB)]);
    await expect(bytesOf(directory.open(BLOB))).rejects.toThrow('is not a file');
    expect(await directory.has(BLOB)).toBe(false);
    await rm(fileOf(BLOB));
    await mkdir(fileOf(BLOB));
    await expect(bytesOf(directory.open(BLOB))).rejects.toThrow('is not a file');
    expect(await directory.has(BLOB)).toBe(false);
  });
});

describe('BlobDirectory.add', () => {
  it('copies a blob, readable for everybody', async () => {
    await directory.add(BLOB, sourceOf(BYTES.subarray(0, 10), BYTES.subarray(10)));
    expect(BYTES.equals(await readFile(fileOf(BLOB)))).toBe(true);
    expect((await stat(fileOf(BLOB))).mode & 0o777).toBe(0o644);
    expect(await directory.has(BLOB)).toBe(true);
  });

  it('keeps a good blob untouched', async () => {
    await writeFile(fileOf(BLOB), BYTES);
    await utimes(fileOf(BLOB), 1, 1);
    await directory.add(BLOB, { open: () => expect.unreachable() });
    expect((await stat(fileOf(BLOB))).mtimeMs).toBe(1000);
  });

  it.each([
    ['a torn', BYTES.subarray(0, 100)],
    ['a flipped', Buffer.concat([Buffer.from('X'), BYTES.subarray(1)])],
  ])('replaces %s blob', async (_name, bytes) => {
    await writeFile(fileOf(BLOB), bytes);
    expect(await directory.has(BLOB)).toBe(false);
    await directory.add(BLOB, sourceOf(BYTES));
    expect(BYTES.equals(await readFile(fileOf(BLOB)))).toBe(true);
  });

  it('keeps nothing of a blob that is not what was promised', async () => {
    await expect(directory.add(BLOB, sourceOf(BYTES, Buffer.from('more')))).rejects.toThrow(
      expect.objectContaining({ code: 'CHECKSUM_MISMATCH' }),
    );
    expect(await readdir(path)).toEqual([]);
  });
});
