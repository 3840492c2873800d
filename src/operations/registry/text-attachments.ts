// Texts as things that are attached to images (OCI 1.1 referrers): SBOMs, results of checks. The same text makes the same bytes, so
// that attaching it again changes nothing.

import { Failure } from '../../base/failure.ts';
import { EMPTY_CONFIG, makeArtifact } from '../../formats/oci/artifact.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { type Descriptor, describeBytes } from '../../formats/oci/descriptor.ts';
import type { Attachment } from './attachments.ts';

export interface TextAttachment {
  readonly subject: Descriptor;
  /** File name that it gets where it is downloaded. */
  readonly name: string;
  /** Of the text, and what the attachment is. */
  readonly mediaType: string;
  readonly text: string;
}

export interface Attachments {
  /** In the order of the texts. */
  readonly attachments: readonly Attachment[];
  readonly blobs: BlobSource;
}

const TITLE = 'org.opencontainers.image.title';

export function textAttachments(texts: readonly TextAttachment[]): Attachments {
  const contents = new Map<string, Uint8Array>([[EMPTY_CONFIG.descriptor.digest, EMPTY_CONFIG.bytes]]);
  const attachments = texts.map(({ subject, name, mediaType, text }): Attachment => {
    const bytes = new TextEncoder().encode(text);
    const annotations = { [TITLE]: name };
    const layer = describeBytes(bytes, mediaType, { annotations });
    contents.set(layer.digest, bytes);
    const value = makeArtifact({ artifactType: mediaType, layers: [layer], subject, annotations });
    return { subject, value, tag: undefined, attached: [] };
  });
  return {
    attachments,
    blobs: {
      async *open({ digest }, range) {
        const bytes = contents.get(digest);
        if (bytes === undefined) throw new Failure('IMAGE_INVALID', `there is no attachment with the digest ${digest}`);
        yield range === undefined ? bytes : bytes.subarray(range.start, range.end);
      },
    },
  };
}
