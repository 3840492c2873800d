// Signing and checking with keys made here; every way a signature, a key or an index can be wrong.

import { generateKeyPairSync } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { printGzipMember, readGzipMember } from '../gzip/members.ts';
import { readTar } from '../tar/read.ts';
import { TAR_END } from '../tar/write.ts';
import { printIndexArchive } from './index-archive.ts';
import { type SigningKey, signMember, verifyIndexSignature } from './signature.ts';

function keyPair(): { publicKey: string; privateKey: string } {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
const mine = keyPair();
const other = keyPair();
const curvePair = generateKeyPairSync('ed25519');
const curve = {
  publicKey: curvePair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  privateKey: curvePair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
};

const index = printIndexArchive('P:a\nV:1\n\n', 'test');
const sign = (changes: Partial<SigningKey> = {}) =>
  signMember(index, { keyName: 'mine.rsa.pub', privateKeyPem: mine.privateKey, algorithm: 'RSA256', ...changes });
const signed = Buffer.concat([sign(), index]);

function verify(bytes: Uint8Array, keys: Record<string, string>): void {
  verifyIndexSignature({ bytes, keys: new Map(Object.entries(keys)), name: 'repo/x86_64/APKINDEX.tar.gz' });
}

/** One signature member with the signatures of all these. */
function together(...members: Buffer[]): Buffer {
  return printGzipMember(Buffer.concat(members.map((member) => gunzipSync(member))));
}

describe('verifyIndexSignature', () => {
  it.each<[string, Uint8Array, Record<string, string>]>([
    ['RSA256', signed, { 'mine.rsa.pub': mine.publicKey }],
    ['RSA (SHA-1)', Buffer.concat([sign({ algorithm: 'RSA' }), index]), { 'mine.rsa.pub': mine.publicKey }],
    ['a key stored without its suffix', signed, { mine: mine.publicKey }],
    ['a key among others', signed, { 'a.rsa.pub': other.publicKey, 'mine.rsa.pub': mine.publicKey }],
    [
      'two signatures of which one key is known',
      Buffer.concat([together(sign({ keyName: 'x.rsa.pub', privateKeyPem: other.privateKey }), sign()), index]),
      { 'mine.rsa.pub': mine.publicKey },
    ],
    [
      'two signatures of which one is good',
      Buffer.concat([together(sign({ keyName: 'x.rsa.pub' }), sign()), index]),
      { 'mine.rsa.pub': mine.publicKey, 'x.rsa.pub': other.publicKey },
    ],
  ])('accepts %s', (_, bytes, keys) => {
    expect(verify(bytes, keys)).toBeUndefined();
  });

  const changed = Buffer.from(signed);
  changed[changed.length - 1]! ^= 1;
  it.each<[string, Uint8Array, Record<string, string>, string, RegExp]>([
    ['no keys', signed, {}, 'SIGNATURE_MISSING', /no key to check the signature of repo\/x86_64/],
    ['a key name with a slash', signed, { 'a/b': mine.publicKey }, 'KEY_INVALID', /"a\/b" is no name/],
    [
      'an unsigned index',
      index,
      { 'mine.rsa.pub': mine.publicKey },
      'SIGNATURE_MISSING',
      /APKINDEX.tar.gz is not signed/,
    ],
    [
      'a signer we do not know',
      signed,
      { 'b.rsa.pub': other.publicKey, 'a.rsa.pub': other.publicKey },
      'SIGNATURE_MISSING',
      /signed by "mine\.rsa\.pub \(RSA256\)", but the known keys are "a\.rsa\.pub", "b\.rsa\.pub"/,
    ],
    [
      'another key of that name',
      signed,
      { 'mine.rsa.pub': other.publicKey },
      'SIGNATURE_INVALID',
      /by "mine\.rsa\.pub" does not fit/,
    ],
    ['a changed index', changed, { 'mine.rsa.pub': mine.publicKey }, 'SIGNATURE_INVALID', /repo\/x86_64.*does not fit/],
    [
      'an index without its end',
      signed.subarray(0, -5),
      { 'mine.rsa.pub': mine.publicKey },
      'SIGNATURE_INVALID',
      /fit/,
    ],
    ['a signature only', sign(), { 'mine.rsa.pub': mine.publicKey }, 'SIGNATURE_INVALID', /fit/],
    [
      'something after the index',
      Buffer.concat([signed, Buffer.from('x')]),
      { 'mine.rsa.pub': mine.publicKey },
      'SIGNATURE_INVALID',
      /fit/,
    ],
    ['a key that is none', signed, { 'mine.rsa.pub': 'hello' }, 'KEY_INVALID', /mine\.rsa\.pub cannot be read/],
    ['a private key', signed, { 'mine.rsa.pub': mine.privateKey }, 'KEY_INVALID', /is a private key/],
    ['a key of another kind', signed, { 'mine.rsa.pub': curve.publicKey }, 'KEY_INVALID', /not an RSA key/],
    [
      'an empty archive in front',
      Buffer.concat([printGzipMember(TAR_END), index]),
      { mine: mine.publicKey },
      'SIGNATURE_MISSING',
      /by nobody/,
    ],
    ['half a member', signed.subarray(0, 100), { mine: mine.publicKey }, 'INDEX_INVALID', /breaks off/],
    [
      'no gzip',
      Buffer.from('<html>'),
      { mine: mine.publicKey },
      'ARCHIVE_INVALID',
      /^repo\/x86_64\/APKINDEX\.tar\.gz: .*no gzip/,
    ],
  ])('refuses %s', (_, bytes, keys, code, message) => {
    expect(() => verify(bytes, keys)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  it('passes over algorithms that nobody uses any more', () => {
    const tar = gunzipSync(sign({ algorithm: 'RSA' }));
    const renamed = Buffer.from(tar);
    renamed.write('.SIGN.DSA.', 0, 'latin1');
    renamed.fill(' ', 148, 156);
    const sum = renamed.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    renamed.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const failure = { code: 'SIGNATURE_MISSING', message: expect.stringContaining('(DSA)') };
    expect(() => verify(Buffer.concat([printGzipMember(renamed), index]), { 'mine.rsa.pub': mine.publicKey })).toThrow(
      expect.objectContaining(failure),
    );
  });

  it('never shows a key', () => {
    try {
      verify(signed, { 'mine.rsa.pub': `-----BEGIN PUBLIC KEY-----\nc2VjcmV0\n-----END PUBLIC KEY-----\n` });
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error) + String((error as Error).cause)).not.toContain('c2VjcmV0');
    }
  });
});

describe('signMember', () => {
  it('is deterministic', () => {
    expect(sign().equals(sign())).toBe(true);
  });

  it('is one archive entry without an end mark, so that the archive goes on', () => {
    const member = readGzipMember(signed, 0, 10_000);
    expect(member?.end).toBe(signed.length - index.length);
    expect(readTar(member!.content).map((e) => [e.name, e.size, e.mode])).toEqual([
      ['.SIGN.RSA256.mine.rsa.pub', 256, 0o644],
    ]);
    expect(member?.content.length).toBe(1024);
  });

  it.each<[string, Partial<SigningKey>]>([
    ['a key name that no verifier would find', { keyName: 'mine.pub' }],
    ['a key name with a slash', { keyName: 'keys/mine.rsa.pub' }],
    ['a public key', { privateKeyPem: mine.publicKey }],
    ['text', { privateKeyPem: 'hello' }],
    ['another kind of key', { privateKeyPem: curve.privateKey }],
  ])('refuses %s', (_, changes) => {
    expect(() => sign(changes)).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
  });
});
