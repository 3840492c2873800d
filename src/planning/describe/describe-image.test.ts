import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describedPackage,
  embeddedDocument,
  filesOf,
  imageInput,
  spdxPackage,
} from '../../../test/support/sbom-input.ts';
import {
  CYCLONEDX_SCHEMA_ABSENT,
  cycloneDxFaults,
  hasCycloneDxSchema,
  spdxFaults,
} from '../../../test/support/sbom-schema.ts';
import { sha256 } from '../../base/digest.ts';
import { printCycloneDx } from '../../formats/sbom/cyclonedx.ts';
import { printSpdx } from '../../formats/sbom/spdx.ts';
import { describeImage } from './describe-image.ts';
import { describeImageCycloneDx } from './describe-image-cyclonedx.ts';
import type { ImageDescriptionInput } from './image-elements.ts';

/** An image with everything: dependencies, odd licences, an embedded SBOM about more than its package, a source. */
function fullInput(): ImageDescriptionInput {
  const embedded = embeddedDocument(
    ['tool', 'bundled'],
    [
      spdxPackage('tool', {
        name: 'tool',
        versionInfo: '2-r0',
        licenseDeclared: 'LicenseRef-tool',
        supplier: 'Person: Eve',
      }),
      spdxPackage('bundled', { versionInfo: '5', primaryPackagePurpose: 'LIBRARY' }),
      spdxPackage('src', { primaryPackagePurpose: 'SOURCE', downloadLocation: 'https://example.com/tool.tar.gz' }),
      spdxPackage('recipe', { primaryPackagePurpose: 'INSTALL' }),
    ],
    ['tool GENERATED_FROM src', 'tool DESCRIBED_BY recipe', 'bundled DEPENDS_ON NONE'],
    { hasExtractedLicensingInfos: [{ licenseId: 'LicenseRef-tool', extractedText: 'do as you like' }] },
  );
  return imageInput({
    packages: [
      describedPackage({ name: 'libc', version: '1-r0', provides: ['so:libc.so.6=6'], license: 'GPL LGPL' }),
      describedPackage(
        { name: 'tool', version: '2-r0', depends: ['so:libc.so.6', '!other'] },
        'https://example.com/tool.apk',
      ),
      describedPackage({
        name: 'app++',
        depends: ['tool>1', 'libc', 'absent'],
        license: 'MIT or custom',
        maintainer: 'A <a@b.c>',
      }),
    ],
    readFile: filesOf({ 'var/lib/db/sbom/tool-2-r0.spdx.json': embedded }),
    vcsUrl: `git+ssh://github.com/Org/repo.git@${'a'.repeat(40)}`,
  });
}

