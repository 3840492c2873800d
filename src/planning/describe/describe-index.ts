// The SPDX and CycloneDX documents of a multi-architecture index (sbom-and-lock.md 4). No vendor is named as supplier.

import type { Digest } from '../../base/digest.ts';
import { compareBytes } from '../../base/order.ts';
import { type CycloneDxDocument, cycloneDxDocument } from '../../formats/sbom/cyclonedx.ts';
import { ociPurl } from '../../formats/sbom/purl.ts';
import type { SpdxDocument, SpdxPackage } from '../../formats/sbom/spdx.ts';
import { containerComponent, toolComponent } from './describe-image-cyclonedx.ts';
import { IMAGE_MANIFEST_TYPE, imageElement, sourceElement } from './image-elements.ts';
import type { OsRelease } from './os-release.ts';
import { supplierOf } from './package-elements.ts';
import { relation, spdxDocument } from './spdx-document.ts';

const IMAGE_INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

export interface IndexDescriptionInput {
  /** Time of the index, RFC 3339, whole seconds, `Z`. */
  readonly createdText: string;
  readonly toolVersion: string;
  /** Of the first image: its NAME is the supplier. */
  readonly osRelease: OsRelease;
  readonly indexDigest: Digest;
  /** `imageNameOf` the tags, once for the index and once for its images. */
  readonly names: { readonly index: string; readonly image: string };
  /** In any order; `arch` in OCI form. */
  readonly images: readonly { readonly digest: Digest; readonly arch: string }[];
  /** '' = none. */
  readonly vcsUrl: string;
}

interface IndexElements {
  readonly index: SpdxPackage;
  readonly images: readonly SpdxPackage[];
  readonly source: SpdxPackage | undefined;
}

export function describeIndex(input: IndexDescriptionInput): SpdxDocument {
  const { index, images, source } = indexElements(input);
  const sources = source === undefined ? [] : [source];
  return spdxDocument({
    name: `sbom-${input.indexDigest}`,
    createdText: input.createdText,
    toolVersion: input.toolVersion,
    describes: index.SPDXID,
    packages: [index, ...images, ...sources],
    relationships: [
      ...images.map((image) => relation(index, 'VARIANT_OF', image)),
      ...sources.map((element) => relation(index, 'GENERATED_FROM', element)),
    ],
    licensingInfos: [],
  });
}

export function describeIndexCycloneDx(input: IndexDescriptionInput): CycloneDxDocument {
  const { index, images, source } = indexElements(input);
  const refs = images.map((image) => image.SPDXID);
  return cycloneDxDocument({
    metadata: {
      timestamp: input.createdText,
      tools: { components: [toolComponent(input.toolVersion)] },
      component: {
        ...containerComponent(index),
        name: input.names.index,
        ...(source !== undefined && { externalReferences: [{ type: 'vcs', url: source.downloadLocation }] }),
      },
    },
    components: images.map((image) => ({ ...containerComponent(image), name: input.names.image })),
    dependencies: [{ ref: index.SPDXID, dependsOn: refs }, ...refs.map((ref) => ({ ref, dependsOn: [] }))],
  });
}

function indexElements(input: IndexDescriptionInput): IndexElements {
  const supplier = supplierOf(input.osRelease);
  const images = input.images
    .toSorted((a, b) => compareBytes(a.arch, b.arch))
    .map(({ digest, arch }) => {
      const [architecture = ''] = arch.split('/');
      const purl = ociPurl(input.names.image, digest, IMAGE_MANIFEST_TYPE, architecture);
      return imageElement('SPDXRef-Package-', digest, { supplier, purl });
    });
  return {
    index: imageElement('SPDXRef-Package-', input.indexDigest, {
      description: 'Multi-arch image index',
      sourceInfo: 'Generated at image build time by stave',
      supplier,
      purl: ociPurl(input.names.index, input.indexDigest, IMAGE_INDEX_TYPE),
    }),
    images,
    source: input.vcsUrl === '' ? undefined : sourceElement(input.vcsUrl),
  };
}
