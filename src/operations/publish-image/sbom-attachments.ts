// The SBOMs of a build as things that are attached to its images and its index (OCI 1.1 referrers). The same build makes the
// same bytes, so that publishing again changes nothing.

import { Failure } from '../../base/failure.ts';
import { EMPTY_CONFIG, makeArtifact } from '../../formats/oci/artifact.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { type Descriptor, describeBytes } from '../../formats/oci/descriptor.ts';
import type { BuildResult } from '../build-image/make-image.ts';
import type { SbomFile } from '../image/describe-image.ts';
import type { Attachment } from '../registry/attachments.ts';

const TITLE = 'org.opencontainers.image.title';

export interface SbomAttachments {
  /** Of the images in the order of the build, then of the index. */
  readonly attachments: readonly Attachment[];
  readonly blobs: BlobSource;
}

export function sbomAttachments({ index, indexSboms, images }: BuildResult): SbomAttachments {
  const contents = new Map<string, Uint8Array>([[EMPTY_CONFIG.descriptor.digest, EMPTY_CONFIG.bytes]]);
  const attach = (subject: Descriptor, { name, mediaType, text }: SbomFile): Attachment => {
    const bytes = new TextEncoder().encode(text);
    const layer = describeBytes(bytes, mediaType, { annotations: { [TITLE]: name } });
    contents.set(layer.digest, bytes);
    const value = makeArtifact({ artifactType: mediaType, layers: [layer], subject, annotations: { [TITLE]: name } });
    return { subject, value, tag: undefined, attached: [] };
  };
  const subjects = [...images.map(({ image, sboms }) => ({ of: image, sboms })), { of: index, sboms: indexSboms }];
  return {
    attachments: subjects.flatMap(({ of, sboms }) => sboms.map((sbom) => attach(of.descriptor, sbom))),
    blobs: {
      async *open({ digest }, range) {
        const bytes = contents.get(digest);
        if (bytes === undefined) throw new Failure('IMAGE_INVALID', `there is no SBOM with the digest ${digest}`);
        yield range === undefined ? bytes : bytes.subarray(range.start, range.end);
      },
    },
  };
}
