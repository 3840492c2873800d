import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestHex, isDigest, sha256 } from '../../base/digest.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { type Descriptor, describeBytes, MEDIA_TYPE } from '../../formats/oci/descriptor.ts';
import { type Image, makeImage, makeIndex } from '../../formats/oci/image.ts';
import { EMPTY_RUN_CONFIG } from '../../formats/oci/image-config.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import { writeDockerArchive } from './docker-archive.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stave-archive-'));
  path = join(directory, 'image.tar');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Layers whose bytes are their names. */
const layerOf = (name: string, mediaType: string = MEDIA_TYPE.layerGzip): Descriptor =>
  describeBytes(Buffer.from(name), mediaType);

const NAMES = ['shared', 'one', 'two', 'x'.repeat(512), ''];
const BLOBS: BlobSource = {
  async *open({ digest }) {
    const name = NAMES.find((candidate) => layerOf(candidate).digest === digest) ?? expect.unreachable();
    // In small parts: the archive must not depend on how the bytes come.
    for (let at = 0; at < name.length; at += 5) yield Buffer.from(name.slice(at, at + 5));
  },
};

function imageOf(architecture: string, layers: readonly Descriptor[]): Image {
  const [name = '', variant] = architecture.split('/');
  const diffIds = layers.map((layer) => sha256(`tar ${layer.digest}`));
  const config = { architecture: name, os: 'linux', history: [], diffIds, run: EMPTY_RUN_CONFIG };
  return makeImage({ ...config, ...(variant !== undefined && { variant }) }, layers, {});
}

const AMD64 = imageOf('amd64', [layerOf('shared'), layerOf('one')]);
const ARM64 = imageOf('arm64', [layerOf('shared'), layerOf('two')]);
const INDEX = makeIndex([ARM64, AMD64], {});

const write = (index = INDEX, ...tags: string[]): Promise<void> =>
  writeDockerArchive(path, { index, tags: tags.map(parseReference), blobs: BLOBS });

const tar = (...words: string[]): string =>
  execFileSync('tar', words, { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });

type Entry = { Config: string; RepoTags: string[]; Layers: string[] };
const listOf = (): Entry[] => JSON.parse(tar('-xOf', path, 'manifest.json')) as Entry[];

