// The SPDX document of one image (sbom-and-lock.md 2 and 3): all that the reference's holds, and every installed package.

import type { Identify } from '../../formats/sbom/document-uuid.ts';
import type { SpdxDocument, SpdxPackage, SpdxRelationship } from '../../formats/sbom/spdx.ts';
import { type ImageDescriptionInput, type ImageElements, imageElements } from './image-elements.ts';
import type { PackageElements } from './package-elements.ts';
import { relation, spdxDocument } from './spdx-document.ts';

/**
 * Pure: equal input gives an equal document. Failures PACKAGE_INVALID and ARCHIVE_LIMIT for SBOMs inside packages that are
 * inconsistent or too large; whatever `readFile` throws passes.
 */
export function describeImage(input: ImageDescriptionInput, identify?: Identify): SpdxDocument {
  const elements = imageElements(input);
  const { image, layers, os, source, packages } = elements;
  const document = {
    name: `sbom-${layers[0]?.name ?? image.name}`,
    createdText: input.createdText,
    toolVersion: input.toolVersion,
    describes: image.SPDXID,
    packages: [image, ...layers, os, ...presentIn(source), ...packages.flatMap(({ own, others }) => [own, ...others])],
    relationships: relationships(elements),
    licensingInfos: packages.flatMap((pkg) => pkg.licensingInfos),
  };
  return spdxDocument(document, identify);
}

function relationships({ image, layers, os, source, packages, dependencies }: ImageElements): SpdxRelationship[] {
  return [
    ...layers.map((layer) => relation(image, 'CONTAINS', layer)),
    relation(image, 'CONTAINS', os),
    ...presentIn(source).map((element) => relation(image, 'GENERATED_FROM', element)),
    ...packages.flatMap((pkg) => packageRelationships(image, pkg)),
    ...packages.flatMap(({ own }, index) =>
      (dependencies[index] ?? []).flatMap((target) =>
        presentIn(packages[target]).map((needed) => relation(own, 'DEPENDS_ON', needed.own)),
      ),
    ),
  ];
}

function packageRelationships(image: SpdxPackage, { own, tops, relationships: embedded }: PackageElements) {
  return [
    ...embedded,
    relation(image, 'CONTAINS', own),
    // What the package's SBOM is about besides the package itself is in the image because it is in the package.
    ...tops.flatMap((top) => [relation(image, 'CONTAINS', top), relation(own, 'CONTAINS', top)]),
  ];
}

function presentIn<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}
