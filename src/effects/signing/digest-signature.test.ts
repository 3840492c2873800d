import { constants, createHash, generateKeyPairSync, privateEncrypt, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type DigestVerifier, openDigestVerifier } from './digest-signature.ts';
import { publicKeyOf } from './public-key.ts';
import { verifyBundle } from './verify-bundle.ts';

const MESSAGE = Buffer.from('what is signed');
const hash = (algorithm: string, bytes: Uint8Array = MESSAGE) => createHash(algorithm).update(bytes).digest();
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const PAIRS = {
  p256: ec('prime256v1'),
  p384: ec('secp384r1'),
  p521: ec('secp521r1'),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ed25519: generateKeyPairSync('ed25519'),
};
type Name = keyof typeof PAIRS;
const publicKey = (name: Name) => publicKeyOf(PAIRS[name].publicKey, name);
const signed = (name: Name, algorithm: string | null = name === 'ed25519' ? null : 'sha256') =>
  sign(algorithm, MESSAGE, PAIRS[name].privateKey);
const flipped = (bytes: Uint8Array, at: number) => Buffer.from(bytes).fill(bytes.at(at)! ^ 1, at, at + 1);

let verify: DigestVerifier;

describe.each(['p256', 'p384', 'p521', 'rsa'] as const)('a signature by %s over a digest', (name) => {
  it('holds for every signature that Node makes, and for nothing else', async () => {
    verify = await openDigestVerifier();
    // Half of the ECDSA ones have the higher of the two possible values.
    for (let round = 0; round < 8; round++) {
      const signature = signed(name);
      expect(verify(publicKey(name), hash('sha256'), signature)).toBe(true);
      expect(verify(publicKey(name), hash('sha256', signature), signature)).toBe(false);
    }
    const signature = signed(name);
    const other = name === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : ec(curveOf(name));
    expect(verify(publicKeyOf(other.publicKey, 'other'), hash('sha256'), signature)).toBe(false);
    expect(verify(publicKey(name), hash('sha256'), signed(name, 'sha512'))).toBe(false);
  });

  it('is refused when it is cut, longer, empty, or has one bit changed', async () => {
    verify = await openDigestVerifier();
    const signature = signed(name);
    const rows = [
      Buffer.alloc(0),
      Buffer.alloc(signature.length),
      signature.subarray(1),
      signature.subarray(0, -1),
      Buffer.concat([signature, Buffer.of(0)]),
      flipped(signature, 0),
      flipped(signature, 1),
      flipped(signature, 10),
      flipped(signature, signature.length - 1),
    ];
    for (const row of rows) expect(verify(publicKey(name), hash('sha256'), row), row.toString('hex')).toBe(false);
  });
});

describe('RSA', () => {
  const encrypted = (info: Uint8Array, padding = constants.RSA_PKCS1_PADDING) =>
    privateEncrypt({ key: PAIRS.rsa.privateKey, padding }, info);
  const prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex');

  it.each<[string, () => Uint8Array]>([
    ['the bare digest', () => encrypted(hash('sha256'))],
    ['something behind the digest', () => encrypted(Buffer.concat([prefix, hash('sha256'), Buffer.of(0)]))],
    ['the name of another hash', () => encrypted(Buffer.concat([flipped(prefix, 14), hash('sha256')]))],
    ['PSS', () => sign('sha256', MESSAGE, { key: PAIRS.rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING })],
  ])('with %s is refused', async (_what, make) => {
    verify = await openDigestVerifier();
    expect(verify(publicKey('rsa'), hash('sha256'), encrypted(Buffer.concat([prefix, hash('sha256')])))).toBe(true);
    expect(verify(publicKey('rsa'), hash('sha256'), make())).toBe(false);
  });
});

describe('a bundle of which only the digest of the artifact is known', () => {
  const rows: [Name, string, Buffer, Buffer, string | undefined][] = [
    ['p256', 'SHA2_256', hash('sha256'), signed('p256'), undefined],
    ['p384', 'SHA2_256', hash('sha256'), signed('p384'), undefined],
    ['p521', 'SHA2_256', hash('sha256'), signed('p521'), undefined],
    ['rsa', 'SHA2_256', hash('sha256'), signed('rsa'), undefined],
    ['p256', 'SHA2_256', hash('sha256', Buffer.from('other')), signed('p256'), 'another than the given one'],
    ['p256', 'SHA2_256', hash('sha256'), signed('p256', 'sha512'), 'not a signature by'],
    ['p256', 'SHA2_256', hash('sha256'), flipped(signed('p256'), 12), 'not a signature by'],
    ['p384', 'SHA2_384', hash('sha384'), signed('p384', 'sha384'), 'no SHA-256, and only that is known: give the file'],
    ['ed25519', 'SHA2_256', hash('sha256'), signed('ed25519'), 'Ed25519 signature is over the bytes themselves'],
  ];
  it.each(rows)('%s, %s: %#', async (name, algorithm, digest, signature, refusal) => {
    const bundle = {
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: publicKey(name).hint }, tlogEntries: [] },
      messageSignature: {
        messageDigest: { algorithm, digest: digest.toString('base64') },
        signature: signature.toString('base64'),
      },
    };
    const expected = { kind: 'key', key: publicKey(name) } as const;
    const options = { ignoreTlog: true, artifactSha256: hash('sha256') };
    const verdict = await verifyBundle(bundle, expected, options);
    if (refusal === undefined) expect(verdict).toMatchObject({ refusal: undefined, verified: ['signature'] });
    else expect(verdict.refusal?.detail).toContain(refusal);
    expect((await verifyBundle(bundle, expected, { ignoreTlog: true })).refusal?.reason).toBe('malformed');
  });
});

function curveOf(name: 'p256' | 'p384' | 'p521'): string {
  return { p256: 'prime256v1', p384: 'secp384r1', p521: 'secp521r1' }[name];
}
