import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { bytesOf, testImages } from '../../../test/support/registry-client.ts';
import { sha256 } from '../../base/digest.ts';
import type { Failure } from '../../base/failure.ts';
import { openVerified } from '../../formats/oci/blob-source.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import { printTarHeader, TAR_END, tarPadding } from '../../formats/tar/write.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { writeDockerArchive, writeNamedImages } from './docker-archive.ts';
import { openDockerArchive } from './read-docker-archive.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stave-read-archive-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let files = 0;

const HEADER = {
  type: '0',
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

type Member = readonly [name: string, content: Uint8Array | string, more?: Partial<typeof HEADER>];

function tar(members: readonly Member[]): Buffer {
  return Buffer.concat([
    ...members.flatMap(([name, content, more = {}]) => {
      const bytes = Buffer.from(content as Uint8Array);
      return [
        printTarHeader({ ...HEADER, name, size: bytes.length, ...more }),
        bytes,
        Buffer.alloc(tarPadding(bytes.length)),
      ];
    }),
    TAR_END,
  ]);
}

function archive(members: readonly Member[] | Uint8Array): string {
  const path = join(scratch, `${files++}.tar`);
  writeFileSync(path, members instanceof Uint8Array ? members : tar(members));
  return path;
}

const PLAIN = Buffer.from('a plain layer'.padEnd(512, '.'));
const ZIPPED = gzipSync(Buffer.from('a zipped layer'));
const CONFIG = JSON.stringify({
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: [sha256(PLAIN), sha256('x')] },
});
const list = (...images: unknown[]): Member => ['manifest.json', JSON.stringify(images)];
const SAVED = { Config: 'abc.json', RepoTags: ['app:1', 'app:2'], Layers: ['1/layer.tar', '2/layer.tar'] };

describe('archives of docker save', () => {
  it('get a manifest of what is in them', async () => {
    const path = archive([['./1/layer.tar', PLAIN], ['abc.json', CONFIG], ['2/layer.tar', ZIPPED], list(SAVED)]);
    const { value, names, blobs, close } = await openDockerArchive(path);
    expect([...names.keys()]).toEqual(['app:1', 'app:2']);
    expect(value).toMatchObject({
      kind: 'image',
      manifest: {
        config: { digest: sha256(CONFIG) },
        layers: [
          { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: sha256(PLAIN), sizeBytes: PLAIN.length },
          { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: sha256(ZIPPED) },
        ],
      },
    });
    const [first, second] = value.kind === 'image' ? value.manifest.layers : [];
    expect(await bytesOf(openVerified(blobs, first!))).toEqual(PLAIN);
    expect(await bytesOf(blobs.open(second!, { start: 2, end: 9 }))).toEqual(ZIPPED.subarray(2, 9));
    await close();
  });

  it('may have a layer once and links to it', async () => {
    const path = archive([
      ['1/layer.tar', PLAIN],
      ['2/layer.tar', '', { type: '2', linkname: '../1/layer.tar' }],
      ['abc.json', CONFIG],
      list(SAVED),
    ]);
    const { value, blobs, close } = await openDockerArchive(path);
    const layers = value.kind === 'image' ? value.manifest.layers : [];
    expect(layers.map(({ digest }) => digest)).toEqual([sha256(PLAIN), sha256(PLAIN)]);
    expect(await bytesOf(openVerified(blobs, layers[1]!))).toEqual(PLAIN);
    await close();
  });

  it('with several images are an index of them', async () => {
    const other = CONFIG.replace('amd64', 'arm64');
    const path = archive([
      ['1/layer.tar', PLAIN],
      ['2/layer.tar', ZIPPED],
      ['abc.json', CONFIG],
      ['def.json', other],
      list(SAVED, { ...SAVED, Config: 'def.json', RepoTags: null }),
    ]);
    const { value, names, close } = await openDockerArchive(path);
    expect(value).toMatchObject({
      kind: 'index',
      children: [{ config: { architecture: 'amd64' } }, { config: { architecture: 'arm64' } }],
    });
    expect(names.size).toBe(2);
    await close();
  });

  it('may have long names in extended headers', async () => {
    const long = `${'d'.repeat(120)}/${'e'.repeat(120)}/layer.tar`;
    const path = archive([
      ['1/layer.tar', PLAIN],
      [long, ZIPPED],
      ['abc.json', CONFIG],
      list({ ...SAVED, Layers: ['1/layer.tar', long] }),
    ]);
    const { value, close } = await openDockerArchive(path);
    expect(value.kind === 'image' && value.manifest.layers[1]?.digest).toBe(sha256(ZIPPED));
    await close();
  });
});

