import { mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inlinePiece, inputOf } from '../../../test/support/layer-pieces.ts';
import { type Image, makeImage, makeIndex } from '../../formats/oci/image.ts';
import { EMPTY_RUN_CONFIG } from '../../formats/oci/image-config.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import { ArchiveDraft } from './archive-draft.ts';
import type { LayerRecipe } from './compress-pieces.ts';
import { writeDockerArchive } from './docker-archive.ts';
import { PiecedBlobs } from './pieced-blobs.ts';

const NAMES = ['amd64', 'arm64'];
const TAGS = [parseReference('example.com/app:1')];

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stave-draft-'));
  path = join(directory, 'image.tar');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function imageOf(architecture: string, layers: readonly LayerRecipe[]): Image {
  const diffIds = layers.map((layer) => layer.diffId);
  const config = { architecture, os: 'linux', history: [], diffIds, run: EMPTY_RUN_CONFIG };
  return makeImage(config, layers, {});
}

/** About two pieces that no other layer has. */
const piecesOf = (name: string) =>
  ['one', 'two'].map((part) => inlinePiece(Buffer.from(`${name} ${part} `.repeat(9999))));

/** Counts the blobs that had to be read once more for the archive. */
class CountedBlobs extends PiecedBlobs {
  copied = 0;

  override async copyVerified(...words: Parameters<PiecedBlobs['copyVerified']>): Promise<void> {
    this.copied++;
    await super.copyVerified(...words);
  }
}

interface Made {
  readonly copied: number;
  readonly bytes: Buffer;
}

/** The archive of two images with so many layers each, all made at once. `change` may spoil what was planned. */
async function made(
  counts: readonly number[],
  draft?: ArchiveDraft,
  change?: (draft: ArchiveDraft) => void,
): Promise<Made> {
  const { cache, compression } = inputOf([]);
  const blobs = new CountedBlobs(cache, compression);
  const unknown = {
    mediaType: '',
    digest: `sha256:${'0'.repeat(64)}`,
    diffId: `sha256:${'0'.repeat(64)}`,
    sizeBytes: 0,
  };
  const images = await Promise.all(
    NAMES.map(async (name, i) => {
      const count = counts[i] as number;
      draft?.planImage(name, imageOf(name, Array(count).fill(unknown)).configBytes.length, count);
      const layers: LayerRecipe[] = [];
      for (let n = 0; n < count; n++) {
        const input = { ...inputOf(piecesOf(`${name} ${n}`)), draft: draft?.nextLayer(name) };
        layers.push(await blobs.addLayer(input));
      }
      return imageOf(name, layers);
    }),
  );
  if (draft !== undefined) change?.(draft);
  await writeDockerArchive(path, { index: makeIndex(images, {}), tags: TAGS, blobs, draft });
  return { copied: blobs.copied, bytes: await readFile(path) };
}

describe('an archive with a draft', () => {
  it.each([
    ['one layer each', [1, 1], 0],
    ['layers of the first image', [3, 1], 1],
    ['layers of the second image', [1, 3], 0],
  ])('has the same bytes as without, and most layers were there: %s', async (_what, counts, copied) => {
    const plain = await made(counts);
    await rm(path);
    const draft = await ArchiveDraft.open(path, NAMES);
    const drafted = await made(counts, draft);
    expect(drafted.bytes.equals(plain.bytes)).toBe(true);
    expect(plain.copied).toBe((counts[0] as number) + (counts[1] as number));
    expect(drafted.copied).toBe(copied);
    expect(await readdir(directory)).toEqual(['image.tar']);
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  });

  it.each<[string, readonly string[], (draft: ArchiveDraft) => void]>([
    ['the order was another', ['arm64', 'amd64'], () => {}],
    ['the order lacks an image', ['arm64'], () => {}],
    ['an image is made once more', NAMES, (draft) => draft.giveUp()],
  ])('has the same bytes where %s', async (_what, order, change) => {
    const plain = await made([1, 2]);
    const drafted = await made([1, 2], await ArchiveDraft.open(path, order), change);
    expect(drafted.bytes.equals(plain.bytes)).toBe(true);
    expect(drafted.copied).toBeGreaterThan(0);
  });

  it('is cut where the draft was longer', async () => {
    const plain = await made([1, 1]);
    const draft = (await ArchiveDraft.open(path, NAMES)) as ArchiveDraft;
    draft.planImage('amd64', 1_000_000, 1);
    const { place } = draft.nextLayer('amd64');
    const { path: partial = '', offset = 0 } = (await place) ?? {};
    await writeFile(partial, Buffer.alloc(offset + 1_000_000, 'x'));
    draft.giveUp();
    expect((await made([1, 1], draft)).bytes.equals(plain.bytes)).toBe(true);
  });
});

describe('ArchiveDraft', () => {
  it('tells the next image its place when the one before is compressed', async () => {
    const draft = (await ArchiveDraft.open(path, NAMES)) as ArchiveDraft;
    draft.planImage('amd64', 100, 1);
    draft.planImage('arm64', 600, 1);
    const [first, second] = [draft.nextLayer('amd64'), draft.nextLayer('arm64')];
    expect((await first.place)?.offset).toBe(3 * 512);
    first.compressed(513);
    // Config and layer of the first, each with its header, then the config of the second and a header.
    expect((await second.place)?.offset).toBe(2 * 512 + 3 * 512 + 3 * 512 + 512);
    await draft.drop();
    expect(await readdir(directory)).toEqual([]);
  });

  it.each<[string, (draft: ArchiveDraft) => void]>([
    ['of which nothing is known', () => {}],
    ['with several layers to come', (draft) => draft.planImage('amd64', 100, 2)],
    ['that fails', (draft) => setTimeout(() => draft.giveUp()) && draft.planImage('amd64', 100, 1)],
  ])('has no place behind an image %s', async (_what, before) => {
    const draft = (await ArchiveDraft.open(path, NAMES)) as ArchiveDraft;
    before(draft);
    draft.planImage('arm64', 600, 1);
    expect(await draft.nextLayer('arm64').place).toBeUndefined();
    await draft.drop();
  });

  it('follows a link to its file, and leaves anything but a file alone', async () => {
    await writeFile(path, 'old');
    const link = join(directory, 'link.tar');
    await symlink('image.tar', link);
    const draft = (await ArchiveDraft.open(link, NAMES)) as ArchiveDraft;
    await draft.finish(({ write }) => write(Buffer.from('new')));
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await readFile(link, 'utf8')).toBe('new');
    expect(await ArchiveDraft.open('/dev/null', NAMES)).toBeUndefined();
  });

  it('removes what a killed run left a day ago, and nothing else', async () => {
    const old = new Date(Date.now() - 25 * 60 * 60 * 1000);
    const names = [
      '.stave-0123456789abcdef.partial',
      '.stave-0123456789abcdef.partial.txt',
      '.stave-1.partial',
      'mine',
    ];
    for (const name of [...names, '.stave-fedcba9876543210.partial']) await writeFile(join(directory, name), '');
    for (const name of names) await utimes(join(directory, name), old, old);
    const draft = (await ArchiveDraft.open(path, NAMES)) as ArchiveDraft;
    await draft.drop();
    expect((await readdir(directory)).sort()).toEqual([...names.slice(1), '.stave-fedcba9876543210.partial'].sort());
  });

  it('refuses a folder that is not there, naming it', async () => {
    await expect(ArchiveDraft.open(join(directory, 'missing', 'a.tar'), NAMES)).rejects.toMatchObject({
      code: 'FILE_UNWRITABLE',
    });
  });
});
