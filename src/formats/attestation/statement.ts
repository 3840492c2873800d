// in-toto statements: a predicate about subjects named by digest (signing.md 4, in-toto attestation framework v1).
// Both versions are read; v1 is written.

import { printJson } from '../../base/canonical-json.ts';
import { type Digest, digestHex, isDigest } from '../../base/digest.ts';
import { LIMITS } from '../../base/limits.ts';
import {
  type JsonObject,
  type JsonValue,
  parseJsonObject,
  printFields,
  printTextMap,
  type TextMap,
} from '../oci/json-object.ts';

const STATEMENT_TYPES = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1'];

export interface Statement {
  readonly subjects: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: JsonValue;
}

interface Subject {
  readonly name?: string;
  readonly digest: Digest;
  readonly annotations: TextMap;
}

/** Subjects without a SHA-256 are left out: nothing of ours is named by another hash. Failure IMAGE_INVALID. */
export function parseStatement(bytes: Uint8Array, document: string): Statement {
  const object = parseJsonObject(bytes, document, LIMITS.attestationBytes);
  const type = object.requiredText('_type');
  if (!STATEMENT_TYPES.includes(type)) throw object.invalid('_type', `is "${type}", not that of an in-toto statement`);
  const predicate = [...object.entries()].find(([key]) => key === 'predicate')?.[1] ?? null;
  return {
    subjects: object.objects('subject').flatMap(parseSubject),
    predicateType: object.requiredText('predicateType'),
    predicate,
  };
}

function parseSubject(object: JsonObject): Subject[] {
  const digest = `sha256:${object.textMap('digest')['sha256'] ?? ''}`;
  if (!isDigest(digest)) return [];
  const name = object.text('name');
  return [{ ...(name !== undefined && { name }), digest, annotations: object.textMap('annotations') }];
}

/** Compact JSON of version 1, without final newline. */
export function printStatement({ subjects, predicateType, predicate }: Statement): string {
  return printFields([
    ['_type', printJson(STATEMENT_TYPES[0])],
    ['subject', `[${subjects.map(printSubject).join(',')}]`],
    ['predicateType', printJson(predicateType)],
    ['predicate', printJson(predicate)],
  ]);
}

function printSubject({ name, digest, annotations }: Subject): string {
  return printFields([
    ['name', name === undefined ? undefined : printJson(name)],
    ['digest', printJson({ sha256: digestHex(digest) })],
    ['annotations', printTextMap(annotations)],
  ]);
}