describe('archives of ours', () => {
  it('give back index and manifests byte for byte', async () => {
    const { index, blobs, layers } = testImages();
    const path = join(scratch, 'ours.tar');
    await writeDockerArchive(path, { index, tags: [parseReference('example.com/app:1')], blobs });
    const opened = await openDockerArchive(path);
    expect(opened.value).toEqual(index);
    expect([...opened.names.keys()].sort()).toEqual(['example.com/app:1-amd64', 'example.com/app:1-arm64']);
    for (const { descriptor, bytes } of layers) {
      expect(await bytesOf(openVerified(opened.blobs, descriptor))).toEqual(Buffer.from(bytes));
    }
    await opened.close();
  });

  it('of a single image have no index, and keep its manifest', async () => {
    const { images, blobs } = testImages();
    const [image] = images;
    const path = join(scratch, 'one.tar');
    const names = new Map([[image!, ['example.com/app:1']]]);
    await writeFileAtomically(path, (write) => writeNamedImages(write, { images: [image!], names, blobs }));
    const opened = await openDockerArchive(path);
    expect(opened.value.descriptor.digest).toBe(image?.descriptor.digest);
    expect([...opened.names.keys()]).toEqual(['example.com/app:1']);
    await opened.close();
  });
});

describe('what is refused', () => {
  const whole: readonly Member[] = [
    ['1/layer.tar', PLAIN],
    ['2/layer.tar', ZIPPED],
    ['abc.json', CONFIG],
  ];
  const rows: [what: string, members: readonly Member[] | Uint8Array, code: string, message: string][] = [
    ['no list', whole, 'IMAGE_INVALID', 'has no manifest.json'],
    ['a packed layout', [...whole, ['oci-layout', '{}']], 'IMAGE_INVALID', 'has no manifest.json'],
    ['an empty list', [...whole, list()], 'IMAGE_INVALID', 'lists no image'],
    ['a list that is no list', [...whole, ['manifest.json', '{}']], 'IMAGE_INVALID', 'images is not a list'],
    ['a list that is no JSON', [...whole, ['manifest.json', '{']], 'IMAGE_INVALID', 'is not JSON'],
    [
      'a list that is too large',
      [...whole, ['manifest.json', Buffer.alloc(5 * 1024 * 1024, ' ')]],
      'IMAGE_INVALID',
      'we read at most',
    ],
    [
      'a layer that is not there',
      [...whole.slice(1), list(SAVED)],
      'IMAGE_INVALID',
      'lists "1/layer.tar", but does not have it',
    ],
    [
      'a config that is not there',
      [...whole.slice(0, 2), list(SAVED)],
      'IMAGE_INVALID',
      'lists "abc.json", but does not have it',
    ],
    [
      'a path that leads out',
      [...whole, list({ ...SAVED, Config: '../../etc/passwd' })],
      'IMAGE_INVALID',
      'does not have it',
    ],
    [
      'links in a circle',
      [
        ['a', '', { type: '2', linkname: 'b' }],
        ['b', '', { type: '2', linkname: 'a' }],
        list({ ...SAVED, Config: 'a' }),
      ],
      'IMAGE_INVALID',
      'lists "a", but does not have it',
    ],
    [
      'other layers than the config says',
      [...whole, list({ ...SAVED, Layers: ['1/layer.tar'] })],
      'IMAGE_INVALID',
      'has 1 layers, but its config names 2',
    ],
    [
      'a config with another digest than its name',
      [...whole, [`sha256:${'0'.repeat(64)}`, CONFIG], list({ ...SAVED, Config: `sha256:${'0'.repeat(64)}` })],
      'CHECKSUM_MISMATCH',
      'has other content',
    ],
    ['a compressed archive', gzipSync(tar([...whole, list(SAVED)])), 'IMAGE_INVALID', 'is compressed as a whole'],
    [
      'an archive that breaks off',
      tar([...whole, list(SAVED)]).subarray(0, 700),
      'ARCHIVE_INVALID',
      'breaks off within "1/layer.tar"',
    ],
    ['no archive at all', Buffer.alloc(2000, 'x'), 'ARCHIVE_INVALID', 'checksum'],
  ];

  it.each(rows)('%s', async (_what, members, code, message) => {
    const failure = await openDockerArchive(archive(members)).then(
      () => undefined,
      (error: Failure) => error,
    );
    expect(failure).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('a file that is not there, or no file', async () => {
    for (const path of [join(scratch, 'none.tar'), scratch]) {
      await expect(openDockerArchive(path)).rejects.toThrow(expect.objectContaining({ code: 'FILE_UNREADABLE' }));
    }
  });

  it('more entries than any image has', async () => {
    const many = Buffer.concat([...Array(20_002)].map((_, i) => printTarHeader({ ...HEADER, name: `f${i}`, size: 0 })));
    await expect(openDockerArchive(archive(many))).rejects.toThrow(expect.objectContaining({ code: 'ARCHIVE_LIMIT' }));
  });

  it('an index that lists what is not there', async () => {
    const { index, blobs } = testImages();
    const path = join(scratch, 'short.tar');
    const [first] = index.children;
    if (first?.kind !== 'image') throw new Error('an image');
    const only = { images: [first], names: new Map(), blobs, index };
    await writeFileAtomically(path, (write) => writeNamedImages(write, only));
    await expect(openDockerArchive(path)).rejects.toThrow(/index\.json .* lists sha256:.*, which is not there/);
  });
});
