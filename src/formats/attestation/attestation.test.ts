import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Digest, sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { parseManifest } from '../oci/manifest.ts';
import { parseBase64 } from './base64.ts';
import type { BundleJson } from './bundle-json.ts';
import { parseEnvelope, preAuthEncoding, printEnvelope } from './dsse.ts';
import { legacyAnnotations, legacyBundle } from './legacy-bundle.ts';
import { predicateTypeOf } from './predicate-type.ts';
import {
  ANNOTATION,
  attestationTag,
  BUNDLE_TYPE,
  DSSE_TYPE,
  isBundleType,
  planBundleManifest,
  planLegacyLayer,
  planLegacyManifest,
  SIMPLE_SIGNING_TYPE,
  signatureTag,
} from './signature-storage.ts';
import { parseSimpleSigning, printSimpleSigning } from './simple-signing.ts';
import { parseStatement, printStatement } from './statement.ts';

const bytes = (text: string) => Buffer.from(text);
const IMAGE = `sha256:${'ab'.repeat(32)}` as Digest;
const text = fc.string({ unit: 'grapheme' });
const digest = text.map((seed) => sha256(seed));
const textMap = fc.dictionary(
  fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
  text,
);

function thrownBy(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    return error as Failure;
  }
  throw new Error('nothing was thrown');
}

describe('DSSE', () => {
  it.each([
    ['http://example.com/HelloWorld', 'hello world', 'DSSEv1 29 http://example.com/HelloWorld 11 hello world'],
    ['', '', 'DSSEv1 0  0 '],
    ['ü', 'ß', 'DSSEv1 2 ü 2 ß'],
  ])('encodes type %j and payload %j with lengths in bytes', (type, payload, encoded) => {
    expect(Buffer.from(preAuthEncoding(type, bytes(payload))).toString()).toBe(encoded);
  });

  it('prints what it parses', () => {
    const part = fc.uint8Array({ minLength: 1 });
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        part,
        fc.array(part, { minLength: 1 }),
        (payloadType, payload, signatures) => {
          const envelope = { payloadType, payload, signatures };
          const parsed = parseEnvelope(bytes(printEnvelope(envelope)), 'it');
          expect(parsed.payloadType).toBe(payloadType.toWellFormed());
          expect([parsed.payload, ...parsed.signatures].map((one) => Buffer.from(one).toString('hex'))).toEqual(
            [payload, ...signatures].map((one) => Buffer.from(one).toString('hex')),
          );
        },
      ),
    );
  });

  it.each([
    ['no JSON', 'x', /not JSON/],
    ['no signature', '{"payload":"YQ==","payloadType":"t","signatures":[]}', /signatures is empty/],
    ['no payload', '{"payloadType":"t","signatures":[{"sig":"YQ=="}]}', /payload is missing/],
    [
      'a payload that is no base64',
      '{"payload":"Y","payloadType":"t","signatures":[{"sig":"YQ=="}]}',
      /payload is not base64/,
    ],
    [
      'a signature with spare bits',
      '{"payload":"YQ==","payloadType":"t","signatures":[{"sig":"YR=="}]}',
      /signature is not base64/,
    ],
  ])('refuses %s', (_what, document, message) => {
    const failure = thrownBy(() => parseEnvelope(bytes(document), 'the envelope'));
    expect([failure.code, failure.message]).toEqual(['IMAGE_INVALID', expect.stringMatching(message)]);
  });
});

it('base64 has one spelling for one value', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (value) => {
      expect(parseBase64(Buffer.from(value).toString('base64'))).toEqual(Buffer.from(value));
    }),
  );
  for (const other of ['YQ', 'YQ=', 'Y Q==', 'YQ==\n', 'YR==', 'YWI', '_-==', '===='])
    expect(parseBase64(other)).toBeUndefined();
});

describe('statements', () => {
  it('print what they parse', () => {
    const subject = fc.record(
      { name: fc.string({ minLength: 1 }), digest, annotations: textMap },
      { requiredKeys: ['digest', 'annotations'] },
    );
    fc.assert(
      fc.property(
        fc.array(subject),
        fc.webUrl(),
        fc.jsonValue({ noUnicodeString: false }),
        (subjects, predicateType, predicate) => {
          const json = JSON.parse(JSON.stringify(predicate)) as never;
          const printed = printStatement({ subjects, predicateType, predicate: json });
          expect(parseStatement(bytes(printed), 'it')).toEqual({ subjects, predicateType, predicate: json });
        },
      ),
    );
  });

  it('are printed in the order of the field', () => {
    const subjects = [{ digest: IMAGE, annotations: { b: '2', a: '1' } }];
    expect(printStatement({ subjects, predicateType: 'https://x.test', predicate: {} })).toBe(
      `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"${'ab'.repeat(32)}"},"annotations":{"a":"1","b":"2"}}],"predicateType":"https://x.test","predicate":{}}`,
    );
  });

  it('of the older version are read, and subjects without SHA-256 left out', () => {
    const statement = parseStatement(
      bytes(
        '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"p:x","subject":[{"digest":{"sha1":"00"}},{"digest":{"sha256":"AB"}},{"name":"n"}]}',
      ),
      'it',
    );
    expect(statement).toEqual({ subjects: [], predicateType: 'p:x', predicate: null });
  });

  it.each([
    [
      '{"_type":"https://in-toto.io/Statement/v2","predicateType":"x"}',
      /_type is "https:\/\/in-toto.io\/Statement\/v2"/,
    ],
    ['{"_type":"https://in-toto.io/Statement/v1"}', /predicateType is missing/],
    ['[]', /not an object/],
  ])('%s is refused', (document, message) => {
    expect(thrownBy(() => parseStatement(bytes(document), 'the statement')).message).toMatch(message);
  });
});

