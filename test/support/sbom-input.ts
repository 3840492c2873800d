// Inputs for tests of SBOMs: packages, images and embedded documents with unremarkable defaults.

import { sha256 } from '../../src/base/digest.ts';
import type { PackageInfo } from '../../src/formats/apk/package.ts';
import type { SpdxPackage, SpdxRelationship } from '../../src/formats/sbom/spdx.ts';
import type { ImageDescriptionInput } from '../../src/planning/describe/image-elements.ts';
import type { DescribedPackage } from '../../src/planning/describe/package-elements.ts';

function packageInfo(overrides: Partial<PackageInfo> = {}): PackageInfo {
  return {
    name: 'hello',
    version: '1.0-r0',
    arch: 'x86_64',
    description: 'says hello',
    license: 'MIT',
    origin: 'hello',
    maintainer: '',
    url: '',
    commit: '',
    dataHash: '',
    installedSize: 0,
    buildDate: 0,
    providerPriority: 0,
    depends: [],
    provides: [],
    replaces: [],
    installIf: [],
    triggers: [],
    ...overrides,
  };
}

export function describedPackage(info: Partial<PackageInfo> = {}, url = ''): DescribedPackage {
  return { info: packageInfo(info), controlSha1: 'ab'.repeat(20), dataSha256: 'cd'.repeat(32), url };
}

export function imageInput(overrides: Partial<ImageDescriptionInput> = {}): ImageDescriptionInput {
  return {
    createdText: '2023-11-14T22:13:20Z',
    toolVersion: '1.2.3',
    osRelease: { id: 'corpus', name: 'Corpus', version: '1' },
    imageDigest: sha256('image'),
    layers: [{ digest: sha256('layer'), mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }],
    arch: 'amd64',
    imageName: 'golden',
    packages: [describedPackage()],
    readFile: () => undefined,
    vcsUrl: '',
    ...overrides,
  };
}

/** Reads files out of a map from path to text or value, as an image tree would. */
export function filesOf(files: Readonly<Record<string, unknown>>): (path: string) => Uint8Array | undefined {
  const contents = new Map(Object.entries(files));
  return (path) => {
    const content = contents.get(path);
    if (content === undefined) return undefined;
    return new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content));
  };
}

export function spdxPackage(id: string, overrides: Partial<SpdxPackage> = {}): SpdxPackage {
  return { SPDXID: `SPDXRef-${id}`, name: id, filesAnalyzed: false, downloadLocation: 'NOASSERTION', ...overrides };
}

/** `'a CONTAINS b'` -> the relation between SPDXRef-a and SPDXRef-b. */
function spdxRelation(text: string): SpdxRelationship {
  const [from = '', relationshipType = '', to = ''] = text.split(' ');
  const id = (name: string) => (/^(?:NONE|NOASSERTION|DocumentRef-.*)$/.test(name) ? name : `SPDXRef-${name}`);
  return { spdxElementId: id(from), relationshipType, relatedSpdxElement: id(to) };
}

/** A document as package builders embed it. */
export function embeddedDocument(
  tops: readonly string[],
  packages: readonly SpdxPackage[],
  relations: readonly string[] = [],
  extra: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    SPDXID: 'SPDXRef-DOCUMENT',
    name: 'embedded',
    spdxVersion: 'SPDX-2.3',
    creationInfo: { created: '2023-01-01T00:00:00Z', creators: ['Tool: builder'] },
    dataLicense: 'CC0-1.0',
    documentNamespace: 'https://example.com/embedded',
    documentDescribes: tops.map((id) => `SPDXRef-${id}`),
    packages,
    relationships: relations.map(spdxRelation),
    ...extra,
  };
}