describe('writeDockerArchive', () => {
  it('holds the files of the reference, in the order of the index', async () => {
    await write(INDEX, 'example.com/foo/bar:v1');
    expect(tar('-tf', path).trimEnd().split('\n')).toEqual([
      ARM64.manifest.config.digest,
      `${digestHex(layerOf('shared').digest)}.tar.gz`,
      `${digestHex(layerOf('two').digest)}.tar.gz`,
      AMD64.manifest.config.digest,
      `${digestHex(layerOf('one').digest)}.tar.gz`,
      'manifest.json',
      ARM64.descriptor.digest,
      AMD64.descriptor.digest,
      'index.json',
    ]);
    for (const line of tar('--numeric-owner', '-tvf', path).trimEnd().split('\n')) {
      expect(line).toMatch(/^-rw-r--r-- 0\/0 +\d+ 1970-01-01 00:00 /);
    }
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  });

  it('has the content that each name promises', async () => {
    await write(INDEX, 'example.com/foo/bar:v1');
    const out = join(directory, 'out');
    await mkdir(out);
    execFileSync('tar', ['-xf', path, '-C', out]);
    for (const name of await readdir(out)) {
      const digest = name.endsWith('.tar.gz') ? `sha256:${name.slice(0, 64)}` : name;
      if (isDigest(digest)) expect(sha256(await readFile(join(out, name)))).toBe(digest);
    }
    expect(new Uint8Array(await readFile(join(out, 'index.json')))).toEqual(INDEX.manifestBytes);
    for (const { Config, Layers } of listOf()) {
      expect(await readdir(out)).toEqual(expect.arrayContaining([Config, ...Layers]));
    }
  });

  it('lists the images by their names', async () => {
    await write(INDEX, 'example.com/foo/bar:v1');
    expect(tar('-xOf', path, 'manifest.json')).toBe(
      `[{"Config":"${AMD64.manifest.config.digest}","RepoTags":["example.com/foo/bar:v1-amd64"],` +
        `"Layers":["${digestHex(layerOf('shared').digest)}.tar.gz","${digestHex(layerOf('one').digest)}.tar.gz"]},` +
        `{"Config":"${ARM64.manifest.config.digest}","RepoTags":["example.com/foo/bar:v1-arm64"],` +
        `"Layers":["${digestHex(layerOf('shared').digest)}.tar.gz","${digestHex(layerOf('two').digest)}.tar.gz"]}]`,
    );
  });

  it('is the same, byte for byte, every time', async () => {
    await write(INDEX, 'test:1');
    const first = sha256(await readFile(path));
    await write(INDEX, 'test:1');
    const bytes = await readFile(path);
    expect(sha256(bytes)).toBe(first);
    expect(first).toBe('sha256:5b4eaab25ac10d7ba29d047bf7d7cbe83f4917b50e30020676ef755cf189d96f');
    expect(bytes.length % 512).toBe(0);
    expect(bytes.subarray(-1024).every((byte) => byte === 0)).toBe(true);
  });

  const ARM = ['amd64', 'arm/v6', 'arm/v7', 'arm64'];
  it.each([
    [['amd64'], ['test'], [['index.docker.io/library/test:latest-amd64']]],
    [['amd64'], ['b.io/t1:1', 'a.io/t2:2'], [['a.io/t2:2-amd64', 'b.io/t1:1-amd64']]],
    [['amd64'], ['b.io/t1:1', 'b.io/t1:1'], [['b.io/t1:1-amd64']]],
    [['arm/v7'], ['b.io/app:1'], [['b.io/app:1-arm']]],
    [
      ARM,
      ['b.io/app:1'],
      [['b.io/app:1-amd64'], ['b.io/app:1-arm', 'b.io/app:1-armv7'], ['b.io/app:1-arm64'], ['b.io/app:1-armv6']],
    ],
    [['amd64', 'arm64'], [], [[], []]],
  ])('%j tagged %j are called %j', async (architectures, tags, repoTags) => {
    const images = architectures.map((architecture) => imageOf(architecture, [layerOf('one')]));
    await write(makeIndex(images, {}), ...tags);
    expect(listOf().map((entry) => entry.RepoTags)).toEqual(repoTags);
  });

  it('gives the short name to the later of two images, as the reference does', async () => {
    const images = ['arm/v6', 'arm/v7'].map((architecture) => imageOf(architecture, [layerOf('one')]));
    await write(makeIndex(images, {}), 'b.io/app:1');
    const named = listOf().find((entry) => entry.RepoTags.includes('b.io/app:1-arm'));
    expect(named?.Config).toBe(images[1]?.manifest.config.digest);
  });

  it('names layers after their compression, and writes a shared or repeated layer once', async () => {
    const layers = [
      layerOf('one', MEDIA_TYPE.layerTar),
      layerOf('two', MEDIA_TYPE.layerZstd),
      layerOf('shared', MEDIA_TYPE.dockerLayerGzip),
      layerOf('shared'),
      layerOf('x'.repeat(512)),
      layerOf(''),
    ];
    await write(makeIndex([imageOf('amd64', layers)], {}), 'test:1');
    const names = layers.map((layer, i) => `${digestHex(layer.digest)}${['.tar', '.tar.zst'][i] ?? '.tar.gz'}`);
    expect(listOf()[0]?.Layers).toEqual(names);
    expect(
      tar('-tf', path)
        .split('\n')
        .filter((name) => name.includes('.tar')),
    ).toEqual([...new Set(names)]);
  });

  it.each([
    ['a digest as tag', `test@sha256:${'a'.repeat(64)}`, 'names an image by digest'],
    ['a tag that becomes too long', `test:${'t'.repeat(123)}`, 'is not a tag'],
  ])('refuses %s', async (_name, tag, message) => {
    await expect(write(INDEX, tag)).rejects.toThrow(
      expect.objectContaining({ code: 'IMAGE_INVALID', message: expect.stringContaining(message) }),
    );
    expect(await readdir(directory)).toEqual([]);
  });

  it('keeps the old archive when a layer is not what was promised', async () => {
    await write(INDEX, 'test:1');
    const before = sha256(await readFile(path));
    const wrong: BlobSource = {
      async *open() {
        yield Buffer.from('wrong!');
      },
    };
    await expect(writeDockerArchive(path, { index: INDEX, tags: [], blobs: wrong })).rejects.toThrow(
      expect.objectContaining({ code: 'CHECKSUM_MISMATCH' }),
    );
    expect(sha256(await readFile(path))).toBe(before);
    expect(await readdir(directory)).toEqual(['image.tar']);
  });
});
