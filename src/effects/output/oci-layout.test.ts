import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestHex, sha256 } from '../../base/digest.ts';
import { LIMITS } from '../../base/limits.ts';
import { type BlobSource, openVerified } from '../../formats/oci/blob-source.ts';
import { type Descriptor, describeBytes, MEDIA_TYPE } from '../../formats/oci/descriptor.ts';
import { type Artifact, type Image, type ImageIndex, imagesOf, makeImage, makeIndex } from '../../formats/oci/image.ts';
import { EMPTY_RUN_CONFIG } from '../../formats/oci/image-config.ts';
import { printManifest } from '../../formats/oci/manifest.ts';
import { readOciLayout, writeOciLayout } from './oci-layout.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stave-layout-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Layers whose bytes are their names. */
const layerOf = (name: string): Descriptor => describeBytes(Buffer.from(name), MEDIA_TYPE.layerGzip);

function memory(...names: string[]): BlobSource {
  return {
    async *open({ digest }) {
      const name = names.find((candidate) => layerOf(candidate).digest === digest);
      if (name === undefined) throw new Error(`unexpected ${digest}`);
      yield Buffer.from(name);
    },
  };
}

function imageOf(architecture: string, ...layers: string[]): Image {
  const config = {
    architecture,
    os: 'linux',
    history: [],
    diffIds: layers.map((name) => sha256(`tar ${name}`)),
    run: EMPTY_RUN_CONFIG,
  };
  return makeImage(config, layers.map(layerOf), {});
}

function artifactOf(name: string): Artifact {
  const manifest = {
    mediaType: MEDIA_TYPE.imageManifest,
    config: { ...layerOf(name), mediaType: 'application/vnd.oci.empty.v1+json' },
    layers: [],
    annotations: {},
  };
  const manifestBytes = new TextEncoder().encode(printManifest(manifest));
  return {
    kind: 'artifact',
    descriptor: describeBytes(manifestBytes, MEDIA_TYPE.imageManifest),
    manifest,
    manifestBytes,
  };
}

const INDEX = makeIndex([imageOf('amd64', 'shared', 'one'), imageOf('arm64', 'shared', 'two')], { a: '1' });
const BLOBS = memory('shared', 'one', 'two');

const blobPath = (digest: string): string => join(directory, 'blobs', 'sha256', digest.slice('sha256:'.length));

async function put(bytes: Uint8Array): Promise<void> {
  await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
  await writeFile(blobPath(sha256(bytes)), bytes);
}

describe('writeOciLayout', () => {
  it('writes exactly the files of a layout', async () => {
    await writeOciLayout(directory, INDEX, BLOBS);
    expect((await readdir(directory)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect(await readdir(join(directory, 'blobs'))).toEqual(['sha256']);
    expect(await readFile(join(directory, 'oci-layout'), 'utf8')).toBe('{\n    "imageLayoutVersion": "1.0.0"\n}');
    expect(new Uint8Array(await readFile(join(directory, 'index.json')))).toEqual(INDEX.manifestBytes);
    const digests = [
      ...imagesOf(INDEX).flatMap((image) => [image.descriptor.digest, image.manifest.config.digest]),
      ...['shared', 'one', 'two'].map((name) => layerOf(name).digest),
    ];
    const names = await readdir(join(directory, 'blobs', 'sha256'));
    expect(names.toSorted()).toEqual(digests.map(digestHex).toSorted());
    for (const digest of digests) expect(sha256(await readFile(blobPath(digest)))).toBe(digest);
  });

  it('does not ask the umask', async () => {
    const before = process.umask(0o077);
    try {
      await writeOciLayout(directory, INDEX, BLOBS);
    } finally {
      process.umask(before);
    }
    for (const path of ['blobs', 'blobs/sha256']) expect((await stat(join(directory, path))).mode & 0o777).toBe(0o755);
    for (const path of ['index.json', 'oci-layout', `blobs/sha256/${digestHex(layerOf('one').digest)}`]) {
      expect((await stat(join(directory, path))).mode & 0o777).toBe(0o644);
    }
  });

  it('leaves other files alone, keeps good blobs and repairs bad ones', async () => {
    await writeFile(join(directory, 'notes.txt'), 'mine');
    await put(Buffer.from('another image'));
    await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true });
    await writeFile(blobPath(layerOf('one').digest), 'eno');
    await writeOciLayout(directory, INDEX, BLOBS);
    expect(await readFile(join(directory, 'notes.txt'), 'utf8')).toBe('mine');
    expect(await readFile(blobPath(sha256('another image')), 'utf8')).toBe('another image');
    expect(await readFile(blobPath(layerOf('one').digest), 'utf8')).toBe('one');
    await writeOciLayout(directory, INDEX, memory()); // Everything is there: no layer is asked for.
  });

  it('does not show an index whose blobs cannot all be had', async () => {
    await writeOciLayout(directory, INDEX, BLOBS);
    const wrong: BlobSource = {
      async *open() {
        yield Buffer.from('xxx');
      },
    };
    const next = makeIndex([imageOf('amd64', 'new')], {});
    await expect(writeOciLayout(directory, next, wrong)).rejects.toThrow(
      expect.objectContaining({ code: 'CHECKSUM_MISMATCH' }),
    );
    expect((await readOciLayout(directory)).index).toEqual(INDEX);
  });

  it('cannot write under a file', async () => {
    await writeFile(join(directory, 'file'), '');
    await expect(writeOciLayout(join(directory, 'file'), INDEX, BLOBS)).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_UNWRITABLE' }),
    );
  });

  it('is never half visible, whenever it is killed', async () => {
    const script = await bundledWriter();
    let unfinished = 0;
    for (let attempt = 0; attempt < 6; attempt++) {
      const target = join(directory, `killed-${attempt}`);
      await mkdir(target);
      const child = spawn(process.execPath, [script, target], { stdio: ['ignore', 'pipe', 'inherit'] });
      await lines(child, 1 + attempt * 3);
      child.kill('SIGKILL');
      await once(child, 'exit');
      if ((await readdir(target)).includes('index.json')) {
        const { index, blobs } = await readOciLayout(target);
        for (const image of imagesOf(index)) {
          for (const layer of image.manifest.layers) for await (const _ of openVerified(blobs, layer));
        }
      } else {
        unfinished += 1;
      }
    }
    expect(unfinished).toBeGreaterThan(0);
  });
});

