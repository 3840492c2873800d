import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectNoSecret, SECRET_CANARY, testSources } from '../../../test/support/signing-keys.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { parsePem, printPem } from '../../formats/pem/pem.ts';
import { generateKeyPair, importKeyPair } from './key-pair.ts';
import { parsePublicKey } from './public-key.ts';
import { sealKey, unsealKey } from './sealed-key.ts';
import { readSigningKey } from './signing-key.ts';

const MESSAGE = Buffer.from('what is signed');
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey;
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey;
const KEYS = {
  p256: ec('prime256v1'),
  p384: ec('secp384r1'),
  p521: ec('secp521r1'),
  rsa: rsa(2048),
  ed25519: generateKeyPairSync('ed25519').privateKey,
};
const pkcs8 = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const password = SECRET_CANARY;

async function failure(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Failure);
  expectNoSecret(error);
  return error as Failure;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stave-keys-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('readSigningKey', () => {
  const forms: [string, string, string][] = [
    ['PKCS#8, P-256', pkcs8(KEYS.p256), 'ecdsa-p256'],
    ['PKCS#8, P-384', pkcs8(KEYS.p384), 'ecdsa-p384'],
    ['PKCS#8, P-521', pkcs8(KEYS.p521), 'ecdsa-p521'],
    ['PKCS#8, RSA', pkcs8(KEYS.rsa), 'rsa'],
    ['PKCS#8, Ed25519', pkcs8(KEYS.ed25519), 'ed25519'],
    ['SEC1', KEYS.p256.export({ type: 'sec1', format: 'pem' }).toString(), 'ecdsa-p256'],
    [
      'SEC1 after parameters',
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${KEYS.p256.export({ type: 'sec1', format: 'pem' })}`,
      'ecdsa-p256',
    ],
    ['PKCS#1', KEYS.rsa.export({ type: 'pkcs1', format: 'pem' }).toString(), 'rsa'],
    [
      'encrypted PKCS#8',
      KEYS.p256.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: password }).toString(),
      'ecdsa-p256',
    ],
    [
      'encrypted SEC1',
      KEYS.p256.export({ type: 'sec1', format: 'pem', cipher: 'aes-256-cbc', passphrase: password }).toString(),
      'ecdsa-p256',
    ],
  ];
  it.each(forms)('reads %s, and signs what the public key verifies', async (_form, pem, algorithm) => {
    const key = await readSigningKey('env://KEY', testSources({ KEY: pem, STAVE_PASSWORD: password }));
    expect(key.publicKey.algorithm).toBe(algorithm);
    const signature = key.sign(MESSAGE);
    const verifier = parsePublicKey(key.publicKey.pem, 'the public key');
    expect(verifier.verify(MESSAGE, signature)).toBe(true);
    expect(verifier.verify(Buffer.from('what is singed'), signature)).toBe(false);
    expect(verifier.hint).toBe(key.publicKey.hint);
  });

  it.each(Object.entries(KEYS))('reads a sealed %s key', async (_name, key) => {
    const sealed = await importKeyPair('env://KEY', password, testSources({ KEY: pkcs8(key) }));
    const read = await readSigningKey('env://KEY', testSources({ KEY: sealed.privatePem, COSIGN_PASSWORD: password }));
    expect(read.publicKey.pem).toBe(sealed.publicPem);
    expect(parsePublicKey(sealed.publicPem, 'key').verify(MESSAGE, read.sign(MESSAGE))).toBe(true);
  });

  it('reads from a file, from standard input, and asks for the password', async () => {
    const { privatePem, publicPem } = await generateKeyPair(password);
    const path = join(folder, 'cosign.key');
    await writeFile(path, privatePem.replace('SIGSTORE', 'COSIGN').replace('SIGSTORE', 'COSIGN'));
    const questions: string[] = [];
    const sources = testSources(
      {},
      {
        cwd: folder,
        readStdin: async () => Buffer.from(privatePem),
        askPassword: async (question) => {
          questions.push(question);
          return password;
        },
      },
    );
    for (const reference of [path, 'cosign.key', '-']) {
      expect((await readSigningKey(reference, sources)).publicKey.pem).toBe(publicPem);
    }
    expect(questions).toEqual(
      [path, 'cosign.key', 'the key of standard input'].map((name) => `Password for ${name}: `),
    );
    expect(sources.seen).toEqual([]);
  });

  it('takes the password of STAVE_PASSWORD before that of COSIGN_PASSWORD, and an empty one for what it is', async () => {
    const { privatePem } = await generateKeyPair('');
    const env = { KEY: privatePem, STAVE_PASSWORD: '', COSIGN_PASSWORD: password };
    await expect(readSigningKey('env://KEY', testSources(env))).resolves.toBeDefined();
    expect((await failure(readSigningKey('env://KEY', testSources({ ...env, STAVE_PASSWORD: 'x' })))).code).toBe(
      'KEY_PASSWORD',
    );
  });

  it('warns of an open key that others can read, and only then', async () => {
    const path = join(folder, 'open.key');
    await writeFile(path, pkcs8(KEYS.p256));
    for (const [mode, codes] of [
      [0o600, []],
      [0o644, ['KEY_EXPOSED']],
      [0o640, ['KEY_EXPOSED']],
    ] as const) {
      await chmod(path, mode);
      const sources = testSources();
      await readSigningKey(path, sources);
      expect(sources.seen.map((event) => event.type === 'warning' && event.code)).toEqual(codes);
    }
  });

  const weakRsa = rsa(1024);
  const dsa = generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 }).privateKey;
  const rows: [string, string, Record<string, string>, string, RegExp][] = [
    [
      'a place we do not know',
      'awskms:///alias/x',
      {},
      'KEY_INVALID',
      /"awskms:\/\/\/alias\/x" is not a place of keys/,
    ],
    ['an empty variable', 'env://KEY', { KEY: '' }, 'KEY_INVALID', /variable KEY, which should hold a key, is empty/],
    ['a bad variable name', 'env://A B', {}, 'KEY_INVALID', /not a place of keys/],
    ['no file', 'missing.key', {}, 'FILE_UNREADABLE', /cannot read missing.key: ENOENT/],
    ['no PEM', 'env://KEY', { KEY: `text ${SECRET_CANARY}` }, 'KEY_INVALID', /holds no private key$/],
    [
      'a public key',
      'env://KEY',
      { KEY: parsePublicKey(pkcs8Public(KEYS.p256), '').pem },
      'KEY_INVALID',
      /but a public one/,
    ],
    ['two keys', 'env://KEY', { KEY: pkcs8(KEYS.p256) + pkcs8(KEYS.p384) }, 'KEY_INVALID', /more than one private key/],
    [
      'a damaged key',
      'env://KEY',
      { KEY: printPem({ type: 'PRIVATE KEY', der: Buffer.from(SECRET_CANARY) }) },
      'KEY_INVALID',
      /cannot be read/,
    ],
    [
      'a damaged sealed key',
      'env://KEY',
      {
        KEY: printPem({ type: 'ENCRYPTED SIGSTORE PRIVATE KEY', der: Buffer.from(SECRET_CANARY) }),
        STAVE_PASSWORD: '',
      },
      'KEY_INVALID',
      /holds no JSON/,
    ],
    ['too much', 'env://KEY', { KEY: 'x'.repeat(LIMITS.keyBytes + 1) }, 'KEY_INVALID', /more than \d+ bytes/],
    ['weak RSA', 'env://KEY', { KEY: pkcs8(weakRsa) }, 'KEY_INVALID', /RSA key of 1024 bits/],
    ['DSA', 'env://KEY', { KEY: pkcs8(dsa) }, 'KEY_INVALID', /kind "dsa"/],
    ['another curve', 'env://KEY', { KEY: pkcs8(ec('secp256k1')) }, 'KEY_INVALID', /kind "secp256k1"/],
    ['no password', 'env://KEY', { KEY: pemOf(KEYS.p256, 'right') }, 'KEY_PASSWORD', /nobody to ask/],
    [
      'a wrong password',
      'env://KEY',
      { KEY: pemOf(KEYS.p256, 'right'), STAVE_PASSWORD: SECRET_CANARY },
      'KEY_PASSWORD',
      /does not open the key of KEY/,
    ],
  ];
  it.each(rows)('refuses %s', async (_what, reference, env, code, message) => {
    const thrown = await failure(readSigningKey(reference, testSources(env)));
    expect(thrown.code).toBe(code);
    expect(thrown.message).toMatch(message);
  });

  it('shows nothing of the key when it is printed', async () => {
    const key = await readSigningKey('env://KEY', testSources({ KEY: pkcs8(KEYS.p256) }));
    const secret = KEYS.p256.export({ format: 'jwk' }).d as string;
    const shown = inspect(key, { depth: 9, showHidden: true }) + JSON.stringify(key);
    for (const form of [
      secret,
      Buffer.from(secret, 'base64url').toString('hex'),
      Buffer.from(secret, 'base64url').toString('base64'),
    ]) {
      expect(shown).not.toContain(form);
    }
  });
});

describe('sealed keys', () => {
  it('are in the form of the field', async () => {
    const { privatePem } = await generateKeyPair(password);
    const [block] = parsePem(privatePem);
    expect(block?.type).toBe('ENCRYPTED SIGSTORE PRIVATE KEY');
    const value = JSON.parse(Buffer.from(block!.der).toString());
    expect(Object.keys(value)).toEqual(['kdf', 'cipher', 'ciphertext']);
    expect(value.kdf).toEqual({
      name: 'scrypt',
      params: { N: 65536, r: 8, p: 1 },
      salt: expect.stringMatching(/^.{44}$/),
    });
    expect(value.cipher).toEqual({ name: 'nacl/secretbox', nonce: expect.stringMatching(/^.{32}$/) });
    expect(privatePem).not.toContain(password);
  });

  it('give back what was sealed, for any password', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'grapheme' }), async (bytes, secret) => {
        expect(Buffer.from(await unsealKey(await sealKey(bytes, secret), secret, 'it'))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 5 },
    );
  });

  const change = (from: unknown, path: string, to: unknown): unknown => {
    const copy = structuredClone(from) as Record<string, Record<string, unknown>>;
    const keys = path.split('.');
    const last = keys.pop() as string;
    let at = copy as Record<string, unknown>;
    for (const key of keys) at = at[key] as Record<string, unknown>;
    at[last] = to;
    return copy;
  };
  const rows: [string, unknown, RegExp][] = [
    ['kdf.name', 'argon2', /not derived by scrypt/],
    ['kdf', null, /not derived by scrypt/],
    ['cipher.name', 'none', /not sealed by/],
    ['kdf.params.N', 2 ** 30, /out of bounds/],
    ['kdf.params.N', 65_535, /out of bounds/],
    ['kdf.params.N', 512, /out of bounds/],
    ['kdf.params.N', '65536', /out of bounds/],
    ['kdf.params.r', 1000, /out of bounds/],
    ['kdf.params.r', 0, /out of bounds/],
    ['kdf.params.p', 1000, /out of bounds/],
    ['cipher.nonce', 'AAAA', /nonce/],
    ['kdf.salt', 7, /missing/],
    ['ciphertext', '', /missing/],
  ];
  it.each(rows)('are refused with another %s: %j', async (path, value, message) => {
    const sealed = JSON.parse(Buffer.from(await sealKey(MESSAGE, password)).toString());
    const changed = Buffer.from(JSON.stringify(change(sealed, path, value)));
    const thrown = await failure(unsealKey(changed, password, 'the key'));
    expect(thrown.code).toBe('KEY_INVALID');
    expect(thrown.message).toMatch(message);
  });

  it('are refused with a flipped bit', async () => {
    const sealed = JSON.parse(Buffer.from(await sealKey(MESSAGE, password)).toString());
    for (const path of ['kdf.salt', 'cipher.nonce', 'ciphertext']) {
      const bytes = Buffer.from(
        path.split('.').reduce((at, key) => at[key], sealed),
        'base64',
      );
      bytes[3] = bytes[3]! ^ 4;
      const changed = Buffer.from(JSON.stringify(change(sealed, path, bytes.toString('base64'))));
      expect((await failure(unsealKey(changed, password, 'the key'))).code).toBe('KEY_PASSWORD');
    }
  });
});

describe('parsePublicKey', () => {
  it.each([
    ['nothing', 'text', /holds no public key$/],
    ['a certificate', printPem({ type: 'CERTIFICATE', der: MESSAGE }), /but "CERTIFICATE"/],
    ['damage', printPem({ type: 'PUBLIC KEY', der: MESSAGE }), /cannot be read/],
    ['two', pkcs8Public(KEYS.p256) + pkcs8Public(KEYS.p384), /more than one/],
  ])('refuses %s', (_what, text, message) => {
    expect(() => parsePublicKey(text, 'cosign.pub')).toThrow(message);
  });

  it('takes an RSA key in its own form', () => {
    const text = createPublicKey(KEYS.rsa).export({ type: 'pkcs1', format: 'pem' }).toString();
    expect(parsePublicKey(text, 'key').pem).toBe(pkcs8Public(KEYS.rsa));
  });
});

function pkcs8Public(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}

function pemOf(key: KeyObject, passphrase: string): string {
  return key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();
}
