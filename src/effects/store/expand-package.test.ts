import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packagedFile, type TinyPackage, tinyPackage, tinyTar } from '../../../test/support/tiny-apk.ts';
import { hashHex } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { entryChecksum, parseChecksum } from '../../formats/apk/data-entries.ts';
import { expandPackage, openExpandedPackage, type PackageLimits } from './expand-package.ts';
import { openStore, type Store } from './store.ts';

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'expand-test-'));
  store = openStore({ root, explicit: true, temporaryDirectory: root, events: () => {} });
});
afterEach(() => rmSync(root, { recursive: true }));

async function* inPieces(bytes: Uint8Array, size = 1 << 16): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const wanted = (p: TinyPackage, limits?: PackageLimits) => ({
  label: p.label,
  checksum: p.checksum,
  ...(limits && { limits }),
});
const expand = (p: TinyPackage, bytes: Uint8Array = p.bytes, limits?: PackageLimits) =>
  expandPackage(store, wanted(p, limits), inPieces(bytes));
const cached = (p: TinyPackage) => openExpandedPackage(store, wanted(p));
const folderOf = (p: TinyPackage) => join(root, 'v1', 'packages', parseChecksum(p.checksum) ?? '');

async function refusal(p: TinyPackage, bytes?: Uint8Array, limits?: PackageLimits): Promise<Failure> {
  const error = await expand(p, bytes, limits).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(Failure);
  expect(cached(p)).toBeUndefined();
  expect(readdirSync(join(root, 'v1', 'tmp'))).toEqual([]);
  return error as Failure;
}

function flipBit(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] as number) ^ 4;
  writeFileSync(path, bytes);
}

const sample = tinyPackage('foo', {
  version: '1.2-r3',
  files: [
    { name: 'usr/', type: '5', mode: 0o755 },
    packagedFile('usr/empty', ''),
    packagedFile('usr/text', 'hello'),
    packagedFile('usr/big', Buffer.alloc(700_000, 'abcdefg')),
    { name: 'usr/link', type: '2', linkname: 'text' },
    { name: 'usr/without-record', content: 'x', pax: { 'SCHILY.xattr.user.a': 'ÿ\u0000' } },
  ],
  control: [{ name: '.post-install', content: '#!/bin/sh\n', mode: 0o755 }],
});

describe('expandPackage', () => {
  it.each([1, 7, 512, 1 << 20])('reads a package in pieces of %i bytes', async (size) => {
    const p = size < 7 ? tinyPackage('foo') : sample;
    const handle = await expandPackage(store, wanted(p), inPieces(p.bytes, size));
    expect(handle.package.info).toMatchObject({ name: 'foo', version: p.version });
    expect(handle.dataTarBytes).toBe(p.dataTar.length);
    expect(Buffer.compare(handle.read(0, handle.dataTarBytes), p.dataTar)).toBe(0);
    handle.close();
  });

  it('describes members, entries and control', async () => {
    const { package: p, read } = await expand(sample);
    const start = sample.dataStart;
    const dataBytes = sample.bytes.subarray(start);
    expect(p.sizeBytes).toBe(sample.bytes.length);
    expect(p.controlSha1).toBe(parseChecksum(sample.checksum));
    expect(p.members.data).toEqual({
      start,
      end: sample.bytes.length,
      checksum: Buffer.from(hashHex('sha256', dataBytes), 'hex').toString('base64'),
    });
    expect([p.members.signature?.start, p.members.signature?.end]).toEqual([0, p.members.control.start]);
    expect(p.members.control.end).toBe(start);
    expect(p.control.map((e) => [e.name, e.mode])).toEqual([
      ['.PKGINFO', 0o644],
      ['.post-install', 0o755],
    ]);
    expect(Buffer.from(p.control[1]?.content ?? []).toString()).toBe('#!/bin/sh\n');
    expect(p.entries.map((e) => e.name)).toEqual([
      'usr/',
      'usr/empty',
      'usr/text',
      'usr/big',
      'usr/link',
      'usr/without-record',
    ]);
    const text = p.entries[2];
    expect(Buffer.from(read(text?.offset ?? 0, text?.size ?? 0)).toString()).toBe('hello');
    expect(p.entries[5]?.pax).toEqual({ 'SCHILY.xattr.user.a': 'ÿ\u0000' });
    expect(text && entryChecksum(text)).toBe(hashHex('sha1', 'hello'));
  });

  it('reads unsigned packages, and data in several gzip members', async () => {
    const tar = tinyTar([packagedFile('a', 'x'.repeat(5000))]);
    const data = Buffer.concat([0, 100, 3000].map((at, i, all) => gzipSync(tar.subarray(at, all[i + 1]))));
    const p = tinyPackage('multi', { signed: false, data });
    const handle = await expand(p);
    expect(handle.package.members.signature).toBeUndefined();
    expect(Buffer.compare(handle.read(0, handle.dataTarBytes), tar)).toBe(0);
  });

  it('gives the same from the store as at first', async () => {
    const first = await expand(sample);
    const again = cached(sample);
    expect(again?.package).toEqual(first.package);
    expect([again?.dataTarBytes, again?.kept, again?.key]).toEqual([first.dataTarBytes, first.kept, first.key]);
    expect(Buffer.compare(again?.read(512, 1000) ?? Buffer.alloc(0), sample.dataTar.subarray(512, 1512))).toBe(0);
    expect(() => again?.read(0, first.dataTarBytes + 1)).toThrow(/internal error/);
  });

  it('keeps hundreds of packages readable', async () => {
    const packages = Array.from({ length: 150 }, (_, i) => tinyPackage(`p${i}`));
    const handles = [];
    for (const p of packages) handles.push(await expand(p));
    for (let round = 0; round < 2; round++) {
      for (const [i, handle] of handles.entries()) {
        expect(Buffer.compare(handle.read(0, handle.dataTarBytes), packages[i]?.dataTar ?? Buffer.alloc(0))).toBe(0);
      }
    }
    if (existsSync('/proc/self/fd')) expect(readdirSync('/proc/self/fd').length).toBeLessThan(250);
    for (const handle of handles) handle.close();
  });
});