describe('readOciLayout', () => {
  it('gives back what was written', async () => {
    await writeOciLayout(directory, INDEX, BLOBS);
    const { index, blobs } = await readOciLayout(directory);
    expect(index).toEqual(INDEX);
    const chunks: Uint8Array[] = [];
    for await (const chunk of openVerified(blobs, layerOf('two'))) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('two');
  });

  it('gives back nested indexes and artifacts', async () => {
    const nested = makeIndex([makeIndex([imageOf('amd64', 'one')], { inner: '1' }), artifactOf('two')], {});
    await writeOciLayout(directory, nested, BLOBS);
    expect((await readOciLayout(directory)).index).toEqual(nested);
  });

  it.each<[string, (index: ImageIndex) => Promise<void>, string, string]>([
    ['without oci-layout', () => rm(join(directory, 'oci-layout')), 'IMAGE_INVALID', 'it has no oci-layout'],
    ['without index.json', () => rm(join(directory, 'index.json')), 'IMAGE_INVALID', 'it has no index.json'],
    ['of another version', () => layoutFile('{"imageLayoutVersion":"2.0.0"}'), 'IMAGE_INVALID', 'of version "2.0.0"'],
    ['without a version', () => layoutFile('{}'), 'IMAGE_INVALID', 'of version ""'],
    ['whose version is no JSON', () => layoutFile('1.0.0'), 'IMAGE_INVALID', 'oci-layout is not JSON'],
    ['whose version is null', () => layoutFile('null'), 'IMAGE_INVALID', 'oci-layout is not an object'],
    ['with a damaged index', () => indexFile('{"schemaVersion":2,'), 'IMAGE_INVALID', 'index.json is not JSON text'],
    ['with a folder as index', folderAsIndex, 'IMAGE_INVALID', 'is not a file of at most'],
    ['without a manifest', (i) => rm(blobPath(manifestOf(i))), 'IMAGE_INVALID', 'has no blob'],
    ['with another manifest', (i) => overwrite(manifestOf(i)), 'CHECKSUM_MISMATCH', 'has other content'],
    ['with another config', (i) => overwrite(configOf(i)), 'CHECKSUM_MISMATCH', 'has other content'],
    ['with a longer config', (i) => append(configOf(i)), 'CHECKSUM_MISMATCH', 'bytes, not'],
    ['that lists a layer', () => listing(layerOf('one')), 'IMAGE_INVALID', 'as "application/vnd.oci.image.layer'],
    [
      'that promises a large manifest',
      () => listing({ ...layerOf('one'), mediaType: MEDIA_TYPE.imageManifest, sizeBytes: 5_000_000 }),
      'IMAGE_INVALID',
      'we read at most',
    ],
    [
      'that promises a huge manifest',
      () => listing({ ...layerOf('one'), mediaType: MEDIA_TYPE.imageManifest, sizeBytes: 2 ** 40 }),
      'IMAGE_INVALID',
      'leads to more than',
    ],
  ])('refuses a layout %s', async (_name, spoil, code, message) => {
    await writeOciLayout(directory, INDEX, BLOBS);
    await spoil(INDEX);
    await expect(readOciLayout(directory)).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  it('says what a layout is when the folder is none', async () => {
    await expect(readOciLayout(join(directory, 'no'))).rejects.toThrow(
      expect.objectContaining({ code: 'IMAGE_INVALID', hint: expect.stringContaining('index.json') }),
    );
  });

  it('says where the system refuses', async () => {
    await symlink('oci-layout', join(directory, 'oci-layout'));
    await expect(readOciLayout(directory)).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_UNREADABLE', message: expect.stringContaining('ELOOP') }),
    );
  });

  it('follows no digest out of the folder', async () => {
    await writeOciLayout(directory, INDEX, BLOBS);
    const text = Buffer.from(INDEX.manifestBytes).toString();
    await indexFile(text.replace(/sha256:[0-9a-f]{64}/, `sha256:${'../'.repeat(20)}etc/pass`));
    await expect(readOciLayout(directory)).rejects.toThrow('manifests[0].digest is not a sha256 digest');
  });

  it('bounds the depth, the number and the bytes of what an index leads to', async () => {
    let deep = makeIndex([], {});
    for (let i = 0; i < LIMITS.imageIndexDepth; i++) deep = makeIndex([deep], {});
    await writeOciLayout(directory, deep, BLOBS);
    await expect(readOciLayout(directory)).rejects.toThrow('nested deeper than 4 levels');

    const wide = makeIndex(Array<ImageIndex>(100).fill(makeIndex([], {})), {});
    await writeOciLayout(directory, makeIndex(Array<ImageIndex>(50).fill(wide), {}), BLOBS);
    await expect(readOciLayout(directory)).rejects.toThrow('leads to more than 4000 manifests');

    const big = makeIndex([], { big: 'x'.repeat(LIMITS.imageManifestBytes - 1000) });
    await writeOciLayout(directory, makeIndex(Array<ImageIndex>(20).fill(big), {}), BLOBS);
    await expect(readOciLayout(directory)).rejects.toThrow('bytes of them');
  });
});

const manifestOf = (index: ImageIndex): string => (imagesOf(index)[0] as Image).descriptor.digest;
const configOf = (index: ImageIndex): string => (imagesOf(index)[0] as Image).manifest.config.digest;
const layoutFile = (text: string): Promise<void> => writeFile(join(directory, 'oci-layout'), text);
const indexFile = (text: string): Promise<void> => writeFile(join(directory, 'index.json'), text);

async function folderAsIndex(): Promise<void> {
  await rm(join(directory, 'index.json'));
  await mkdir(join(directory, 'index.json'));
}

async function overwrite(digest: string): Promise<void> {
  const { size } = await stat(blobPath(digest));
  await writeFile(blobPath(digest), ' '.repeat(size));
}

async function append(digest: string): Promise<void> {
  await writeFile(blobPath(digest), ' ', { flag: 'a' });
}

async function listing(descriptor: Descriptor): Promise<void> {
  const list = { mediaType: descriptor.mediaType, size: descriptor.sizeBytes, digest: descriptor.digest };
  await indexFile(JSON.stringify({ schemaVersion: 2, manifests: [list] }));
}

/** A program that writes a layout of twenty layers, one line of output for each layer begun. */
async function bundledWriter(): Promise<string> {
  const file = join(directory, 'writer.mjs');
  const here = dirname(fileURLToPath(import.meta.url));
  const contents = `
    import { createHash } from 'node:crypto';
    import { writeOciLayout } from './oci-layout.ts';
    import { makeImage, makeIndex } from '../../formats/oci/image.ts';
    import { EMPTY_RUN_CONFIG } from '../../formats/oci/image-config.ts';
    const layers = Array.from({ length: 20 }, (_, i) => Buffer.alloc(300_000, String(i)));
    const digests = layers.map((layer) => 'sha256:' + createHash('sha256').update(layer).digest('hex'));
    const mediaType = 'application/vnd.oci.image.layer.v1.tar';
    const descriptors = digests.map((digest) => ({ mediaType, digest, sizeBytes: 300_000 }));
    const config = { architecture: 'amd64', os: 'linux', history: [], diffIds: digests, run: EMPTY_RUN_CONFIG };
    const blobs = { async *open({ digest }) {
      const layer = layers[digests.indexOf(digest)];
      console.log(digest);
      for (let at = 0; at < layer.length; at += 100_000) yield layer.subarray(at, at + 100_000);
    } };
    await writeOciLayout(process.argv[2], makeIndex([makeImage(config, descriptors, {})], {}), blobs);
  `;
  await build({
    stdin: { contents, resolveDir: here, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: file,
  });
  return file;
}

async function lines(child: ChildProcess, count: number): Promise<void> {
  let seen = 0;
  for await (const chunk of child.stdout ?? []) {
    seen += String(chunk).split('\n').length - 1;
    if (seen >= count) return;
  }
}
