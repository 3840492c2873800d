// CycloneDX 1.6 documents as JSON: the fields we write, and their printer. Nothing here reads such documents.

import { printJson } from '../../base/canonical-json.ts';
import { documentUuid, type Identify } from './document-uuid.ts';
import type { Licence } from './licence.ts';
import type { SpdxChecksum } from './spdx.ts';

export interface CycloneDxDocument {
  readonly $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json';
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: '1.6';
  /** `urn:uuid:`; made from the rest of the document. */
  readonly serialNumber: string;
  readonly version: 1;
  readonly metadata: CycloneDxMetadata;
  readonly components: readonly CycloneDxComponent[];
  readonly dependencies: readonly CycloneDxDependency[];
}

interface CycloneDxMetadata {
  /** RFC 3339. */
  readonly timestamp: string;
  readonly tools: { readonly components: readonly CycloneDxComponent[] };
  readonly component: CycloneDxComponent;
}

export type CycloneDxComponentType =
  | 'application'
  | 'container'
  | 'device'
  | 'file'
  | 'firmware'
  | 'framework'
  | 'library'
  | 'operating-system';

export interface CycloneDxComponent {
  readonly type: CycloneDxComponentType;
  readonly 'bom-ref'?: string;
  readonly supplier?: { readonly name: string };
  readonly authors?: readonly { readonly name: string; readonly email?: string }[];
  readonly name: string;
  readonly version?: string;
  readonly description?: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses?: CycloneDxLicences;
  readonly purl?: string;
  readonly pedigree?: { readonly ancestors: readonly CycloneDxComponent[] };
  readonly externalReferences?: readonly { readonly type: string; readonly url: string }[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

/** Either licences one by one or a single expression: the schema allows no mixture. */
export type CycloneDxLicences =
  | readonly { readonly license: { readonly id: string } | { readonly name: string } }[]
  | readonly [{ readonly expression: string }];

export interface CycloneDxDependency {
  readonly ref: string;
  readonly dependsOn: readonly string[];
}

/** The document with its serial number, which depends on nothing but the content. */
export function cycloneDxDocument(
  parts: Pick<CycloneDxDocument, 'metadata' | 'components' | 'dependencies'>,
  identify: Identify = documentUuid,
): CycloneDxDocument {
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${identify(printJson(parts))}`,
    version: 1,
    ...parts,
  };
}

/** JSON with two spaces an indent, keys in the order in which they were given, final newline. */
export function printCycloneDx(document: CycloneDxDocument): string {
  return `${printJson(document, 2)}\n`;
}

/** Nothing where there is no statement; a licence of the list by its id; else the expression, or the name as written. */
export function cycloneDxLicences(licence: Licence): CycloneDxLicences | undefined {
  if (licence.expression === 'NOASSERTION' || licence.expression === 'NONE') return undefined;
  if (licence.listedId !== undefined) return [{ license: { id: licence.listedId } }];
  const [only] = licence.refs;
  if (only?.licenseId === licence.expression) return [{ license: { name: only.extractedText } }];
  return [{ expression: licence.expression }];
}

const HASH_NAMES: Readonly<Record<string, string>> = {
  MD5: 'MD5',
  SHA1: 'SHA-1',
  SHA256: 'SHA-256',
  SHA384: 'SHA-384',
  SHA512: 'SHA-512',
  'SHA3-256': 'SHA3-256',
  'SHA3-384': 'SHA3-384',
  'SHA3-512': 'SHA3-512',
  'BLAKE2b-256': 'BLAKE2b-256',
  'BLAKE2b-384': 'BLAKE2b-384',
  'BLAKE2b-512': 'BLAKE2b-512',
  BLAKE3: 'BLAKE3',
};

/** The SPDX checksums that CycloneDX knows; values that are no digest are left out. */
export function cycloneDxHashes(checksums: readonly SpdxChecksum[]): { alg: string; content: string }[] {
  return checksums.flatMap(({ algorithm, checksumValue }) => {
    const alg = HASH_NAMES[algorithm];
    const content = checksumValue.toLowerCase();
    const isDigest = /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/.test(content);
    return alg === undefined || !isDigest ? [] : [{ alg, content }];
  });
}
