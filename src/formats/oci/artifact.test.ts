import { describe, expect, it } from 'vitest';
import { sha256 } from '../../base/digest.ts';
import { EMPTY_CONFIG, makeArtifact } from './artifact.ts';
import { describeBytes, MEDIA_TYPE } from './descriptor.ts';
import { parseManifest } from './manifest.ts';

const subject = describeBytes(Buffer.from('an index'), MEDIA_TYPE.imageIndex, {
  platform: { os: 'linux', architecture: 'amd64' },
  artifactType: 'only the index says that',
});
const layer = describeBytes(Buffer.from('{"spdx":1}'), 'application/spdx+json', { annotations: { title: 'a.json' } });
const input = { artifactType: 'application/spdx+json', layers: [layer], subject, annotations: { b: '2', a: '1' } };

describe('makeArtifact', () => {
  it('prints what OCI 1.1 wants, byte for byte', () => {
    expect(Buffer.from(makeArtifact(input).manifestBytes).toString()).toBe(
      [
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/spdx+json",',
        '"config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,',
        '"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},',
        `"layers":[{"mediaType":"application/spdx+json","size":10,"digest":"${layer.digest}","annotations":{"title":"a.json"}}],`,
        '"annotations":{"a":"1","b":"2"},',
        `"subject":{"mediaType":"application/vnd.oci.image.index.v1+json","size":8,"digest":"${subject.digest}"}}`,
      ].join(''),
    );
  });

  it('describes itself as a list of referrers has it', () => {
    const { descriptor, manifest, manifestBytes } = makeArtifact(input);
    expect(descriptor).toEqual({
      mediaType: MEDIA_TYPE.imageManifest,
      sizeBytes: manifestBytes.length,
      digest: sha256(manifestBytes),
      artifactType: 'application/spdx+json',
      annotations: { a: '1', b: '2' },
    });
    expect(parseManifest(manifestBytes)).toEqual(manifest);
  });

  it('has a config that is there', () => {
    expect(sha256(EMPTY_CONFIG.bytes)).toBe(EMPTY_CONFIG.descriptor.digest);
  });
});
