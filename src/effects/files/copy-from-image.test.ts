// Paths out of images that others made: several layers, whiteouts, links, and pins that do not hold.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { type Digest, hashHex, sha256 } from '../../base/digest.ts';
import { noEvents } from '../../base/events.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { describeBytes } from '../../formats/oci/descriptor.ts';
import { makeIndex } from '../../formats/oci/image.ts';
import { planImage } from '../../formats/oci/plan-image.ts';
import type { TarHeader } from '../../formats/tar/entry.ts';
import { printTarHeader, TAR_END, tarPadding } from '../../formats/tar/write.ts';
import { openStore } from '../store/store.ts';
import { copyFromImage } from './copy-from-image.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stave-copy-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const store = openStore({
  root: join(scratch, 'store'),
  explicit: true,
  temporaryDirectory: scratch,
  events: noEvents,
});

const HEADER: TarHeader = {
  name: '',
  type: '0',
  mode: 0o644,
  uid: 1,
  gid: 2,
  uname: '',
  gname: '',
  mtime: 9,
  size: 0,
  linkname: '',
  devmajor: 0,
  devminor: 0,
  pax: {},
};

/** `path %` a device, `path/` a folder, `path -> target` a link, `path = target` a hard link, `path: text` a file. */
function tarOf(lines: readonly string[]): Buffer {
  const parts = lines.flatMap((line) => {
    const [, name = '', sign, rest = ''] = /^(\S+?)(?: ?(->|=|:|%)(?: (.*))?)?$/s.exec(line) ?? [];
    if (sign === '->') return [printTarHeader({ ...HEADER, name, type: '2', linkname: rest })];
    if (sign === '=') return [printTarHeader({ ...HEADER, name, type: '1', linkname: rest })];
    if (sign === '%') return [printTarHeader({ ...HEADER, name, type: '3', devmajor: 1, devminor: 3 })];
    if (sign === undefined && name.endsWith('/')) return [printTarHeader({ ...HEADER, name, type: '5', mode: 0o750 })];
    const content = Buffer.from(rest);
    const padding = TAR_END.subarray(0, tarPadding(content.length));
    return [printTarHeader({ ...HEADER, name, size: content.length }), content, padding];
  });
  return Buffer.concat([...parts, TAR_END]);
}

function imageOf(layers: readonly (readonly string[])[], mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip') {
  const bytes = new Map<Digest, Uint8Array>();
  const imageLayers = layers.map((lines) => {
    const tar = tarOf(lines);
    const blob = mediaType.endsWith('gzip') ? gzipSync(tar) : tar;
    bytes.set(sha256(blob), blob);
    return { descriptor: describeBytes(blob, mediaType), diffId: sha256(tar) };
  });
  const image = planImage({
    platform: { architecture: 'amd64' },
    created: '1970-01-01T00:00:00Z',
    layers: imageLayers,
    entrypoint: [],
    cmd: [],
    env: {},
    annotations: {},
    user: '',
    volumes: [],
    workingDir: '',
    stopSignal: '',
  });
  let asked = 0;
  const blobs: BlobSource = {
    async *open({ digest }) {
      asked++;
      yield bytes.get(digest) as Uint8Array;
    },
  };
  return { index: makeIndex([image], {}), image, blobs, bytes, asked: () => asked };
}

async function copy(
  opened: ReturnType<typeof imageOf>,
  paths: string[],
  more: { pin?: string; archs?: string[]; bytes?: number } = {},
) {
  const { pin = opened.index.descriptor.digest, archs = ['amd64'], bytes = 1000 } = more;
  const open = async () => ({ value: opened.index, blobs: opened.blobs });
  const request = { reference: `x@${pin}`, paths, archs, open, temporaryDirectory: scratch };
  const entries = await copyFromImage(request, store, { files: 100, bytes });
  return entries
    .map((e) => {
      if (e.kind === 'directory') return `${e.path}/ ${e.mode.toString(8)} ${e.owner}`;
      if (e.kind === 'symlink') return `${e.path} -> ${e.target}`;
      return `${e.path}: ${e.content.kind === 'disk' ? readFileSync(e.content.file, 'utf8') : ''}`;
    })
    .sort();
}

const LAYERS = [
  ['usr/', 'usr/a: one', 'usr/b: two', 'usr/gone/', 'usr/gone/x: x', 'usr/old/', 'usr/old/y: y', 'usr/twin = usr/a'],
  ['usr/.wh.gone: ', 'usr/old/.wh..wh..opq: ', 'usr/old/z: z', './usr/b: new', 'usr/l -> ../b'],
];

