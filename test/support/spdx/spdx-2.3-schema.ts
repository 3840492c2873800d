// A strict JSON Schema of SPDX 2.3 documents, written from the specification's tables (clauses 6 to 11 and annexes B, F):
// the fields that our documents may have and no other. No published package carries the official schema; this one refuses
// all that it refuses in those fields, and more: forms of ids, agents, dates, addresses and checksums.

const text = { type: 'string', minLength: 1 } as const;
const spdxId = { type: 'string', pattern: '^SPDXRef-[a-zA-Z0-9.-]+$' } as const;
const agent = { type: 'string', pattern: '^(NOASSERTION|(Organization|Person): .+)$' } as const;
const date = { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$' } as const;

function object(properties: Record<string, object>, required: readonly string[]): object {
  return { type: 'object', properties, required, additionalProperties: false };
}

const checksum = object(
  {
    algorithm: {
      enum: [
        ...['SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512', 'SHA3-256', 'SHA3-384', 'SHA3-512', 'BLAKE2b-256'],
        ...['BLAKE2b-384', 'BLAKE2b-512', 'BLAKE3', 'MD2', 'MD4', 'MD5', 'MD6', 'ADLER32'],
      ],
    },
    checksumValue: { type: 'string', pattern: '^[0-9a-f]+$' },
  },
  ['algorithm', 'checksumValue'],
);

const externalRef = object(
  {
    referenceCategory: { enum: ['SECURITY', 'PACKAGE-MANAGER', 'PERSISTENT-ID', 'OTHER'] },
    referenceType: text,
    referenceLocator: { type: 'string', pattern: '^\\S+$' },
    comment: text,
  },
  ['referenceCategory', 'referenceType', 'referenceLocator'],
);

const spdxPackage = object(
  {
    SPDXID: spdxId,
    name: text,
    versionInfo: text,
    packageFileName: text,
    filesAnalyzed: { const: false },
    licenseConcluded: text,
    licenseDeclared: text,
    description: text,
    downloadLocation: { type: 'string', pattern: '^(NONE|NOASSERTION|[a-z][a-z0-9+.-]*:\\S+)$' },
    homepage: { type: 'string', pattern: '^(NONE|NOASSERTION|[a-z][a-z0-9+.-]*:\\S+)$' },
    originator: agent,
    supplier: agent,
    sourceInfo: text,
    copyrightText: text,
    comment: text,
    attributionTexts: { type: 'array', items: text },
    primaryPackagePurpose: {
      enum: [
        ...['APPLICATION', 'FRAMEWORK', 'LIBRARY', 'CONTAINER', 'OPERATING_SYSTEM', 'DEVICE', 'FIRMWARE', 'SOURCE'],
        ...['ARCHIVE', 'FILE', 'INSTALL', 'OTHER'],
      ],
    },
    builtDate: date,
    checksums: { type: 'array', items: checksum, uniqueItems: true },
    externalRefs: { type: 'array', items: externalRef, uniqueItems: true },
  },
  ['SPDXID', 'name', 'downloadLocation'],
);

const relationship = object(
  {
    spdxElementId: spdxId,
    relatedSpdxElement: { anyOf: [spdxId, { enum: ['NONE', 'NOASSERTION'] }] },
    relationshipType: {
      enum: [
        ...['DESCRIBES', 'DESCRIBED_BY', 'CONTAINS', 'CONTAINED_BY', 'DEPENDS_ON', 'DEPENDENCY_OF', 'GENERATES'],
        ...['DEPENDENCY_MANIFEST_OF', 'BUILD_DEPENDENCY_OF', 'DEV_DEPENDENCY_OF', 'OPTIONAL_DEPENDENCY_OF'],
        ...['PROVIDED_DEPENDENCY_OF', 'TEST_DEPENDENCY_OF', 'RUNTIME_DEPENDENCY_OF', 'EXAMPLE_OF', 'GENERATED_FROM'],
        ...['ANCESTOR_OF', 'DESCENDANT_OF', 'VARIANT_OF', 'DISTRIBUTION_ARTIFACT', 'PATCH_FOR', 'PATCH_APPLIED'],
        ...['COPY_OF', 'FILE_ADDED', 'FILE_DELETED', 'FILE_MODIFIED', 'EXPANDED_FROM_ARCHIVE', 'DYNAMIC_LINK'],
        ...['STATIC_LINK', 'DATA_FILE_OF', 'TEST_CASE_OF', 'BUILD_TOOL_OF', 'DEV_TOOL_OF', 'TEST_OF', 'TEST_TOOL_OF'],
        ...['DOCUMENTATION_OF', 'OPTIONAL_COMPONENT_OF', 'METAFILE_OF', 'PACKAGE_OF', 'AMENDS', 'PREREQUISITE_FOR'],
        ...['HAS_PREREQUISITE', 'REQUIREMENT_DESCRIPTION_FOR', 'SPECIFICATION_FOR', 'OTHER'],
      ],
    },
  },
  ['spdxElementId', 'relatedSpdxElement', 'relationshipType'],
);

export const SPDX_SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  ...object(
    {
      SPDXID: { const: 'SPDXRef-DOCUMENT' },
      spdxVersion: { const: 'SPDX-2.3' },
      dataLicense: { const: 'CC0-1.0' },
      name: text,
      documentNamespace: { type: 'string', pattern: '^https://[^\\s#]+$' },
      creationInfo: object(
        {
          created: date,
          creators: {
            type: 'array',
            minItems: 1,
            items: { type: 'string', pattern: '^(Tool|Organization|Person): .+$' },
          },
          licenseListVersion: { type: 'string', pattern: '^[0-9]+\\.[0-9]+$' },
        },
        ['created', 'creators'],
      ),
      documentDescribes: { type: 'array', minItems: 1, items: spdxId, uniqueItems: true },
      packages: { type: 'array', minItems: 1, items: spdxPackage },
      relationships: { type: 'array', items: relationship, uniqueItems: true },
      hasExtractedLicensingInfos: {
        type: 'array',
        items: object({ licenseId: { type: 'string', pattern: '^LicenseRef-[a-zA-Z0-9.-]+$' }, extractedText: text }, [
          'licenseId',
          'extractedText',
        ]),
      },
    },
    ['SPDXID', 'spdxVersion', 'dataLicense', 'name', 'documentNamespace', 'creationInfo', 'packages', 'relationships'],
  ),
};
