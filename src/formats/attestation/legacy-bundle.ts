// A legacy signature said as a sigstore bundle: the parts are the same, they only lie in annotations (signing.md 2, 3).
// So there is one way to verify both. What the annotations claim is neither believed nor checked here.

import { printJson } from '../../base/canonical-json.ts';
import { digestHex, sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseJsonObject, type TextMap } from '../oci/json-object.ts';
import { parsePem, printPem } from '../pem/pem.ts';
import { parseBase64 } from './base64.ts';
import type { BundleJson, LogEntryJson } from './bundle-json.ts';
import { parseEnvelope } from './dsse.ts';
import { ANNOTATION, DSSE_TYPE, SIMPLE_SIGNING_TYPE } from './signature-storage.ts';

/** Version 0.1: the log's promise without a proof, as legacy annotations have it. */
const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle+json;version=0.1';

/** JSON for `bundleFromJSON`. `bytes` is the layer, of that media type. Failure IMAGE_INVALID. */
export function legacyBundle(bytes: Uint8Array, mediaType: string, annotations: TextMap, document: string): BundleJson {
  const timestamp = timestampOf(annotations, document);
  return {
    mediaType: MEDIA_TYPE,
    verificationMaterial: {
      ...materialOf(annotations, document),
      tlogEntries: logEntriesOf(annotations, document),
      timestampVerificationData: { rfc3161Timestamps: timestamp === undefined ? [] : [{ signedTimestamp: timestamp }] },
    },
    ...contentOf(bytes, mediaType, annotations, document),
  };
}

/** The other way: what goes beside a legacy layer. Only the promises of Rekor v1 have a place there. */
export function legacyAnnotations({ verificationMaterial, messageSignature }: BundleJson): TextMap {
  const { tlogEntries = [], timestampVerificationData, x509CertificateChain } = verificationMaterial;
  const certificate = verificationMaterial.certificate ?? x509CertificateChain?.certificates[0];
  const promised = tlogEntries.find(({ inclusionPromise }) => inclusionPromise !== undefined);
  const timestamp = timestampVerificationData?.rfc3161Timestamps?.[0]?.signedTimestamp;
  return {
    [ANNOTATION.signature]: messageSignature?.signature ?? '',
    ...(certificate && {
      [ANNOTATION.certificate]: printPem({ type: 'CERTIFICATE', der: Buffer.from(certificate.rawBytes, 'base64') }),
    }),
    ...(promised && { [ANNOTATION.logEntry]: printLogEntry(promised) }),
    ...(timestamp !== undefined && { [ANNOTATION.timestamp]: printJson({ SignedRFC3161Timestamp: timestamp }) }),
  };
}

function printLogEntry({ canonicalizedBody, integratedTime, logIndex, logId, inclusionPromise }: LogEntryJson): string {
  return printJson({
    SignedEntryTimestamp: inclusionPromise?.signedEntryTimestamp,
    Payload: {
      body: canonicalizedBody,
      integratedTime: Number(integratedTime),
      logIndex: Number(logIndex),
      logID: Buffer.from(logId.keyId, 'base64').toString('hex'),
    },
  });
}

function contentOf(
  bytes: Uint8Array,
  mediaType: string,
  annotations: TextMap,
  document: string,
): Pick<BundleJson, 'dsseEnvelope' | 'messageSignature'> {
  if (mediaType === DSSE_TYPE) {
    const { payload, payloadType, signatures } = parseEnvelope(bytes, document);
    return {
      dsseEnvelope: {
        payload: Buffer.from(payload).toString('base64'),
        payloadType,
        signatures: signatures.map((signature) => ({ sig: Buffer.from(signature).toString('base64') })),
      },
    };
  }
  if (mediaType !== SIMPLE_SIGNING_TYPE) throw invalid(document, `is a "${mediaType}", not a signature`);
  const signature = annotations[ANNOTATION.signature];
  if (signature === undefined || signature === '') throw invalid(document, 'has no signature beside it');
  if (parseBase64(signature) === undefined) throw invalid(document, 'has a signature that is not base64');
  const digest = Buffer.from(digestHex(sha256(bytes)), 'hex').toString('base64');
  return { messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest }, signature } };
}

function materialOf(annotations: TextMap, document: string): BundleJson['verificationMaterial'] {
  const pem = annotations[ANNOTATION.certificate];
  if (pem === undefined || pem === '') return { publicKey: { hint: '' } };
  const [leaf] = parsePem(pem).filter(({ type }) => type === 'CERTIFICATE');
  if (leaf === undefined) throw invalid(document, 'has a certificate that is not PEM');
  return { x509CertificateChain: { certificates: [{ rawBytes: Buffer.from(leaf.der).toString('base64') }] } };
}

function logEntriesOf(annotations: TextMap, document: string): LogEntryJson[] {
  const text = annotations[ANNOTATION.logEntry];
  if (text === undefined || text === '') return [];
  const entry = parseJsonObject(Buffer.from(text), `the log entry of ${document}`, LIMITS.attestationBytes);
  const payload = entry.requiredObject('Payload');
  const body = payload.requiredText('body');
  const bodyBytes = parseBase64(body);
  if (bodyBytes === undefined) throw invalid(document, 'has a log entry that is not base64');
  const inner = parseJsonObject(bodyBytes, `the log entry of ${document}`, LIMITS.attestationBytes);
  return [
    {
      logIndex: String(payload.count('logIndex')),
      logId: { keyId: Buffer.from(payload.requiredText('logID'), 'hex').toString('base64') },
      kindVersion: { kind: inner.requiredText('kind'), version: inner.requiredText('apiVersion') },
      integratedTime: String(payload.count('integratedTime')),
      inclusionPromise: { signedEntryTimestamp: entry.requiredText('SignedEntryTimestamp') },
      canonicalizedBody: body,
    },
  ];
}

function timestampOf(annotations: TextMap, document: string): string | undefined {
  const text = annotations[ANNOTATION.timestamp];
  if (text === undefined || text === '') return undefined;
  const object = parseJsonObject(Buffer.from(text), `the timestamp of ${document}`, LIMITS.attestationBytes);
  return object.requiredText('SignedRFC3161Timestamp');
}

function invalid(document: string, problem: string): Failure {
  return new Failure('IMAGE_INVALID', `${document} ${problem}`);
}