describe('describeImage', () => {
  it('lists image, layers, system, source and every package, each with the relations that are true', () => {
    const document = describeImage(fullInput());
    const image = `Package-Image-${sha256('image').replace(':', '-')}`;
    const layer = `Package-ImageLayer-${sha256('layer').replace(':', '-')}`;
    const source = `Package-gitC43ssh-C47C47github.comC47OrgC47repo.gitC64${'a'.repeat(40)}`;
    const app = 'Package-apk-appC43C43-1.0-r0';
    const short = (id: string) => id.replace('SPDXRef-', '');
    expect(document.packages.map((element) => short(element.SPDXID))).toEqual([
      ...[image, layer, 'OperatingSystem-corpus', source],
      ...['Package-apk-libc-1-r0', 'tool', 'bundled', 'src', 'recipe', app],
    ]);
    expect(
      document.relationships.map((r) =>
        [r.spdxElementId, r.relationshipType, r.relatedSpdxElement].map(short).join(' '),
      ),
    ).toEqual([
      `${image} CONTAINS ${layer}`,
      `${image} CONTAINS OperatingSystem-corpus`,
      `${image} GENERATED_FROM ${source}`,
      `${image} CONTAINS Package-apk-libc-1-r0`,
      'tool GENERATED_FROM src',
      'tool DESCRIBED_BY recipe',
      'bundled DEPENDS_ON NONE',
      `${image} CONTAINS tool`,
      `${image} CONTAINS bundled`,
      'tool CONTAINS bundled',
      `${image} CONTAINS ${app}`,
      'tool DEPENDS_ON Package-apk-libc-1-r0',
      `${app} DEPENDS_ON tool`,
      `${app} DEPENDS_ON Package-apk-libc-1-r0`,
    ]);
    expect(document.documentDescribes.map(short)).toEqual([image]);
    expect(document.hasExtractedLicensingInfos?.map((info) => info.licenseId)).toEqual([
      'LicenseRef-apk-GPLC32LGPL',
      'LicenseRef-tool',
      'LicenseRef-apk-custom',
    ]);
  });

  it('is named by its first layer, its own tool, and a namespace that only its content decides', () => {
    const document = describeImage(imageInput());
    expect(document.name).toBe(`sbom-${sha256('layer')}`);
    expect(document.creationInfo).toEqual({ created: '2023-11-14T22:13:20Z', creators: ['Tool: stave-1.2.3'] });
    expect(document.documentNamespace).toMatch(
      /^https:\/\/spdx\.org\/spdxdocs\/stave\/sbom-sha256-[0-9a-f]{64}-[0-9a-f-]{36}$/,
    );
    expect(describeImage(imageInput())).toEqual(document);
    const others: Partial<ImageDescriptionInput>[] = [
      { arch: 'arm64' },
      { toolVersion: '1.2.4' },
      { createdText: '2024-01-01T00:00:00Z' },
      { packages: [] },
    ];
    const namespaces = others.map((change) => describeImage(imageInput(change)).documentNamespace);
    expect(new Set([document.documentNamespace, ...namespaces]).size).toBe(5);
  });

  it('names equal layers once, and architectures without variant', () => {
    const layer = { digest: sha256('layer'), mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' };
    const document = describeImage(imageInput({ layers: [layer, layer], arch: 'arm/v7' }));
    const layers = document.packages.filter((element) => element.SPDXID.includes('ImageLayer'));
    expect(layers.map((element) => element.externalRefs?.[0]?.referenceLocator)).toEqual([
      `pkg:oci/golden@${sha256('layer')}?arch=arm&mediaType=application%2Fvnd.oci.image.layer.v1.tar%2Bzstd&os=linux`,
    ]);
  });

  it('claims no supplier where os-release names none', () => {
    const document = describeImage(imageInput({ osRelease: { id: '', name: '', version: '' } }));
    expect(new Set(document.packages.map((element) => element.supplier))).toEqual(new Set(['NOASSERTION']));
  });

  it('describes 5,000 packages in linear time', () => {
    const packages = Array.from({ length: 5_000 }, (_, i) =>
      describedPackage({
        name: `p${i}`,
        provides: ['virtual', `so:lib${i}.so`],
        depends: ['virtual', `so:lib${i * 7}.so`],
      }),
    );
    const start = performance.now();
    expect(describeImage(imageInput({ packages })).packages).toHaveLength(5_003);
    expect(performance.now() - start).toBeLessThan(5_000); // Some 0.5 s here; quadratic would take a minute.
  });

  it('is valid SPDX 2.3', () => {
    expect(spdxFaults(describeImage(fullInput()))).toEqual([]);
    const unknown = { id: 'unknown', name: '', version: 'unknown' };
    expect(spdxFaults(describeImage(imageInput({ osRelease: unknown, packages: [] })))).toEqual([]);
  });

  it('would be found invalid if it were', () => {
    const document = describeImage(imageInput());
    const [image, layer] = document.packages;
    if (image === undefined || layer === undefined) throw new Error('the document lacks elements');
    const { packages, relationships } = document;
    expect(spdxFaults({ ...document, packages: [...packages, layer] })).toEqual([`ids defined twice: ${layer.SPDXID}`]);
    expect(spdxFaults({ ...document, packages: packages.slice(1) })).toEqual([`${image.SPDXID} is not defined`]);
    expect(spdxFaults({ ...document, dataLicense: 'MIT' })).toHaveLength(1);
    const odd = { ...image, supplier: 'somebody', licenseDeclared: 'LicenseRef-x', extra: 1 };
    expect(spdxFaults({ ...document, packages: [odd, ...packages.slice(1)], relationships })).toHaveLength(3);
  });

  it('is valid whatever packages say of themselves', () => {
    const text = fc.string({ unit: 'binary' });
    const info = fc.record({
      name: text.filter((s) => s !== ''),
      version: text,
      license: text,
      maintainer: text,
      url: text,
      origin: text,
    });
    fc.assert(
      fc.property(fc.array(info, { maxLength: 3 }), text, (infos, url) => {
        const document = describeImage(imageInput({ packages: infos.map((i) => describedPackage(i, url)) }));
        expect(spdxFaults(JSON.parse(printSpdx(document)))).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('describeImageCycloneDx', () => {
  it('has the image as subject, and all components with what is known of them', () => {
    const { metadata, components } = describeImageCycloneDx(fullInput());
    expect(metadata.component).toMatchObject({
      type: 'container',
      name: 'golden',
      version: sha256('image'),
      purl: expect.stringContaining(`pkg:oci/golden@${sha256('image')}?arch=amd64`),
      properties: [{ name: 'stave:layer', value: sha256('layer') }],
      externalReferences: [{ type: 'vcs', url: `git+ssh://github.com/Org/repo.git@${'a'.repeat(40)}` }],
    });
    expect(metadata.tools.components).toEqual([{ type: 'application', name: 'stave', version: '1.2.3' }]);
    expect(components.map((component) => `${component.type} ${component.name}`)).toEqual([
      ...['operating-system corpus', 'library libc', 'library tool', 'library bundled', 'file recipe', 'library app++'],
    ]);
    expect(components[2]).toMatchObject({
      purl: 'pkg:apk/corpus/tool@2-r0?arch=x86_64&distro=corpus-1&origin=hello',
      supplier: { name: 'Eve' },
      pedigree: { ancestors: [{ type: 'library', name: 'src' }] },
      externalReferences: [{ type: 'distribution', url: 'https://example.com/tool.apk' }],
      hashes: [
        { alg: 'SHA-1', content: 'ab'.repeat(20) },
        { alg: 'SHA-256', content: 'cd'.repeat(32) },
      ],
    });
    expect(components[5]).toMatchObject({
      licenses: [{ expression: 'MIT OR LicenseRef-apk-custom' }],
      authors: [{ name: 'A', email: 'a@b.c' }],
    });
  });

  it('has the graph of dependencies, complete and without a dangling reference', () => {
    const { metadata, components, dependencies } = describeImageCycloneDx(fullInput());
    const graph = new Map(dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
    const tool = 'SPDXRef-tool';
    const [libc, app] = ['SPDXRef-Package-apk-libc-1-r0', 'SPDXRef-Package-apk-appC43C43-1.0-r0'];
    expect(graph.get(metadata.component['bom-ref'] ?? '')).toEqual(['SPDXRef-OperatingSystem-corpus', libc, tool, app]);
    expect(graph.get(app)).toEqual([tool, libc]);
    expect(graph.get(tool)).toEqual([libc, 'SPDXRef-bundled']);
    const refs = [metadata.component, ...components].map((component) => component['bom-ref']);
    expect(dependencies.map(({ ref }) => ref)).toEqual(refs);
    expect(new Set(refs).size).toBe(refs.length);
    for (const target of dependencies.flatMap(({ dependsOn }) => dependsOn)) expect(refs).toContain(target);
  });

  it('is the same for the same image', () => {
    expect(printCycloneDx(describeImageCycloneDx(fullInput()))).toBe(
      printCycloneDx(describeImageCycloneDx(fullInput())),
    );
    const { serialNumber } = describeImageCycloneDx(imageInput());
    expect(describeImageCycloneDx(imageInput({ arch: 'arm64' })).serialNumber).not.toBe(serialNumber);
  });

  it.skipIf(!hasCycloneDxSchema)(`is valid CycloneDX 1.6 (skipped when ${CYCLONEDX_SCHEMA_ABSENT})`, () => {
    expect(cycloneDxFaults(describeImageCycloneDx(fullInput()))).toEqual([]);
    expect(cycloneDxFaults(describeImageCycloneDx(imageInput({ packages: [] })))).toEqual([]);
    expect(cycloneDxFaults({ ...describeImageCycloneDx(imageInput()), serialNumber: '1' })).not.toEqual([]);
  });
});
