import { describe, expect, it } from 'vitest';
import {
  CYCLONEDX_SCHEMA_ABSENT,
  cycloneDxFaults,
  hasCycloneDxSchema,
  spdxFaults,
} from '../../../test/support/sbom-schema.ts';
import { sha256 } from '../../base/digest.ts';
import { describeIndex, describeIndexCycloneDx, type IndexDescriptionInput } from './describe-index.ts';

function indexInput(overrides: Partial<IndexDescriptionInput> = {}): IndexDescriptionInput {
  return {
    createdText: '2023-11-14T22:13:20Z',
    toolVersion: '1.2.3',
    osRelease: { id: 'corpus', name: 'Corpus', version: '1' },
    indexDigest: sha256('index'),
    names: { index: 'index', image: 'image' },
    images: [
      { digest: sha256('b'), arch: 'arm/v7' },
      { digest: sha256('a'), arch: 'amd64' },
    ],
    vcsUrl: '',
    ...overrides,
  };
}

const idOf = (text: string) => `SPDXRef-Package-${sha256(text).replace(':', '-')}`;

describe('describeIndex', () => {
  it('lists the index and its images, sorted by architecture', () => {
    const document = describeIndex(indexInput());
    expect(document.name).toBe(`sbom-${sha256('index')}`);
    expect(document.documentDescribes).toEqual([idOf('index')]);
    expect(document.packages.map((element) => element.externalRefs?.[0]?.referenceLocator)).toEqual([
      `pkg:oci/index@${sha256('index')}?mediaType=application%2Fvnd.oci.image.index.v1%2Bjson`,
      `pkg:oci/image@${sha256('a')}?arch=amd64&mediaType=application%2Fvnd.oci.image.manifest.v1%2Bjson&os=linux`,
      `pkg:oci/image@${sha256('b')}?arch=arm&mediaType=application%2Fvnd.oci.image.manifest.v1%2Bjson&os=linux`,
    ]);
    expect(document.relationships).toEqual(
      ['a', 'b'].map((image) => ({
        spdxElementId: idOf('index'),
        relationshipType: 'VARIANT_OF',
        relatedSpdxElement: idOf(image),
      })),
    );
    expect(new Set(document.packages.map((element) => element.supplier))).toEqual(new Set(['Organization: Corpus']));
    expect(spdxFaults(document)).toEqual([]);
  });

  const REVISION = 'a'.repeat(40);

  it.each([
    [
      `git+ssh://github.com/Org/Repo.git@${REVISION}`,
      {
        name: 'github.com/Org/Repo.git',
        versionInfo: REVISION,
        checksums: [{ algorithm: 'SHA1', checksumValue: REVISION }],
        externalRefs: [expect.objectContaining({ referenceLocator: `pkg:github/Org/Repo@${REVISION}` })],
      },
    ],
    [
      'https://github.com/o/r@abc@d',
      {
        name: 'github.com/o/r',
        externalRefs: [expect.objectContaining({ referenceLocator: 'pkg:github/o/r@abc%40d' })],
      },
    ],
    ['git://example.com/x', { name: 'example.com/x', downloadLocation: 'git://example.com/x' }],
    ['https://user:pw@example.com/x@1', { name: 'example.com/x', downloadLocation: 'https://example.com/x@1' }],
  ])('names the source %s', (vcsUrl, element) => {
    const document = describeIndex(indexInput({ vcsUrl }));
    expect(document.packages.at(-1)).toMatchObject({ primaryPackagePurpose: 'SOURCE', ...element });
    expect(document.relationships.at(-1)).toMatchObject({ relationshipType: 'GENERATED_FROM' });
    expect(JSON.stringify(document)).not.toContain('user:pw');
    expect(spdxFaults(document)).toEqual([]);
  });
});

describe('describeIndexCycloneDx', () => {
  it('has the index as subject, which depends on its images', () => {
    const document = describeIndexCycloneDx(indexInput({ vcsUrl: 'https://example.com/x' }));
    expect(document.metadata.component).toMatchObject({ type: 'container', name: 'index', version: sha256('index') });
    expect(document.components.map((component) => [component.name, component.version])).toEqual([
      ['image', sha256('a')],
      ['image', sha256('b')],
    ]);
    expect(document.dependencies[0]).toEqual({ ref: idOf('index'), dependsOn: [idOf('a'), idOf('b')] });
  });

  it.skipIf(!hasCycloneDxSchema)(`is valid CycloneDX 1.6 (skipped when ${CYCLONEDX_SCHEMA_ABSENT})`, () => {
    expect(cycloneDxFaults(describeIndexCycloneDx(indexInput({ vcsUrl: 'https://example.com/x@1' })))).toEqual([]);
  });
});
