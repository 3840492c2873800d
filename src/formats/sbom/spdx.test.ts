import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSpdx, printSpdx, type SpdxDocument } from './spdx.ts';

const TEXT = fc.string({ unit: 'grapheme', minLength: 1 });
const ID = fc.stringMatching(/^SPDXRef-[a-zA-Z0-9.-]{1,12}$/);

const PACKAGE = fc.record(
  {
    SPDXID: ID,
    name: TEXT,
    filesAnalyzed: fc.constant(false as const),
    downloadLocation: TEXT,
    versionInfo: TEXT,
    packageFileName: TEXT,
    licenseConcluded: TEXT,
    licenseDeclared: TEXT,
    description: TEXT,
    homepage: TEXT,
    originator: TEXT,
    supplier: TEXT,
    sourceInfo: TEXT,
    copyrightText: TEXT,
    comment: TEXT,
    attributionTexts: fc.array(TEXT, { minLength: 1, maxLength: 2 }),
    primaryPackagePurpose: fc.constantFrom('APPLICATION', 'OPERATING_SYSTEM', 'SOURCE'),
    builtDate: TEXT,
    checksums: fc.array(fc.record({ algorithm: fc.constantFrom('SHA1', 'BLAKE3'), checksumValue: TEXT }), {
      minLength: 1,
    }),
    externalRefs: fc.array(
      fc.record({
        referenceCategory: fc.constantFrom('PACKAGE-MANAGER', 'SECURITY'),
        referenceLocator: TEXT,
        referenceType: TEXT,
      }),
      { minLength: 1 },
    ),
  },
  { requiredKeys: ['SPDXID', 'name', 'filesAnalyzed', 'downloadLocation'] },
);

const DOCUMENT: fc.Arbitrary<SpdxDocument> = fc.record(
  {
    SPDXID: fc.constant('SPDXRef-DOCUMENT'),
    name: TEXT,
    spdxVersion: TEXT,
    creationInfo: fc.record(
      { created: TEXT, creators: fc.array(TEXT), licenseListVersion: TEXT },
      { requiredKeys: ['created', 'creators'] },
    ),
    dataLicense: TEXT,
    documentNamespace: TEXT,
    documentDescribes: fc.array(ID),
    packages: fc.array(PACKAGE, { maxLength: 3 }),
    relationships: fc.array(
      fc.record({
        spdxElementId: ID,
        relationshipType: fc.constantFrom('CONTAINS', 'DEPENDS_ON', 'OTHER'),
        relatedSpdxElement: fc.oneof(ID, fc.constantFrom('NONE', 'NOASSERTION', 'DocumentRef-x:SPDXRef-y')),
      }),
      { maxLength: 3 },
    ),
    hasExtractedLicensingInfos: fc.array(fc.record({ licenseId: TEXT, extractedText: TEXT }), {
      minLength: 1,
      maxLength: 2,
    }),
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      'SPDXID',
      'name',
      'spdxVersion',
      'creationInfo',
      'dataLicense',
      'documentNamespace',
      'documentDescribes',
      'packages',
      'relationships',
    ],
  },
) as fc.Arbitrary<SpdxDocument>;

const minimal = (extra: Record<string, unknown>) => JSON.stringify({ SPDXID: 'SPDXRef-DOCUMENT', name: 'n', ...extra });

describe('printSpdx and parseSpdx', () => {
  it('give the document back, and the same text again', () => {
    fc.assert(
      fc.property(DOCUMENT, (document) => {
        const text = printSpdx(document);
        const read = parseSpdx(text);
        expect(read).toEqual(document);
        expect(read && printSpdx(read)).toBe(text);
      }),
    );
  });

  it('print keys in the specified order, two spaces an indent, < > & escaped, a final newline', () => {
    const text = printSpdx({
      relationships: [],
      packages: [
        {
          downloadLocation: 'NOASSERTION',
          checksums: [],
          externalRefs: [{ referenceType: 'purl', referenceLocator: 'pkg:x/y?a=1&b=<2>', referenceCategory: 'OTHER' }],
          name: 'y',
          filesAnalyzed: false,
          SPDXID: 'SPDXRef-y',
        },
      ],
      documentDescribes: [],
      documentNamespace: 'https://example.com/',
      dataLicense: 'CC0-1.0',
      creationInfo: { creators: ['Tool: t'], created: '2023-11-14T22:13:20Z' },
      spdxVersion: 'SPDX-2.3',
      name: 'n',
      SPDXID: 'SPDXRef-DOCUMENT',
    });
    expect(text).toBe(`{
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "n",
  "spdxVersion": "SPDX-2.3",
  "creationInfo": {
    "created": "2023-11-14T22:13:20Z",
    "creators": [
      "Tool: t"
    ]
  },
  "dataLicense": "CC0-1.0",
  "documentNamespace": "https://example.com/",
  "documentDescribes": [],
  "packages": [
    {
      "SPDXID": "SPDXRef-y",
      "name": "y",
      "filesAnalyzed": false,
      "downloadLocation": "NOASSERTION",
      "externalRefs": [
        {
          "referenceCategory": "OTHER",
          "referenceLocator": "pkg:x/y?a=1\\u0026b=\\u003c2\\u003e",
          "referenceType": "purl"
        }
      ]
    }
  ],
  "relationships": []
}
`);
  });
});

