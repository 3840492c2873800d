// The SBOMs of a build as things that are attached to its images and its index.

import type { BuildResult } from '../build-image/make-image.ts';
import { type Attachments, textAttachments } from '../registry/text-attachments.ts';

/** Of the images in the order of the build, then of the index. */
export function sbomAttachments({ index, indexSboms, images }: BuildResult): Attachments {
  const subjects = [...images.map(({ image, sboms }) => ({ of: image, sboms })), { of: index, sboms: indexSboms }];
  return textAttachments(
    subjects.flatMap(({ of, sboms }) => sboms.map((sbom) => ({ ...sbom, subject: of.descriptor }))),
  );
}
