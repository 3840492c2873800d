import { describe, expect, it } from 'vitest';
import { describedPackage, embeddedDocument, filesOf, spdxPackage } from '../../../test/support/sbom-input.ts';
import { LIMITS } from '../../base/limits.ts';
import { packageElements, splitMaintainer, supplierOf } from './package-elements.ts';

const OS = { id: 'corpus', name: 'Corpus', version: '1' };
const PATH = 'var/lib/db/sbom/hello-1.0-r0.spdx.json';

const elementsOf = (packages: Parameters<typeof packageElements>[0], files = {}, reserved: string[] = []) =>
  packageElements(packages, OS, filesOf(files), reserved);

describe('packageElements of own files', () => {
  it('claims no distribution, no supplier and no address', () => {
    const pkg = describedPackage({ name: 'files-shop', version: '1.2', license: 'MIT', maintainer: 'x' });
    const [elements] = elementsOf([{ ...pkg, ownName: 'shop' }]);
    expect(elements?.own).toMatchObject({
      name: 'shop',
      versionInfo: '1.2',
      licenseDeclared: 'MIT',
      supplier: 'NOASSERTION',
      downloadLocation: 'NOASSERTION',
      comment: expect.stringContaining('files-shop'),
      externalRefs: [{ referenceLocator: 'pkg:generic/shop@1.2' }],
    });
    expect(elements?.own).not.toHaveProperty('originator');
  });
});

describe('packageElements without an SBOM in the package', () => {
  it('tells all that the package says of itself', () => {
    const [elements] = elementsOf([
      describedPackage(
        {
          origin: 'hello-src',
          commit: 'c0ffee',
          license: 'Public Domain',
          maintainer: 'Ada L. <ada@example.com>',
          url: 'https://example.com/hello',
          buildDate: 1700000000,
        },
        'https://user:secret@packages.example.com/x86_64/hello-1.0-r0.apk?token=hidden',
      ),
    ]);
    expect(elements).toEqual({
      own: {
        SPDXID: 'SPDXRef-Package-apk-hello-1.0-r0',
        name: 'hello',
        versionInfo: '1.0-r0',
        packageFileName: 'hello-1.0-r0.apk',
        filesAnalyzed: false,
        licenseConcluded: 'NOASSERTION',
        licenseDeclared: 'LicenseRef-apk-PublicC32Domain',
        description: 'says hello',
        downloadLocation: 'https://packages.example.com/x86_64/hello-1.0-r0.apk?token=xxxxx',
        homepage: 'https://example.com/hello',
        originator: 'Person: Ada L. (ada@example.com)',
        supplier: 'Organization: Corpus',
        sourceInfo: 'built from the source package hello-src at commit c0ffee',
        copyrightText: 'NOASSERTION',
        comment: expect.stringMatching(/SHA1 is of the control member.*SHA256 of the data member/),
        primaryPackagePurpose: 'APPLICATION',
        builtDate: '2023-11-14T22:13:20Z',
        checksums: [
          { algorithm: 'SHA1', checksumValue: 'ab'.repeat(20) },
          { algorithm: 'SHA256', checksumValue: 'cd'.repeat(32) },
        ],
        externalRefs: [
          {
            referenceCategory: 'PACKAGE-MANAGER',
            referenceLocator: 'pkg:apk/corpus/hello@1.0-r0?arch=x86_64&distro=corpus-1&origin=hello-src',
            referenceType: 'purl',
          },
        ],
      },
      licence: expect.objectContaining({ expression: 'LicenseRef-apk-PublicC32Domain' }),
      others: [],
      tops: [],
      relationships: [],
      licensingInfos: [{ licenseId: 'LicenseRef-apk-PublicC32Domain', extractedText: 'Public Domain' }],
    });
  });

  it.each([
    ['/home/someone/packages/x86_64/hello.apk', 'NOASSERTION'],
    ['corpus/packages/x86_64/hello.apk', 'NOASSERTION'],
    ['file:///srv/hello.apk', 'NOASSERTION'],
    ['http://example.com/with space.apk', 'NOASSERTION'],
    ['https://example.com/hello.apk', 'https://example.com/hello.apk'],
  ])('downloaded from %s -> %s', (url, location) => {
    expect(elementsOf([describedPackage({}, url)])[0]?.own.downloadLocation).toBe(location);
  });

  it.each([-1, 0, Number.NaN, 1e15])('no build date from %d', (buildDate) => {
    expect(elementsOf([describedPackage({ buildDate })])[0]?.own.builtDate).toBeUndefined();
  });

  it('an unknown data digest is left out', () => {
    const pkg = { ...describedPackage(), dataSha256: '' };
    expect(elementsOf([pkg])[0]?.own.checksums).toEqual([{ algorithm: 'SHA1', checksumValue: 'ab'.repeat(20) }]);
  });
});

