// Images against the reference's: layer-and-oci.md 12 and 17. The digests show that every byte of the configs is equal once
// the names of the maker are exchanged; the layout of the reference, that manifests and indexes are.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { compressLayer } from '../../src/effects/output/compress-layer.ts';
import { readOciLayout } from '../../src/effects/output/oci-layout.ts';
import { openVerified } from '../../src/formats/oci/blob-source.ts';
import { type Descriptor, MEDIA_TYPE } from '../../src/formats/oci/descriptor.ts';
import { findImage, type Image, type ImageLayer, imagesOf } from '../../src/formats/oci/image.ts';
import {
  type ImageConfigFile,
  parseImageConfigFile,
  printImageConfigFile,
} from '../../src/formats/oci/image-config.ts';
import { parseIndexManifest, printIndexManifest } from '../../src/formats/oci/image-index.ts';
import { parseManifest, printManifest } from '../../src/formats/oci/manifest.ts';
import { planImage, planIndex } from '../../src/formats/oci/plan-image.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';

const golden = join(sharedDir ?? '', 'golden', 'apko');
const expected = (name: string, file: string): string => join(golden, 'expected', name, file);
const CASES = sharedDir === undefined ? [] : casesWithImages();
const DEFAULTS = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin',
  'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
];
const CREATED = 'org.opencontainers.image.created';

describe.skipIf(sharedDir === undefined)(`images${sharedDir === undefined ? ` (${SHARED_ABSENT})` : ''}`, () => {
  it('are there to compare with', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(66);
  });

  it.each(CASES)('%s %s: the config is read and printed back byte for byte', (name, arch) => {
    const { bytes, digest } = goldenConfig(name, arch);
    expect(sha256(bytes)).toBe(digest);
    expect(sha256(printImageConfigFile(parseImageConfigFile(bytes)))).toBe(digest);
  });

  it.each(CASES)('%s %s: planned from its values, config and manifest are equal', async (name, arch) => {
    const { bytes, digest } = goldenConfig(name, arch);
    const image = await planAgain(name, parseImageConfigFile(bytes));
    expect(asTheReferenceSays(image)).toBe(new TextDecoder().decode(bytes));
    expect(sha256(asTheReferenceSays(image))).toBe(digest);
    expect(blanked(image.manifestBytes)).toBe(blanked(readFileSync(expected(name, `manifest.${arch}.json`))));
  });

  it.each([...new Set(CASES.map(([name]) => name))])('%s: the index says the same of itself', (name) => {
    const meta = JSON.parse(readFileSync(expected(name, 'index-meta.json'), 'utf8')) as {
      annotations: Record<string, string>;
    };
    const { [CREATED]: created = '', ...annotations } = meta.annotations;
    const printed = JSON.parse(
      new TextDecoder().decode(planIndex([], { annotations, created, vcsUrl: '' }).manifestBytes),
    ) as Record<string, unknown>;
    expect(printed['manifests']).toEqual([]);
    delete printed['manifests'];
    expect(JSON.stringify(printed)).toBe(JSON.stringify(meta));
  });

  it('reads the layout of the reference, and prints its manifests and index byte for byte', async () => {
    const { index, blobs } = await readOciLayout(join(golden, 'base', 'layout'));
    expect(sha256(printIndexManifest(parseIndexManifest(index.manifestBytes)))).toBe(index.descriptor.digest);
    const images = imagesOf(index);
    expect(images.map((image) => image.config.architecture)).toEqual(['amd64', 'arm64']);
    for (const image of images) {
      expect(sha256(printManifest(parseManifest(image.manifestBytes)))).toBe(image.descriptor.digest);
      expect(sha256(printImageConfigFile(image.config))).toBe(image.manifest.config.digest);
      for (const layer of image.manifest.layers) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of openVerified(blobs, layer)) chunks.push(chunk);
        const ours = await compressLayer([gunzipSync(Buffer.concat(chunks))], () => {});
        expect(image.config.diffIds).toEqual([ours.diffId]);
        expect(ours.sizeBytes).toBeLessThan(layer.sizeBytes * 1.01);
      }
    }
    const again = planIndex([...images].reverse(), {
      annotations: {},
      created: index.manifest.annotations[CREATED] ?? '',
      vcsUrl: '',
    });
    expect(again.descriptor.digest).toBe(index.descriptor.digest);
  });
});

function casesWithImages(): [name: string, arch: string][] {
  return readdirSync(join(golden, 'expected')).flatMap((name) =>
    ['x86_64', 'aarch64']
      .filter((arch) => existsSync(expected(name, `config.${arch}.json`)))
      .map((arch): [string, string] => [name, arch]),
  );
}

function goldenConfig(name: string, arch: string): { bytes: Uint8Array; digest: string } {
  const digests = JSON.parse(readFileSync(expected(name, 'digests.json'), 'utf8')) as Record<string, string>;
  const digest = Object.keys(digests).find((key) => digests[key] === `<config ${arch}>`);
  return { bytes: new Uint8Array(readFileSync(expected(name, `config.${arch}.json`))), digest: digest ?? '' };
}

/** The image that our plan makes of the values found in a config of the reference. */
async function planAgain(name: string, config: ImageConfigFile): Promise<Image> {
  const base = name === 'base-image' ? await baseFor(config) : undefined;
  const { [CREATED]: created = '', ...annotations } = config.run.labels;
  const { run, variant } = config;
  const configured = run.env.filter((line) => !DEFAULTS.includes(line));
  return planImage({
    platform: { architecture: config.architecture, ...(variant !== undefined && { variant }) },
    created,
    layers: config.diffIds.slice(base?.config.diffIds.length ?? 0).map(layerOf),
    entrypoint: run.entrypoint,
    cmd: run.cmd,
    env: Object.fromEntries(configured.map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)])),
    annotations,
    user: run.user,
    volumes: run.volumes,
    workingDir: run.workingDir,
    stopSignal: run.stopSignal,
    ...(base && { base }),
  });
}

async function baseFor({ architecture }: ImageConfigFile): Promise<Image | undefined> {
  const { index } = await readOciLayout(join(golden, 'base', 'layout'));
  return findImage(index, { architecture, os: 'linux' });
}

function layerOf(diffId: ImageLayer['diffId']): ImageLayer {
  const descriptor: Descriptor = { mediaType: MEDIA_TYPE.layerGzip, sizeBytes: 0, digest: sha256(diffId) };
  return { descriptor, diffId };
}

function asTheReferenceSays(image: Image): string {
  const ours = new TextDecoder().decode(image.configBytes);
  return ours
    .replace('"author":"stave"', '"author":"github.com/chainguard-dev/apko"')
    .replaceAll('"author":"stave"', '"author":"apko"')
    .replaceAll('"created_by":"stave"', '"created_by":"apko"')
    .replaceAll('This is a stave single-layer image', 'This is an apko single-layer image');
}

/** The JSON in its own key order, without what the compressor and the maker's name decide. */
function blanked(bytes: Uint8Array): string {
  const manifest = JSON.parse(new TextDecoder().decode(bytes)) as { config: object; layers: object[] };
  const blank = (descriptor: object) => ({ ...descriptor, size: 0, digest: '' });
  return JSON.stringify({ ...manifest, config: blank(manifest.config), layers: manifest.layers.map(blank) });
}