describe('simple signing', () => {
  it('prints what it parses', () => {
    fc.assert(
      fc.property(text, digest, textMap, (dockerReference, manifestDigest, annotations) => {
        const payload = { dockerReference, manifestDigest, annotations };
        expect(parseSimpleSigning(bytes(printSimpleSigning(payload)), 'it')).toEqual(payload);
      }),
    );
  });

  it.each([
    [{}, '"optional":null}'],
    [{ team: 'core', build: '<42>' }, '"optional":{"build":"\\u003c42\\u003e","team":"core"}}'],
  ])('has its keys in the order of the field: %j', (annotations, end) => {
    const printed = printSimpleSigning({
      dockerReference: 'r/x',
      manifestDigest: IMAGE,
      annotations: annotations as never,
    });
    expect(printed).toBe(
      `{"critical":{"identity":{"docker-reference":"r/x"},"image":{"docker-manifest-digest":"${IMAGE}"},"type":"cosign container image signature"},${end}`,
    );
  });

  it('leaves out annotations that are no texts', () => {
    const payload = printSimpleSigning({ dockerReference: 'r', manifestDigest: IMAGE, annotations: {} });
    const changed = payload.replace('null', '{"creator":{"name":"x"},"time":7,"a":"b"}');
    expect(parseSimpleSigning(bytes(changed), 'it').annotations).toEqual({ a: 'b' });
  });

  it.each([
    ['container', 'atomic', /type is/],
    [IMAGE, 'sha512:00', /not a sha256 digest/],
    ['critical', 'other', /critical is missing/],
  ])('refuses %s changed to %s', (from, to, message) => {
    const payload = printSimpleSigning({ dockerReference: 'r', manifestDigest: IMAGE, annotations: {} });
    expect(thrownBy(() => parseSimpleSigning(bytes(payload.replace(from, to)), 'it')).message).toMatch(message);
  });
});

describe('legacy layers and bundles', () => {
  const payload = bytes('payload');
  const base64 = fc.uint8Array({ minLength: 1, maxLength: 90 }).map((value) => Buffer.from(value).toString('base64'));
  const body = fc
    .string({ minLength: 1 })
    .map((x) => bytes(JSON.stringify({ kind: 'hashedrekord', apiVersion: '0.0.1', x })).toString('base64'));
  const logEntry = fc.record({
    logIndex: fc.nat().map(String),
    logId: fc.record({ keyId: base64 }),
    kindVersion: fc.constant({ kind: 'hashedrekord', version: '0.0.1' }),
    integratedTime: fc.nat().map(String),
    inclusionPromise: fc.record({ signedEntryTimestamp: base64 }),
    canonicalizedBody: body,
  });

  it('say the same', () => {
    fc.assert(
      fc.property(
        base64,
        base64,
        fc.array(logEntry, { maxLength: 1 }),
        fc.array(base64, { maxLength: 1 }),
        (signature, certificate, tlogEntries, stamps) => {
          const messageDigest = {
            algorithm: 'SHA2_256',
            digest: Buffer.from(sha256(payload).slice(7), 'hex').toString('base64'),
          };
          const bundle: BundleJson = {
            mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
            verificationMaterial: {
              x509CertificateChain: { certificates: [{ rawBytes: certificate }] },
              tlogEntries,
              timestampVerificationData: { rfc3161Timestamps: stamps.map((signedTimestamp) => ({ signedTimestamp })) },
            },
            messageSignature: { messageDigest, signature },
          };
          expect(legacyBundle(payload, SIMPLE_SIGNING_TYPE, legacyAnnotations(bundle), 'it')).toEqual(bundle);
        },
      ),
    );
  });

  it('keep no log entry without a promise', () => {
    const entry = {
      logIndex: '1',
      logId: { keyId: '' },
      kindVersion: { kind: 'x', version: '2' },
      integratedTime: '0',
      canonicalizedBody: '',
    };
    const annotations = legacyAnnotations({
      mediaType: '',
      verificationMaterial: { publicKey: {}, tlogEntries: [entry] },
    });
    expect(annotations).toEqual({ [ANNOTATION.signature]: '' });
  });

  it('read an envelope', () => {
    const envelope = printEnvelope({ payload, payloadType: 't', signatures: [bytes('s')] });
    const bundle = legacyBundle(bytes(envelope), DSSE_TYPE, { [ANNOTATION.signature]: '' }, 'it');
    expect([bundle.dsseEnvelope, bundle.verificationMaterial.publicKey]).toEqual([JSON.parse(envelope), { hint: '' }]);
  });

  const good = { [ANNOTATION.signature]: 'YQ==' };
  it.each([
    ['text/plain', good, /is a "text\/plain"/],
    [SIMPLE_SIGNING_TYPE, {}, /no signature beside it/],
    [SIMPLE_SIGNING_TYPE, { [ANNOTATION.signature]: 'Y' }, /not base64/],
    [SIMPLE_SIGNING_TYPE, { ...good, [ANNOTATION.certificate]: 'x' }, /not PEM/],
    [SIMPLE_SIGNING_TYPE, { ...good, [ANNOTATION.logEntry]: 'x' }, /not JSON/],
    [
      SIMPLE_SIGNING_TYPE,
      { ...good, [ANNOTATION.logEntry]: '{"SignedEntryTimestamp":"","Payload":{"body":"!"}}' },
      /not base64/,
    ],
    [SIMPLE_SIGNING_TYPE, { ...good, [ANNOTATION.timestamp]: '{}' }, /SignedRFC3161Timestamp is missing/],
  ])('as %s with %j are refused', (mediaType, annotations, message) => {
    const failure = thrownBy(() => legacyBundle(payload, mediaType, annotations as never, 'it'));
    expect([failure.code, failure.message]).toEqual(['IMAGE_INVALID', expect.stringMatching(message)]);
  });
});