describe('packageElements with an SBOM in the package', () => {
  it('has one element for the package: theirs, with the gaps filled', () => {
    const theirs = spdxPackage('Package-hello', {
      name: 'hello',
      versionInfo: '1.0-r0',
      licenseDeclared: 'MIT OR ISC',
      originator: 'Organization: Upstream',
      sourceInfo: 'from a tarball',
      externalRefs: [
        {
          referenceCategory: 'PACKAGE-MANAGER',
          referenceLocator: 'pkg:apk/unknown/hello@1.0-r0',
          referenceType: 'purl',
        },
      ],
    });
    const source = spdxPackage('Source');
    const document = embeddedDocument(['Package-hello'], [source, theirs], ['Package-hello GENERATED_FROM Source']);
    const [elements] = elementsOf([describedPackage({ license: 'custom' })], { [PATH]: document });
    expect(elements?.own).toMatchObject({
      SPDXID: 'SPDXRef-Package-hello',
      licenseDeclared: 'MIT OR ISC',
      downloadLocation: 'NOASSERTION',
      originator: 'Organization: Upstream',
      supplier: 'Organization: Upstream',
      sourceInfo: 'from a tarball; built from the source package hello',
      description: 'says hello',
    });
    expect(elements?.own.externalRefs?.map((ref) => ref.referenceLocator)).toEqual([
      'pkg:apk/corpus/hello@1.0-r0?arch=x86_64&distro=corpus-1',
      'pkg:apk/unknown/hello@1.0-r0',
    ]);
    expect(elements?.own.checksums).toHaveLength(2);
    expect(elements?.licensingInfos).toEqual([]);
    expect(elements?.tops).toEqual([]);
    expect(elements?.others).toEqual([
      { ...source, originator: 'Organization: Corpus', supplier: 'Organization: Corpus' },
    ]);
    expect(elements?.relationships).toEqual([
      {
        spdxElementId: 'SPDXRef-Package-hello',
        relationshipType: 'GENERATED_FROM',
        relatedSpdxElement: 'SPDXRef-Source',
      },
    ]);
  });

  it('takes the licence of the package where theirs is not stated', () => {
    const theirs = spdxPackage('p', { name: 'hello', versionInfo: '1.0-r0', licenseDeclared: 'NOASSERTION' });
    const [elements] = elementsOf([describedPackage({ license: 'Zlib' })], {
      [PATH]: embeddedDocument(['p'], [theirs]),
    });
    expect(elements?.own.licenseDeclared).toBe('Zlib');
  });

  it('keeps both where theirs is about something else', () => {
    const document = embeddedDocument(['other'], [spdxPackage('other', { versionInfo: '9' })]);
    const [elements] = elementsOf([describedPackage()], { [PATH]: document });
    expect(elements?.own.SPDXID).toBe('SPDXRef-Package-apk-hello-1.0-r0');
    expect(elements?.tops).toEqual(['SPDXRef-other']);
  });

  it('prefers, of several that fit, the one that the document is about', () => {
    const same = { name: 'hello', versionInfo: '1.0-r0' };
    const document = embeddedDocument(['b'], [spdxPackage('a', same), spdxPackage('b', same)], ['b CONTAINS a']);
    expect(elementsOf([describedPackage()], { [PATH]: document })[0]?.own.SPDXID).toBe('SPDXRef-b');
  });
});

