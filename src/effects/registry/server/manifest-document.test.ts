import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../base/limits.ts';
import { parseManifestDocument } from './manifest-document.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha512:${'b'.repeat(128)}`;
const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const named = (mediaType = 'text/plain', digest = DIGEST) => ({ mediaType, digest, size: 3 });
const image = (more: object = {}) => ({
  schemaVersion: 2,
  mediaType: IMAGE,
  config: named('config'),
  layers: [],
  ...more,
});
const index = (more: object = {}) => ({ schemaVersion: 2, mediaType: INDEX, manifests: [named(IMAGE)], ...more });
const parse = (value: unknown, contentType?: string) =>
  parseManifestDocument(
    value instanceof Uint8Array ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    contentType,
  );

describe('parseManifestDocument', () => {
  it('reads what an image names', () => {
    const document = parse(
      image({
        layers: [named('layer', OTHER)],
        subject: named(IMAGE),
        annotations: { k: 'v' },
        artifactType: 'text/sbom',
      }),
    );
    expect(document).toEqual({
      mediaType: IMAGE,
      blobs: [
        { digest: DIGEST, sizeBytes: 3 },
        { digest: OTHER, sizeBytes: 3 },
      ],
      manifests: [],
      subject: DIGEST,
      artifactType: 'text/sbom',
      annotations: { k: 'v' },
    });
  });

  it('reads what an index names, which has no artifact type of its own accord', () => {
    expect(parse(index())).toMatchObject({ mediaType: INDEX, blobs: [], manifests: [{ digest: DIGEST }] });
    expect(parse(index()).artifactType).toBeUndefined();
    expect(parse(index({ artifactType: 'x/y' })).artifactType).toBe('x/y');
  });

  it('takes the type of the config for the artifact type of an image', () => {
    expect(parse(image()).artifactType).toBe('config');
    expect(parse(image({ artifactType: '' })).artifactType).toBe('config');
  });

  it('asks for no layer that may lie elsewhere', () => {
    const layers = [
      named('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'),
      named('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'),
      { ...named('layer'), urls: ['https://example.com/layer'] },
    ];
    expect(parse(image({ layers })).blobs).toHaveLength(1);
  });

  it('takes the type from the header, without its parameters, or from the field', () => {
    expect(parse({ ...index(), mediaType: undefined }, `${DOCKER_LIST}; charset=utf-8`).mediaType).toBe(DOCKER_LIST);
    expect(parse(image(), undefined).mediaType).toBe(IMAGE);
  });

  const rows: [what: string, value: unknown, contentType: string | undefined, sentence: RegExp][] = [
    ['no JSON', '{', IMAGE, /is not JSON text/],
    ['another kind of JSON', '[]', IMAGE, /is not an object/],
    ['bytes that are not UTF-8', Buffer.from('{"a":"\xff"}', 'latin1'), IMAGE, /is not JSON text/],
    ['two types', image(), INDEX, /says that it is .*manifest.*, but was sent as .*index/],
    ['no type', { schemaVersion: 2 }, undefined, /neither Content-Type nor/],
    ['a type we do not know', { schemaVersion: 2 }, 'text/html', /type text\/html are not kept/],
    ['another schema', image({ schemaVersion: 1 }), IMAGE, /schemaVersion 2/],
    ['an image without config', image({ config: undefined }), IMAGE, /config is missing/],
    ['an image with manifests', image({ manifests: [named()] }), IMAGE, /but has manifests/],
    ['an index with layers', index({ layers: [named()] }), INDEX, /but has layers/],
    [
      'a digest that is none',
      image({ layers: [named('x', 'sha256:AB')] }),
      IMAGE,
      /"sha256:AB", which is not a digest/,
    ],
    ['a size that is none', image({ layers: [{ ...named(), size: -1 }] }), IMAGE, /layers\[0\]\.size/],
    ['annotations that are no texts', image({ annotations: { a: 1 } }), IMAGE, /annotations\.a/],
    ['a subject without digest', image({ subject: { mediaType: 'x', size: 1 } }), IMAGE, /subject\.digest is missing/],
    ['too many bytes', ' '.repeat(LIMITS.imageManifestBytes + 1), IMAGE, /we read at most/],
    ['endless nesting', '['.repeat(100_000), IMAGE, /is not JSON text/],
  ];
  it.each(rows)('refuses %s', (_what, value, contentType, sentence) => {
    expect(() => parse(value, contentType)).toThrow(
      expect.objectContaining({ status: 400, message: expect.stringMatching(sentence) }),
    );
  });
});