describe('storage', () => {
  const subject = {
    mediaType: 'application/vnd.oci.image.index.v1+json',
    sizeBytes: 7,
    digest: IMAGE,
    platform: { os: 'linux', architecture: 'amd64' },
  };

  it('knows the tags and media types', () => {
    expect([signatureTag(IMAGE), attestationTag(IMAGE)]).toEqual([
      `sha256-${'ab'.repeat(32)}.sig`,
      `sha256-${'ab'.repeat(32)}.att`,
    ]);
    expect(
      ['0.1', '0.2', '0.3'].every((v) => isBundleType(`application/vnd.dev.sigstore.bundle+json;version=${v}`)),
    ).toBe(true);
    expect(isBundleType(BUNDLE_TYPE)).toBe(true);
    expect(
      ['application/json', `${BUNDLE_TYPE}x`, 'application/vnd.dev.sigstore.bundle.v1.0+json'].some(isBundleType),
    ).toBe(false);
  });

  it('makes the same manifest of the same bundle', () => {
    const plan = () => planBundleManifest(bytes('{}'), 'https://x.test', subject);
    expect(plan()).toEqual(plan());
    const manifest = parseManifest(plan().bytes);
    expect(manifest.subject).toEqual({ mediaType: subject.mediaType, sizeBytes: 7, digest: IMAGE });
    expect(manifest.artifactType).toBe(BUNDLE_TYPE);
    expect(manifest.annotations).toEqual({
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': 'https://x.test',
    });
    expect([manifest.config, ...manifest.layers].map((one) => one.digest)).toEqual(
      plan().blobs.map((one) => one.descriptor.digest),
    );
    expect(manifest.config.digest).toMatch(/^sha256:44136fa3/);
  });

  it('makes a config with one line for each legacy layer', () => {
    const [one, two] = ['1', '2'].map((value) => planLegacyLayer(bytes(value), DSSE_TYPE, { a: value }));
    const plan = planLegacyManifest([one!.descriptor, two!.descriptor], two!);
    const config = JSON.parse(Buffer.from(plan.blobs[0]!.bytes).toString());
    expect(config.rootfs.diff_ids).toEqual([one!.descriptor.digest, two!.descriptor.digest]);
    expect(config.history).toHaveLength(2);
    expect(parseManifest(plan.bytes).layers).toEqual([one!.descriptor, two!.descriptor]);
    expect(plan.blobs[1]!.bytes).toEqual(bytes('2'));
  });
});

describe('predicateTypeOf', () => {
  it.each([
    ['spdxjson', 'https://spdx.dev/Document'],
    ['slsaprovenance1', 'https://slsa.dev/provenance/v1'],
    ['custom', 'https://cosign.sigstore.dev/attestation/v1'],
    ['https://example.test/x', 'https://example.test/x'],
    ['urn:x', 'urn:x'],
  ])('%s is %s', (name, type) => {
    expect(predicateTypeOf(name)).toBe(type);
  });

  it.each(['sbom', 'toString', '', 'https://with space'])('refuses %j', (name) => {
    expect(thrownBy(() => predicateTypeOf(name)).code).toBe('USAGE_FLAG');
  });
});