describe('packageElements with hostile SBOMs', () => {
  const victim = describedPackage({ name: 'openssl', version: '3-r0' });
  const VICTIM_ID = 'SPDXRef-Package-apk-openssl-3-r0';

  it('lets none redefine or speak for the image or another package', () => {
    const document = embeddedDocument(
      ['me'],
      [
        spdxPackage('me', { name: 'hello', versionInfo: '1.0-r0' }),
        spdxPackage('Package-apk-openssl-3-r0', { name: 'openssl', versionInfo: '0' }),
        spdxPackage('Image', { name: 'fake' }),
      ],
      ['me CONTAINS Package-apk-openssl-3-r0', 'Package-apk-openssl-3-r0 CONTAINS Image', 'Image CONTAINS me'],
    );
    const [hello, openssl] = elementsOf([describedPackage(), victim], { [PATH]: document }, ['SPDXRef-Image']);
    expect(hello?.others).toEqual([]);
    expect(hello?.relationships.map((r) => r.spdxElementId)).toEqual(['SPDXRef-me']);
    expect(openssl?.own).toMatchObject({ SPDXID: VICTIM_ID, versionInfo: '3-r0' });
  });

  it('gives two packages two ids, though both SBOMs claim the same', () => {
    const claim = (name: string, version: string) =>
      embeddedDocument(['x'], [spdxPackage('x', { name, versionInfo: version }), spdxPackage('y')], ['x CONTAINS y']);
    const files = {
      [PATH]: claim('hello', '1.0-r0'),
      'var/lib/db/sbom/openssl-3-r0.spdx.json': claim('openssl', '3-r0'),
    };
    const [first, second] = elementsOf([describedPackage(), victim], files);
    expect([first?.own.SPDXID, second?.own.SPDXID]).toEqual(['SPDXRef-x', VICTIM_ID]);
    expect(second?.relationships.map((r) => r.spdxElementId)).toEqual([VICTIM_ID]);
    expect([first?.others.length, second?.others.length]).toEqual([1, 0]);
  });

  it('gives equal packages different ids', () => {
    const ids = elementsOf([victim, victim, victim]).map((elements) => elements.own.SPDXID);
    expect(new Set(ids).size).toBe(3);
  });

  it('bounds all of them together', () => {
    const bytes = new Uint8Array(LIMITS.embeddedSbomBytes);
    bytes.set(new TextEncoder().encode('{}'));
    bytes.fill(0x20, 2);
    const packages = Array.from({ length: 8 }, (_, i) => describedPackage({ name: `p${i}` }));
    expect(() => packageElements(packages, OS, () => bytes, [])).toThrow(/too large together, counted up to p6/);
  });
});

describe('supplierOf', () => {
  it.each([
    ['Wolfi', 'Organization: Wolfi'],
    ['', 'NOASSERTION'],
  ])('%j', (name, supplier) => {
    expect(supplierOf({ ...OS, name })).toBe(supplier);
  });
});

describe('splitMaintainer', () => {
  it.each([
    ['Ada <ada@example.com>', { name: 'Ada', email: 'ada@example.com' }],
    ['<ada@example.com>', { name: 'ada@example.com', email: undefined }],
    ['Two\nlines <x@y>', { name: 'Two lines', email: 'x@y' }],
    ['  Somebody ', { name: 'Somebody', email: undefined }],
    ['A <b>', { name: 'A <b>', email: undefined }],
    ['A <b@c> d', { name: 'A <b@c> d', email: undefined }],
    ['A <b> c', { name: 'A <b> c', email: undefined }],
    ['', { name: '', email: undefined }],
  ])('%j', (text, parts) => {
    expect(splitMaintainer(text)).toEqual(parts);
  });
});
