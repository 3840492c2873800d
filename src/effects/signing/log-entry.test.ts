import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { preAuthEncoding } from '../../formats/attestation/dsse.ts';
import { foreignEntry, type LoggedSignature } from './log-entry.ts';

const spkiOf = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });
const pemOf = (key: KeyObject) => Buffer.from(key.export({ type: 'spki', format: 'pem' })).toString('base64');
const [own, other] = ['own', 'other'].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey) as [
  KeyObject,
  KeyObject,
];
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;

const payload = Buffer.from('payload');
const signed = preAuthEncoding('type', payload);
const signature = Buffer.from('signature');
const about: LoggedSignature = {
  signature,
  signed: { bytes: signed },
  payload,
  certificate: undefined,
  spki: spkiOf(own),
};
const hash = (bytes: Uint8Array, encoding: 'hex' | 'base64', algorithm = 'sha256') =>
  createHash(algorithm).update(bytes).digest(encoding);
const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64');

/** What an entry says, and what a row changes in it. */
interface Said {
  readonly signature: Uint8Array;
  readonly payload: Uint8Array;
  readonly signed: Uint8Array;
  readonly key: KeyObject;
}
const truth: Said = { signature, payload, signed, key: own };

const FORMS: Readonly<Record<string, (said: Said) => object>> = {
  'hashedrekord 0.0.1': (said) => ({
    data: { hash: { algorithm: 'sha256', value: hash(said.signed, 'hex') } },
    signature: { content: base64(said.signature), publicKey: { content: pemOf(said.key) } },
  }),
  'dsse 0.0.1': (said) => ({
    payloadHash: { algorithm: 'sha256', value: hash(said.payload, 'hex') },
    signatures: [{ signature: base64(said.signature), verifier: pemOf(said.key) }],
  }),
  'dsse 0.0.1, as it was proposed': (said) => ({
    proposedContent: {
      envelope: JSON.stringify({
        payload: base64(said.payload),
        payloadType: 'type',
        signatures: [{ sig: base64(said.signature) }],
      }),
      verifiers: [pemOf(said.key)],
    },
  }),
  'intoto 0.0.2': (said) => ({
    content: {
      envelope: { signatures: [{ sig: base64(base64(said.signature)), publicKey: pemOf(said.key) }] },
      payloadHash: { algorithm: 'sha256', value: hash(said.payload, 'hex') },
    },
  }),
  'hashedrekord 0.0.2': (said) => ({
    hashedRekordV002: {
      data: { algorithm: 'SHA2_256', digest: hash(said.signed, 'base64') },
      signature: { content: base64(said.signature), verifier: { publicKey: { rawBytes: base64(spkiOf(said.key)) } } },
    },
  }),
  'dsse 0.0.2': (said) => ({
    dsseV002: {
      payloadHash: { algorithm: 'SHA2_256', digest: hash(said.payload, 'base64') },
      signatures: [
        { content: base64(said.signature), verifier: { publicKey: { rawBytes: base64(spkiOf(said.key)) } } },
      ],
    },
  }),
};

function entryOf(form: string, spec: object, kindVersion?: { kind: string; version: string }) {
  const [kind = '', apiVersion = ''] = form.split(',')[0]!.split(' ');
  const canonicalizedBody = Buffer.from(JSON.stringify({ kind, apiVersion, spec }));
  return { kindVersion: kindVersion ?? { kind, version: apiVersion }, canonicalizedBody } as Parameters<
    typeof foreignEntry
  >[0];
}