describe('what is refused', () => {
  it('another control part than promised, before any data is read', async () => {
    const other = tinyPackage('foo', { version: '9-r0' });
    let pieces = 0;
    let closed = false;
    async function* bytes() {
      try {
        for await (const piece of inPieces(other.bytes, other.dataStart)) {
          pieces++;
          yield piece;
        }
      } finally {
        closed = true;
      }
    }
    await expect(expandPackage(store, wanted(sample), bytes())).rejects.toMatchObject({
      code: 'CHECKSUM_MISMATCH',
      message: `package foo-1.2-r3: control hash mismatch: expected ${parseChecksum(sample.checksum)}, got ${parseChecksum(other.checksum)}`,
      data: { what: 'control' },
    });
    expect([pieces, closed]).toEqual([1, true]);
  });

  it('data that are not those of the control part', async () => {
    const p = tinyPackage('foo', { dataHash: '00'.repeat(32) });
    expect(await refusal(p)).toMatchObject({
      code: 'CHECKSUM_MISMATCH',
      message: `package foo-1.0-r0: data hash mismatch: expected ${'00'.repeat(32)}, got ${hashHex('sha256', p.bytes.subarray(p.dataStart))}`,
    });
  });

  it('a control part without a data hash', async () => {
    expect((await refusal(tinyPackage('foo', { dataHash: '' }))).message).toMatch(/expected one, found none, got/);
  });

  it('any flipped bit in the data', async () => {
    const p = tinyPackage('foo');
    for (let at = p.dataStart; at < p.bytes.length; at += 5) {
      const bytes = Buffer.from(p.bytes);
      bytes[at] = (bytes[at] as number) ^ 1;
      expect((await refusal(p, bytes)).code).toMatch(/^(CHECKSUM_MISMATCH|ARCHIVE_INVALID)$/);
    }
  });

  it.each([
    ['in the middle of the data', (p: TinyPackage) => p.bytes.length - 10, /ends after \d+ bytes, inside its data/],
    ['before the data', (p: TinyPackage) => p.dataStart, /inside its data/],
    ['inside the control part', (p: TinyPackage) => p.dataStart - 5, /inside its first parts/],
    ['at once', () => 0, /ends after 0 bytes/],
  ])('a file that is cut %s', async (_name, size, message) => {
    const failure = await refusal(sample, sample.bytes.subarray(0, size(sample)));
    expect(failure).toMatchObject({ code: 'ARCHIVE_INVALID', data: { cut: true } });
    expect(failure.message).toMatch(message);
  });

  it.each([
    [
      'a file with another SHA-1 than its record',
      [{ ...packagedFile('a', 'right'), content: 'wrong' }],
      'CHECKSUM_MISMATCH',
      /"a" should have SHA-1/,
    ],
    [
      'the last file too',
      [packagedFile('b', 'x'), { ...packagedFile('a', ''), content: 'more' }],
      'CHECKSUM_MISMATCH',
      /"a" should/,
    ],
    [
      'an unreadable record',
      [{ name: 'a', content: 'x', pax: { 'APK-TOOLS.checksum.SHA1': 'zz' } }],
      'PACKAGE_INVALID',
      /unreadable/,
    ],
  ] as const)('%s', async (_name, files, code, message) => {
    const failure = await refusal(tinyPackage('foo', { files }));
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
    expect(failure.message).toMatch(/^package foo-1.0-r0: /);
  });

  it('data that are no tar, or no gzip, although their hash is right', async () => {
    const cutTar = gzipSync(tinyTar([packagedFile('a', 'x'.repeat(2000))]).subarray(0, 1800));
    expect(await refusal(tinyPackage('foo', { data: cutTar }))).toMatchObject({ code: 'ARCHIVE_INVALID' });
    expect(await refusal(tinyPackage('foo', { data: Buffer.from('no gzip at all') }))).toMatchObject({
      code: 'ARCHIVE_INVALID',
    });
  });

  it('no package at all', async () => {
    expect((await refusal(sample, Buffer.from('<html>404</html>'))).code).toMatch(/ARCHIVE_INVALID|PACKAGE_INVALID/);
  });

  it.each(['', 'Q2abc', 'Q1', `Q1${'A'.repeat(28)}`])('the checksum %j', async (checksum) => {
    const failure = { code: 'PACKAGE_INVALID', message: expect.stringContaining('unexpected checksum format') };
    await expect(expandPackage(store, { label: 'x', checksum }, inPieces(sample.bytes))).rejects.toMatchObject(failure);
    expect(() => openExpandedPackage(store, { label: 'x', checksum })).toThrow(expect.objectContaining(failure));
  });
});

