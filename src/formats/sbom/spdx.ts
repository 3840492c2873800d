// SPDX 2.3 documents as JSON (sbom-and-lock.md 1): the fields we write, and the printer and reader of that form.
// The reader is for documents that packages bring along: it never throws, and what it lets through fits the official schema.

import { printJson } from '../../base/canonical-json.ts';
import { encodeSpdxId } from './spdx-id.ts';

export const SPDX_DOCUMENT_ID = 'SPDXRef-DOCUMENT';

export interface SpdxDocument {
  readonly SPDXID: string;
  readonly name: string;
  readonly spdxVersion: string;
  readonly creationInfo: SpdxCreationInfo;
  readonly dataLicense: string;
  readonly documentNamespace: string;
  readonly documentDescribes: readonly string[];
  readonly packages: readonly SpdxPackage[];
  readonly relationships: readonly SpdxRelationship[];
  readonly hasExtractedLicensingInfos?: readonly SpdxLicensingInfo[];
}

interface SpdxCreationInfo {
  /** RFC 3339, UTC, whole seconds. */
  readonly created: string;
  /** `Tool: name-version`, `Organization: name`, `Person: name (mail)`. */
  readonly creators: readonly string[];
  readonly licenseListVersion?: string;
}

export interface SpdxPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly versionInfo?: string;
  readonly packageFileName?: string;
  /** Files are never listed, so never analyzed: no verification code is then needed. */
  readonly filesAnalyzed: false;
  readonly licenseConcluded?: string;
  readonly licenseDeclared?: string;
  readonly description?: string;
  readonly downloadLocation: string;
  readonly homepage?: string;
  readonly originator?: string;
  readonly supplier?: string;
  readonly sourceInfo?: string;
  readonly copyrightText?: string;
  readonly comment?: string;
  readonly attributionTexts?: readonly string[];
  readonly primaryPackagePurpose?: string;
  readonly builtDate?: string;
  readonly checksums?: readonly SpdxChecksum[];
  readonly externalRefs?: readonly SpdxExternalRef[];
}

export interface SpdxChecksum {
  /** SPDX spelling: `SHA1`, `SHA256` ... */
  readonly algorithm: string;
  readonly checksumValue: string;
}

export interface SpdxExternalRef {
  readonly referenceCategory: string;
  readonly referenceLocator: string;
  readonly referenceType: string;
}

export interface SpdxRelationship {
  readonly spdxElementId: string;
  readonly relationshipType: string;
  readonly relatedSpdxElement: string;
}

export interface SpdxLicensingInfo {
  readonly licenseId: string;
  readonly extractedText: string;
}

/** JSON with two spaces an indent, keys in the order of the interfaces above, optional empty lists left out, final newline. */
export function printSpdx(document: SpdxDocument): string {
  const ordered = {
    SPDXID: document.SPDXID,
    name: document.name,
    spdxVersion: document.spdxVersion,
    creationInfo: {
      created: document.creationInfo.created,
      creators: document.creationInfo.creators,
      licenseListVersion: document.creationInfo.licenseListVersion,
    },
    dataLicense: document.dataLicense,
    documentNamespace: document.documentNamespace,
    documentDescribes: document.documentDescribes,
    packages: document.packages.map(orderedPackage),
    relationships: document.relationships.map((relationship) => ({
      spdxElementId: relationship.spdxElementId,
      relationshipType: relationship.relationshipType,
      relatedSpdxElement: relationship.relatedSpdxElement,
    })),
    hasExtractedLicensingInfos: filled(document.hasExtractedLicensingInfos)?.map((info) => ({
      licenseId: info.licenseId,
      extractedText: info.extractedText,
    })),
  };
  return `${printJson(ordered, 2)}\n`;
}

/** The package with its keys in printing order. */
function orderedPackage(element: SpdxPackage) {
  return {
    SPDXID: element.SPDXID,
    name: element.name,
    versionInfo: element.versionInfo,
    packageFileName: element.packageFileName,
    filesAnalyzed: element.filesAnalyzed,
    licenseConcluded: element.licenseConcluded,
    licenseDeclared: element.licenseDeclared,
    description: element.description,
    downloadLocation: element.downloadLocation,
    homepage: element.homepage,
    originator: element.originator,
    supplier: element.supplier,
    sourceInfo: element.sourceInfo,
    copyrightText: element.copyrightText,
    comment: element.comment,
    attributionTexts: filled(element.attributionTexts),
    primaryPackagePurpose: element.primaryPackagePurpose,
    builtDate: element.builtDate,
    checksums: filled(element.checksums)?.map(({ algorithm, checksumValue }) => ({ algorithm, checksumValue })),
    externalRefs: filled(element.externalRefs)?.map((ref) => ({
      referenceCategory: ref.referenceCategory,
      referenceLocator: ref.referenceLocator,
      referenceType: ref.referenceType,
    })),
  };
}