describe('copyFromImage', () => {
  it('sees what a container would see', async () => {
    expect(await copy(imageOf(LAYERS), ['/usr'])).toEqual([
      'usr/ 750 1:2',
      'usr/a: one',
      'usr/b: new',
      'usr/l -> ../b',
      'usr/old/ 750 1:2',
      'usr/old/z: z',
      'usr/twin: one',
    ]);
  });

  it('takes single paths, of the image itself or of its index, compressed or not', async () => {
    const opened = imageOf(LAYERS, 'application/vnd.oci.image.layer.v1.tar');
    expect(await copy(opened, ['/usr/b', '/usr/old/'], { pin: opened.image.descriptor.digest })).toEqual([
      'usr/b: new',
      'usr/old/ 750 1:2',
      'usr/old/z: z',
    ]);
  });

  it('refuses what is not there, not pinned, or not for this machine', async () => {
    const opened = imageOf(LAYERS);
    await expect(copy(opened, ['/usr/gone'])).rejects.toThrow('has no "/usr/gone" for amd64');
    await expect(copy(opened, ['/usr'], { pin: `sha256:${'0'.repeat(64)}` })).rejects.toThrow(
      'there is no image x@sha256:00',
    );
    await expect(copy(opened, ['/usr'], { archs: ['arm64'] })).rejects.toThrow('has nothing for arm64');
    await expect(copy(opened, ['/usr'], { bytes: 3 })).rejects.toMatchObject({ code: 'ARCHIVE_LIMIT' });
    await expect(copy(imageOf([['a/../../b: x']]), ['/b'])).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
    await expect(copy(opened, ['/usr/a/x'])).rejects.toThrow('has no "/usr/a/x" for amd64');
    await expect(copy(imageOf([['round -> round']]), ['/round/x'])).rejects.toThrow('has no "/round/x" for amd64');
  });

  it('follows links in the folders of a path, and a link itself where a slash says so', async () => {
    const opened = imageOf([['usr/', 'usr/bin/', 'usr/bin/tool: t', 'bin -> usr/bin', 'tool -> bin/tool']]);
    expect(await copy(opened, ['/bin/tool'])).toEqual(['bin/tool: t']);
    expect(await copy(opened, ['/bin', '/tool'])).toEqual(['bin -> usr/bin', 'tool -> bin/tool']);
    expect(await copy(opened, ['/bin/'])).toEqual(['bin/ 750 1:2', 'bin/tool: t']);
    expect(await copy(opened, ['/usr', '/usr/bin'])).toEqual(['usr/ 750 1:2', 'usr/bin/ 750 1:2', 'usr/bin/tool: t']);
  });

  it('takes no device', async () => {
    const opened = imageOf([['dev/', 'dev/null %']]);
    await expect(copy(opened, ['/dev'])).rejects.toThrow('"/dev/null" of x@');
  });

  it('keeps what it copied: the second time nobody opens the image', async () => {
    const opened = imageOf([['opt/', 'opt/a: once', 'opt/b = opt/a', 'opt/c -> a']]);
    const expected = ['opt/ 750 1:2', 'opt/a: once', 'opt/b: once', 'opt/c -> a'];
    expect(await copy(opened, ['/opt'])).toEqual(expected);
    const asked = opened.asked();
    expect(asked).toBeGreaterThan(0);
    expect(await copy(opened, ['/opt'])).toEqual(expected);
    expect(opened.asked()).toBe(asked);
    // Damaged content is no content: it is copied again.
    const file = join(store.entry('downloads', hashHex('sha256', 'once'))!, 'file');
    writeFileSync(file, 'evil');
    expect(await copy(opened, ['/opt'])).toEqual(expected);
    expect(opened.asked()).toBeGreaterThan(asked);
  });

  it('holds what it kept to the bounds, too', async () => {
    const opened = imageOf([['opt/', 'opt/a: twelve bytes']]);
    await copy(opened, ['/opt']);
    await expect(copy(opened, ['/opt'], { bytes: 11 })).rejects.toMatchObject({ code: 'ARCHIVE_LIMIT' });
  });

  it('believes no layer that is not what the pin promises', async () => {
    const opened = imageOf(LAYERS);
    const [digest] = [...opened.bytes.keys()] as [Digest];
    opened.bytes.set(digest, gzipSync(tarOf(['usr/a: evil'])));
    await expect(copy(opened, ['/usr/a'])).rejects.toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    opened.bytes.set(digest, Buffer.from('no gzip'));
    await expect(copy(opened, ['/usr/a'])).rejects.toMatchObject({ name: 'Failure' });
  });
});
