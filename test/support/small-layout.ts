// Images with one file, `hello.txt`, for clients that unpack what they get: as values of ours, and as an OCI layout.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describeBytes, MEDIA_TYPE } from '../../src/formats/oci/descriptor.ts';
import { makeImage, makeIndex } from '../../src/formats/oci/image.ts';
import { parseImageConfigFile } from '../../src/formats/oci/image-config.ts';
import { descriptor, IMAGE_TYPE, sha256Of } from './raw-registry.ts';
import { memoryBlobs, type TestImages } from './registry-client.ts';

/** Writes the layout to a folder in `place`, its image named `1`, and answers with the path. */
export async function smallLayout(place: string): Promise<string> {
  const layout = join(place, 'layout');
  await mkdir(join(layout, 'blobs', 'sha256'), { recursive: true });
  const blob = async (bytes: Uint8Array | string, mediaType: string) => {
    await writeFile(join(layout, 'blobs', sha256Of(bytes).replace(':', '/')), bytes);
    return descriptor(bytes, mediaType);
  };
  const tar = tarOf('hello.txt', 'hello\n');
  const layer = await blob(gzipSync(tar), 'application/vnd.oci.image.layer.v1.tar+gzip');
  const config = {
    architecture: 'amd64',
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: { Cmd: ['/hello'] },
    rootfs: { type: 'layers', diff_ids: [sha256Of(tar)] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'the test' }],
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: IMAGE_TYPE,
    config: await blob(JSON.stringify(config), 'application/vnd.oci.image.config.v1+json'),
    layers: [layer],
  };
  const named = {
    ...(await blob(JSON.stringify(manifest), IMAGE_TYPE)),
    annotations: { 'org.opencontainers.image.ref.name': '1' },
  };
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  return layout;
}

/** An index of two images of which each has one layer. */
export function helloImages(text: string): TestImages {
  const images = ['amd64', 'arm64'].map((architecture) => {
    const tar = tarOf('hello.txt', `${text} ${architecture}\n`);
    const bytes = gzipSync(tar);
    const layer = { bytes, descriptor: describeBytes(bytes, MEDIA_TYPE.layerGzip) };
    const config = { architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: [sha256Of(tar)] } };
    const file = parseImageConfigFile(Buffer.from(JSON.stringify(config)), 'the config');
    return { layer, image: makeImage(file, [layer.descriptor], {}) };
  });
  const layers = images.map(({ layer }) => layer);
  const values = images.map(({ image }) => image);
  return { index: makeIndex(values, {}), images: values, layers, blobs: memoryBlobs(...layers) };
}

function tarOf(name: string, text: string): Buffer {
  const header = Buffer.alloc(512);
  const fields: [offset: number, value: string][] = [
    [0, name],
    [100, '0000644\0'],
    [108, '0000000\0'],
    [116, '0000000\0'],
    [124, `${text.length.toString(8).padStart(11, '0')}\0`],
    [136, '00000000000\0'],
    [148, '        '],
    [156, '0'],
    [257, 'ustar\x0000'],
  ];
  for (const [offset, value] of fields) header.write(value, offset, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([header, Buffer.from(text), Buffer.alloc(512 - text.length + 1024)]);
}