function filled<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

const PURPOSES = new Set([
  ...[
    'APPLICATION',
    'FRAMEWORK',
    'LIBRARY',
    'CONTAINER',
    'OPERATING_SYSTEM',
    'DEVICE',
    'FIRMWARE',
    'SOURCE',
    'ARCHIVE',
  ],
  ...['FILE', 'INSTALL', 'OTHER'],
]);

const REFERENCE_CATEGORIES = new Set(['OTHER', 'PERSISTENT-ID', 'SECURITY', 'PACKAGE-MANAGER']);

const CHECKSUM_ALGORITHMS = new Set([
  ...['SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512', 'SHA3-256', 'SHA3-384', 'SHA3-512', 'MD2', 'MD4', 'MD5', 'MD6'],
  ...['BLAKE2b-256', 'BLAKE2b-384', 'BLAKE2b-512', 'BLAKE3', 'ADLER32'],
]);

const RELATIONSHIP_TYPES = new Set([
  ...['DESCRIBES', 'DESCRIBED_BY', 'CONTAINS', 'CONTAINED_BY', 'DEPENDS_ON', 'DEPENDENCY_OF', 'DEPENDENCY_MANIFEST_OF'],
  ...['BUILD_DEPENDENCY_OF', 'DEV_DEPENDENCY_OF', 'OPTIONAL_DEPENDENCY_OF', 'PROVIDED_DEPENDENCY_OF'],
  ...['TEST_DEPENDENCY_OF', 'RUNTIME_DEPENDENCY_OF', 'EXAMPLE_OF', 'GENERATES', 'GENERATED_FROM', 'ANCESTOR_OF'],
  ...['DESCENDANT_OF', 'VARIANT_OF', 'DISTRIBUTION_ARTIFACT', 'PATCH_FOR', 'PATCH_APPLIED', 'COPY_OF', 'FILE_ADDED'],
  ...['FILE_DELETED', 'FILE_MODIFIED', 'EXPANDED_FROM_ARCHIVE', 'DYNAMIC_LINK', 'STATIC_LINK', 'DATA_FILE_OF'],
  ...['TEST_CASE_OF', 'BUILD_TOOL_OF', 'DEV_TOOL_OF', 'TEST_OF', 'TEST_TOOL_OF', 'DOCUMENTATION_OF', 'METAFILE_OF'],
  ...['OPTIONAL_COMPONENT_OF', 'PACKAGE_OF', 'AMENDS', 'PREREQUISITE_FOR', 'HAS_PREREQUISITE'],
  ...['REQUIREMENT_DESCRIPTION_FOR', 'SPECIFICATION_FOR', 'OTHER'],
]);

/**
 * Reads a document, or undefined where the text is not a JSON object. Of its elements only packages are kept; relations to
 * or from its files and snippets go with them. Fields of a wrong type or value are dropped or become `OTHER`, invalid
 * characters of ids are encoded. Linear in the text, whose length the caller bounds.
 */
export function parseSpdx(text: string): SpdxDocument | undefined {
  const root = parseObject(text);
  if (root === undefined) return undefined;
  const created = objectOf(root['creationInfo']);
  const licenseListVersion = textOf(created['licenseListVersion']);
  const filesAndSnippets = new Set(
    [...objectsOf(root['files']), ...objectsOf(root['snippets'])].map((o) => o['SPDXID']),
  );
  const licensingInfos = objectsOf(root['hasExtractedLicensingInfos']).flatMap(readLicensingInfo);
  return {
    SPDXID: cleanId(textOf(root['SPDXID']) ?? SPDX_DOCUMENT_ID),
    name: textOf(root['name']) ?? '',
    spdxVersion: textOf(root['spdxVersion']) ?? '',
    creationInfo: {
      created: textOf(created['created']) ?? '',
      creators: textsOf(created['creators']),
      ...(licenseListVersion !== undefined && { licenseListVersion }),
    },
    dataLicense: textOf(root['dataLicense']) ?? '',
    documentNamespace: textOf(root['documentNamespace']) ?? '',
    documentDescribes: textsOf(root['documentDescribes']).map(cleanId),
    packages: objectsOf(root['packages']).flatMap(readPackage),
    relationships: objectsOf(root['relationships'])
      .filter((r) => !filesAndSnippets.has(r['spdxElementId']) && !filesAndSnippets.has(r['relatedSpdxElement']))
      .flatMap(readRelationship),
    ...(licensingInfos.length > 0 && { hasExtractedLicensingInfos: licensingInfos }),
  };
}