describe('parseSpdx', () => {
  it.each(['', 'null', '[]', '"text"', '{', '{"a":1}}', 'SPDXVersion: SPDX-2.3'])('refuses %j', (text) => {
    expect(parseSpdx(text)).toBeUndefined();
  });

  it('never throws, whatever JSON it gets', () => {
    const keys = [
      'packages',
      'relationships',
      'files',
      'creationInfo',
      'documentDescribes',
      'hasExtractedLicensingInfos',
    ];
    const document = fc.dictionary(fc.constantFrom(...keys), fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          document.map((d) => JSON.stringify(d)),
        ),
        (text) => void parseSpdx(text),
      ),
    );
  });

  it('survives a byte order mark and deep nesting', () => {
    expect(parseSpdx('\uFEFF{}')?.packages).toEqual([]);
    expect(parseSpdx(`{"packages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)?.packages).toEqual([]);
  });

  it('keeps of a package only known fields of the right type', () => {
    const read = parseSpdx(
      minimal({
        packages: [
          {
            SPDXID: 'SPDXRef-a_b',
            name: 'a',
            versionInfo: 7,
            description: '',
            filesAnalyzed: true,
            hasFiles: ['SPDXRef-File-x'],
            packageVerificationCode: { packageVerificationCodeValue: '00' },
            attributionText: 'thanks',
            primaryPackagePurpose: 'OPERATING-SYSTEM',
            checksums: [{ algorithm: 'CRC', checksumValue: '1' }, 3, { algorithm: 'SHA1' }],
            externalRefs: [
              { referenceCategory: 'PACKAGE_MANAGER', referenceLocator: 'pkg:x/y', referenceType: 'purl' },
              { referenceCategory: 'odd', referenceLocator: 'l', referenceType: 't' },
              { referenceLocator: 'l' },
            ],
            ['__proto__']: { polluted: true },
          },
          { SPDXID: 'SPDXRef-nameless' },
          { name: 'without id' },
          null,
        ],
      }),
    );
    expect(read?.packages).toEqual([
      {
        SPDXID: 'SPDXRef-aC95b',
        name: 'a',
        filesAnalyzed: false,
        downloadLocation: 'NOASSERTION',
        attributionTexts: ['thanks'],
        primaryPackagePurpose: 'OPERATING_SYSTEM',
        externalRefs: [
          { referenceCategory: 'PACKAGE-MANAGER', referenceLocator: 'pkg:x/y', referenceType: 'purl' },
          { referenceCategory: 'OTHER', referenceLocator: 'l', referenceType: 't' },
        ],
      },
    ]);
  });

  it('drops relations of files and snippets with them, and makes unknown types OTHER', () => {
    const relation = (spdxElementId: string, relationshipType: string, relatedSpdxElement: string) => ({
      spdxElementId,
      relationshipType,
      relatedSpdxElement,
    });
    const read = parseSpdx(
      minimal({
        files: [{ SPDXID: 'SPDXRef-f' }],
        snippets: [{ SPDXID: 'SPDXRef-s' }],
        relationships: [
          relation('SPDXRef-a', 'CONTAINS', 'SPDXRef-f'),
          relation('SPDXRef-s', 'OTHER', 'SPDXRef-a'),
          relation('SPDXRef-a', 'LIKES', 'SPDXRef-b_c'),
          { spdxElementId: 'SPDXRef-a' },
        ],
      }),
    );
    expect(read?.relationships).toEqual([relation('SPDXRef-a', 'OTHER', 'SPDXRef-bC95c')]);
  });
});