describe.each(Object.keys(FORMS))('an entry of the form %s', (form) => {
  const said = (change: Partial<Said>) => FORMS[form]!({ ...truth, ...change });
  const elsewhere = Buffer.from('elsewhere');

  it('is about the signature that it names', () => {
    expect(foreignEntry(entryOf(form, said({})), about)).toBeUndefined();
  });

  it.each<[string, Partial<Said>, RegExp]>([
    ['another signature', { signature: Buffer.from('signaturf') }, /another signature/],
    ['no signature', { signature: Buffer.alloc(0) }, /another signature|signature/],
    ['another digest', { payload: elsewhere, signed: elsewhere }, /another digest/],
    ['another key', { key: other }, /by somebody else/],
  ])('with %s is not', (what, change, message) => {
    const judge = () => foreignEntry(entryOf(form, said(change)), about);
    if (what === 'no signature' && form.includes('proposed')) expect(judge).toThrow();
    else expect(judge()).toMatch(message);
  });

  it('is not about a certificate, if it names a key', () => {
    const certified = { ...about, certificate: Buffer.from('certificate'), spki: spkiOf(other) };
    expect(foreignEntry(entryOf(form, said({})), certified)).toMatch(/by somebody else/);
  });

  it('of another kind than it says is not', () => {
    const entry = entryOf(form, said({}), { kind: 'other', version: '0.0.1' });
    expect(foreignEntry(entry, about)).toMatch(/another kind/);
  });
});

it.each(['dsse 0.0.1', 'intoto 0.0.2', 'dsse 0.0.2'])('an entry of the form %s with two signatures is none', (form) => {
  const text = JSON.stringify(FORMS[form]!(truth));
  const doubled = JSON.parse(text, (key, value) => (key === 'signatures' ? [...value, ...value] : value));
  expect(() => foreignEntry(entryOf(form, doubled), about)).toThrow(/not one signature/);
});

it('digests of the hash that belongs to the key count', () => {
  const spec = {
    data: { hash: { value: hash(signed, 'hex', 'sha384') } },
    signature: { content: base64(signature), publicKey: { content: pemOf(own) } },
  };
  expect(foreignEntry(entryOf('hashedrekord 0.0.1', spec), about)).toBeUndefined();
});

it('where only the SHA-256 of the bytes is known, an entry with another digest is foreign', () => {
  const sha256 = createHash('sha256').update(signed).digest();
  const spec = (algorithm: string) => ({
    data: { hash: { value: hash(signed, 'hex', algorithm) } },
    signature: { content: base64(signature), publicKey: { content: pemOf(own) } },
  });
  const judge = (algorithm: string, known: Uint8Array) =>
    foreignEntry(entryOf('hashedrekord 0.0.1', spec(algorithm)), { ...about, signed: { sha256: known } });
  expect(judge('sha256', sha256)).toBeUndefined();
  expect(judge('sha384', sha256)).toMatch(/another digest/);
  expect(judge('sha256', createHash('sha256').update('other').digest())).toMatch(/another digest/);
});

it('an RSA key in its own form counts as the same key', () => {
  const pkcs1 = base64(rsa.export({ type: 'pkcs1', format: 'pem' }));
  const spec = {
    data: { hash: { value: hash(signed, 'hex') } },
    signature: { content: base64(signature), publicKey: { content: pkcs1 } },
  };
  expect(foreignEntry(entryOf('hashedrekord 0.0.1', spec), { ...about, spki: spkiOf(rsa) })).toBeUndefined();
  expect(foreignEntry(entryOf('hashedrekord 0.0.1', spec), about)).toMatch(/somebody else/);
});

it.each([
  ['a kind that nobody knows', 'rpm 0.0.1', {}],
  ['a version that nobody knows', 'dsse 0.0.9', FORMS['dsse 0.0.1']!(truth)],
])('%s is refused', (_what, form, spec) => {
  expect(foreignEntry(entryOf(form, spec), about)).toMatch(/unknown form/);
});

it('an envelope entry says nothing about a message', () => {
  const { payload: _payload, ...message } = about;
  expect(foreignEntry(entryOf('dsse 0.0.1', FORMS['dsse 0.0.1']!(truth)), { ...message, payload: undefined })).toMatch(
    /another digest/,
  );
});