type JsonObject = Readonly<Record<string, unknown>>;

/** Fields taken over as they are when they hold a text. */
const TEXT_FIELDS = [
  ...['versionInfo', 'packageFileName', 'licenseConcluded', 'licenseDeclared', 'description', 'homepage', 'originator'],
  ...['supplier', 'sourceInfo', 'copyrightText', 'comment', 'builtDate'],
] as const;

function readPackage(source: JsonObject): SpdxPackage[] {
  const id = textOf(source['SPDXID']);
  const name = textOf(source['name']);
  if (id === undefined || name === undefined) return [];
  const texts: Partial<Record<(typeof TEXT_FIELDS)[number], string>> = {};
  for (const field of TEXT_FIELDS) {
    const text = textOf(source[field]);
    if (text !== undefined) texts[field] = text;
  }
  // Both spellings of the purpose and of the category occur in published documents; the schema knows one of each.
  const purpose = textOf(source['primaryPackagePurpose'])?.replaceAll('-', '_');
  const attributionTexts = [...textsOf([source['attributionText']]), ...textsOf(source['attributionTexts'])];
  const checksums = objectsOf(source['checksums']).flatMap(readChecksum);
  const externalRefs = objectsOf(source['externalRefs']).flatMap(readExternalRef);
  return [
    {
      SPDXID: cleanId(id),
      name,
      filesAnalyzed: false,
      downloadLocation: textOf(source['downloadLocation']) ?? 'NOASSERTION',
      ...texts,
      ...(attributionTexts.length > 0 && { attributionTexts }),
      ...(purpose !== undefined && PURPOSES.has(purpose) && { primaryPackagePurpose: purpose }),
      ...(checksums.length > 0 && { checksums }),
      ...(externalRefs.length > 0 && { externalRefs }),
    },
  ];
}

function readChecksum(source: JsonObject): SpdxChecksum[] {
  const algorithm = textOf(source['algorithm']);
  const checksumValue = textOf(source['checksumValue']);
  if (algorithm === undefined || checksumValue === undefined || !CHECKSUM_ALGORITHMS.has(algorithm)) return [];
  return [{ algorithm, checksumValue }];
}

function readExternalRef(source: JsonObject): SpdxExternalRef[] {
  const category = textOf(source['referenceCategory'])?.replaceAll('_', '-') ?? 'OTHER';
  const referenceLocator = textOf(source['referenceLocator']);
  const referenceType = textOf(source['referenceType']);
  if (referenceLocator === undefined || referenceType === undefined) return [];
  return [
    { referenceCategory: REFERENCE_CATEGORIES.has(category) ? category : 'OTHER', referenceLocator, referenceType },
  ];
}

function readRelationship(source: JsonObject): SpdxRelationship[] {
  const element = textOf(source['spdxElementId']);
  const related = textOf(source['relatedSpdxElement']);
  if (element === undefined || related === undefined) return [];
  const type = textOf(source['relationshipType']) ?? 'OTHER';
  return [
    {
      spdxElementId: cleanId(element),
      relationshipType: RELATIONSHIP_TYPES.has(type) ? type : 'OTHER',
      relatedSpdxElement: cleanId(related),
    },
  ];
}

function readLicensingInfo(source: JsonObject): SpdxLicensingInfo[] {
  const licenseId = textOf(source['licenseId']);
  const extractedText = textOf(source['extractedText']);
  return licenseId === undefined || extractedText === undefined ? [] : [{ licenseId, extractedText }];
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // The caller skips what is not JSON, as the reference does.
  }
}

/** Ids as they are when valid. `DocumentRef-x:SPDXRef-y`, NONE and NOASSERTION are no ids of this document: unchanged. */
function cleanId(id: string): string {
  if (!id.startsWith('SPDXRef-')) return id;
  return `SPDXRef-${encodeSpdxId(id.slice('SPDXRef-'.length))}`;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** A text that says something; '' counts as absent. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.toWellFormed() : undefined;
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.flatMap((item) => textOf(item) ?? []) : [];
}
