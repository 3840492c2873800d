// The payload of a legacy signature: "simple signing" JSON that names a manifest by digest (signing.md 2).
// The bytes are what is signed: a verifier must never print them again.

import { printJson } from '../../base/canonical-json.ts';
import type { Digest } from '../../base/digest.ts';
import { LIMITS } from '../../base/limits.ts';
import { type JsonValue, parseJsonObject, printFields, printTextMap, type TextMap } from '../oci/json-object.ts';

const TYPE = 'cosign container image signature';

export interface SimpleSigning {
  /** Registry and repository without tag or digest. */
  readonly dockerReference: string;
  readonly manifestDigest: Digest;
  /** Those whose value is a text. */
  readonly annotations: TextMap;
}

/** Failure IMAGE_INVALID. */
export function parseSimpleSigning(bytes: Uint8Array, document: string): SimpleSigning {
  const object = parseJsonObject(bytes, document, LIMITS.attestationBytes);
  const critical = object.requiredObject('critical');
  const type = critical.requiredText('type');
  if (type !== TYPE) throw critical.invalid('type', `is "${type}", not "${TYPE}"`);
  const optional = [...(object.object('optional')?.entries() ?? [])];
  return {
    dockerReference: critical.requiredObject('identity').text('docker-reference') ?? '',
    manifestDigest: critical.requiredObject('image').digest('docker-manifest-digest'),
    annotations: Object.fromEntries(optional.filter((entry): entry is [string, string] => isText(entry[1]))),
  };
}

/** Compact JSON in the field's key order, without final newline. */
export function printSimpleSigning({ dockerReference, manifestDigest, annotations }: SimpleSigning): string {
  const critical = printJson({
    identity: { 'docker-reference': dockerReference },
    image: { 'docker-manifest-digest': manifestDigest },
    type: TYPE,
  });
  return printFields([
    ['critical', critical],
    ['optional', printTextMap(annotations) ?? 'null'],
  ]);
}

function isText(value: JsonValue): value is string {
  return typeof value === 'string';
}