describe('bounds', () => {
  it('stop a gzip bomb long before its end', async () => {
    // 64 MiB of zeros in about 64 KiB.
    const bomb = tinyPackage('bomb', { data: gzipSync(Buffer.alloc(64 << 20)) });
    const failure = await refusal(bomb, bomb.bytes, { packageDataBytes: 1 << 20 });
    expect(failure).toMatchObject({ code: 'ARCHIVE_LIMIT' });
    expect(failure.message).toBe('package bomb-1.0-r0: its files are larger than the bound of 1048576 bytes');
    expect(failure.hint).toMatch(/--max-apk-data-size/);
  });

  it('stop a bomb in the control part', async () => {
    const p = tinyPackage('bomb', { control: [{ name: '.x', content: Buffer.alloc(20 << 20) }] });
    expect((await refusal(p)).code).toBe('ARCHIVE_LIMIT');
    expect((await expand(p, p.bytes, { controlBytes: Number.POSITIVE_INFINITY })).dataTarBytes).toBeGreaterThan(0);
    // What the cache holds by then is still too large for whoever has the usual bound.
    expect(() => cached(p)).toThrow(expect.objectContaining({ code: 'ARCHIVE_LIMIT' }));
  });

  it('hold for what is in the store already', async () => {
    await expand(sample);
    const tight = wanted(sample, { packageDataBytes: 1000 });
    expect(() => openExpandedPackage(store, tight)).toThrow(expect.objectContaining({ code: 'ARCHIVE_LIMIT' }));
    expect(openExpandedPackage(store, wanted(sample, { packageDataBytes: Number.POSITIVE_INFINITY }))).toBeDefined();
  });

  it('errors of the disk are CACHE_UNUSABLE, errors of the source are passed on', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield sample.bytes.subarray(0, sample.dataStart + 10);
      throw new Failure('NETWORK_UNREACHABLE', 'gone');
    }
    const failure = { code: 'NETWORK_UNREACHABLE', message: 'package foo-1.2-r3: gone' };
    await expect(expandPackage(store, wanted(sample), broken())).rejects.toMatchObject(failure);
    expect(cached(sample)).toBeUndefined();
  });
});

describe('damage in the store', () => {
  it('a flipped bit in the description: the package is not there, and can be put in again', async () => {
    await expand(sample);
    const file = join(folderOf(sample), 'package.sealed');
    for (const at of [0, 40, 500]) {
      flipBit(file, at);
      expect(cached(sample)).toBeUndefined();
      expect(store.entry('packages', parseChecksum(sample.checksum) ?? '')).toBeUndefined();
      (await expand(sample)).close();
      expect(cached(sample)?.package.info.name).toBe('foo');
    }
  });

  it('a data tar of another size, or none: the same', async () => {
    await expand(sample);
    truncateSync(join(folderOf(sample), 'data.tar'), 1000);
    expect(cached(sample)).toBeUndefined();
    await expand(sample);
    rmSync(join(folderOf(sample), 'data.tar'));
    expect(cached(sample)).toBeUndefined();
  });

  it('a flipped bit in the data tar: its checksum tells, and discard makes room for a good one', async () => {
    await expand(sample);
    flipBit(join(folderOf(sample), 'data.tar'), 5000);
    const bad = cached(sample);
    expect(bad?.isIntact()).toBe(false);
    bad?.discard();
    expect(cached(sample)).toBeUndefined();
    const good = await expand(sample);
    expect(good.isIntact()).toBe(true);
  });

  it('a data tar that vanishes or shrinks during the build is a failure, never short bytes', async () => {
    const handle = await expand(sample);
    handle.read(0, 10);
    truncateSync(join(folderOf(sample), 'data.tar'), 1000);
    const unusable = expect.objectContaining({ code: 'CACHE_UNUSABLE' });
    expect(() => handle.read(900, 200)).toThrow(unusable);
    handle.close();
    expect(() => handle.read(0, 10)).toThrow(unusable);
    rmSync(folderOf(sample), { recursive: true });
    expect(() => handle.read(0, 10)).toThrow(unusable);
  });
});
