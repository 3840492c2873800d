// The elements of an image's SBOM and how they relate, before any format: both SPDX and CycloneDX are printed from this.
// Follows sbom-and-lock.md 2, and adds every installed package and the dependencies between them.

import { type Digest, digestHex } from '../../base/digest.ts';
import { stripCredentials } from '../../base/redact.ts';
import { ociPurl, printPurl } from '../../formats/sbom/purl.ts';
import type { SpdxExternalRef, SpdxPackage } from '../../formats/sbom/spdx.ts';
import { encodeSpdxId } from '../../formats/sbom/spdx-id.ts';
import { dependencyEdges } from './dependencies.ts';
import type { ImageFileReader } from './embedded-sbom.ts';
import type { OsRelease } from './os-release.ts';
import { type DescribedPackage, type PackageElements, packageElements, supplierOf } from './package-elements.ts';

export const IMAGE_MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

export interface ImageDescriptionInput {
  /** The image's own time T (layer-and-oci.md 10), RFC 3339, whole seconds, `Z`. */
  readonly createdText: string;
  readonly toolVersion: string;
  readonly osRelease: OsRelease;
  /** Of the manifest. */
  readonly imageDigest: Digest;
  /** At least one, in order. */
  readonly layers: readonly { readonly digest: Digest; readonly mediaType: string }[];
  /** OCI form; a variant (`arm/v7`) is left out of purls. */
  readonly arch: string;
  /** See `imageNameOf`. */
  readonly imageName: string;
  /** In installed order. */
  readonly packages: readonly DescribedPackage[];
  readonly readFile: ImageFileReader;
  /** '' = none. */
  readonly vcsUrl: string;
}

export interface ImageElements {
  readonly image: SpdxPackage;
  readonly layers: readonly SpdxPackage[];
  readonly os: SpdxPackage;
  /** Where the configuration comes from. */
  readonly source: SpdxPackage | undefined;
  readonly packages: readonly PackageElements[];
  /** For each package the indexes of those that it depends on. */
  readonly dependencies: readonly (readonly number[])[];
}

/** Failures of `packageElements`. */
export function imageElements(input: ImageDescriptionInput): ImageElements {
  const { osRelease } = input;
  const [architecture = ''] = input.arch.split('/');
  const image = imageElement('SPDXRef-Package-Image-', input.imageDigest, {
    description: 'container image',
    supplier: supplierOf(osRelease),
    purl: ociPurl(input.imageName, input.imageDigest, IMAGE_MANIFEST_TYPE, architecture),
  });
  // Equal layers (empty ones) are one element.
  const digests = new Map(input.layers.map((layer) => [layer.digest, layer]));
  const layers = [...digests.values()].map(
    ({ digest, mediaType }): SpdxPackage => ({
      SPDXID: `SPDXRef-Package-ImageLayer-${encodeSpdxId(digest)}`,
      name: digest,
      ...(osRelease.version !== '' && { versionInfo: osRelease.version }),
      filesAnalyzed: false,
      description: 'image layer',
      downloadLocation: 'NOASSERTION',
      supplier: supplierOf(osRelease),
      primaryPackagePurpose: 'CONTAINER',
      externalRefs: [purlRef(ociPurl(input.imageName, digest, mediaType, architecture))],
    }),
  );
  const os: SpdxPackage = {
    SPDXID: `SPDXRef-OperatingSystem-${encodeSpdxId(osRelease.id)}`,
    name: osRelease.id === '' ? 'unknown' : osRelease.id,
    ...(osRelease.version !== '' && { versionInfo: osRelease.version }),
    filesAnalyzed: false,
    description: 'Operating System',
    downloadLocation: 'NOASSERTION',
    supplier: supplierOf(osRelease),
    primaryPackagePurpose: 'OPERATING_SYSTEM',
  };
  const source = input.vcsUrl === '' ? undefined : sourceElement(input.vcsUrl);
  const reserved = [image, ...layers, os, ...(source === undefined ? [] : [source])].map((element) => element.SPDXID);
  return {
    image,
    layers,
    os,
    source,
    packages: packageElements(input.packages, osRelease, input.readFile, ['SPDXRef-DOCUMENT', ...reserved]),
    dependencies: dependencyEdges(input.packages.map((pkg) => pkg.info)),
  };
}

/** The element of an image or index, named by its digest. */
export function imageElement(
  idPrefix: string,
  digest: Digest,
  about: {
    readonly description?: string;
    readonly supplier: string;
    readonly purl: string;
    readonly sourceInfo?: string;
  },
): SpdxPackage {
  return {
    SPDXID: `${idPrefix}${encodeSpdxId(digest)}`,
    name: digest,
    versionInfo: digest,
    filesAnalyzed: false,
    ...(about.description !== undefined && { description: about.description }),
    downloadLocation: 'NOASSERTION',
    supplier: about.supplier,
    ...(about.sourceInfo !== undefined && { sourceInfo: about.sourceInfo }),
    primaryPackagePurpose: 'CONTAINER',
    checksums: [{ algorithm: 'SHA256', checksumValue: digestHex(digest) }],
    externalRefs: [purlRef(about.purl)],
  };
}

/** The element of a vcs-url such as `git+ssh://host/org/repo.git@<revision>` (sbom-and-lock.md 4, item 3). */
export function sourceElement(givenUrl: string): SpdxPackage {
  const vcsUrl = stripCredentials(givenUrl);
  const at = vcsUrl.indexOf('@');
  const [address, revision] = at === -1 ? [vcsUrl, ''] : [vcsUrl.slice(0, at), vcsUrl.slice(at + 1)];
  const name = address.replace(/^(?:git\+ssh|git|https):\/\//, '');
  const [host, organization, repository] = name.split('/');
  const onGitHub = host === 'github.com' && organization !== undefined && repository !== undefined;
  const purl = onGitHub
    ? printPurl({ type: 'github', namespace: organization, name: repository.replace(/\.git$/, ''), version: revision })
    : undefined;
  return {
    SPDXID: `SPDXRef-Package-${encodeSpdxId(vcsUrl)}`,
    name,
    ...(revision !== '' && { versionInfo: revision }),
    filesAnalyzed: false,
    description: 'Image configuration source',
    downloadLocation: vcsUrl,
    primaryPackagePurpose: 'SOURCE',
    ...(/^[0-9a-f]{40}$/.test(revision) && { checksums: [{ algorithm: 'SHA1', checksumValue: revision }] }),
    ...(purl !== undefined && { externalRefs: [purlRef(purl)] }),
  };
}

function purlRef(purl: string): SpdxExternalRef {
  return { referenceCategory: 'PACKAGE-MANAGER', referenceLocator: purl, referenceType: 'purl' };
}
