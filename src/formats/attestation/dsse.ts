// DSSE envelopes: a payload, its type, and signatures over both (signing.md 3; DSSE protocol 1.0.2).
// What is signed is the pre-authentication encoding of the bytes as they came: a payload is never printed again to check it.

import { printJson } from '../../base/canonical-json.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseJsonObject } from '../oci/json-object.ts';
import { parseBase64 } from './base64.ts';

export const IN_TOTO_TYPE = 'application/vnd.in-toto+json';

export interface DsseEnvelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signatures: readonly Uint8Array[];
}

/** The bytes that a signature is over. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** `document` names it in messages. Failure IMAGE_INVALID. */
export function parseEnvelope(bytes: Uint8Array, document: string): DsseEnvelope {
  const object = parseJsonObject(bytes, document, LIMITS.attestationBytes);
  const decode = (text: string, what: string) => {
    const decoded = parseBase64(text);
    if (decoded !== undefined) return decoded;
    throw new Failure('IMAGE_INVALID', `${document}: its ${what} is not base64`);
  };
  const signatures = object.objects('signatures');
  if (signatures.length === 0) throw object.invalid('signatures', 'is empty');
  return {
    payloadType: object.requiredText('payloadType'),
    payload: decode(object.requiredText('payload'), 'payload'),
    signatures: signatures.map((one) => decode(one.requiredText('sig'), 'signature')),
  };
}

/** Compact JSON, as the field writes it. */
export function printEnvelope({ payload, payloadType, signatures }: DsseEnvelope): string {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  return printJson({
    payload: base64(payload),
    payloadType,
    signatures: signatures.map((signature) => ({ sig: base64(signature) })),
  });
}
