import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import { matchesRule } from '../../effects/signing/signer-expectation.ts';
import { expectationsOf, findTrustEntry, parseTrustFile, printTrustFile, type TrustFile } from './trust-file.ts';

const PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString();
const parse = (text: string) => parseTrustFile('stave.trust.yaml', Buffer.from(text));
const NOBODY = { key: '', identity: '', 'identity-regexp': '', issuer: '', 'issuer-regexp': '' };

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    return error as Failure;
  }
  throw new Error('nothing was thrown');
}

describe('parseTrustFile', () => {
  it('reads keys, identities and patterns', () => {
    const file = parse(`images:
  - match: ghcr.io/org/app
    signers:
      - key: cosign.pub
      - identity: dev@example.test
        issuer: https://issuer.example.test
    log: ignored
  - match: "ghcr.io/org/**"
    signers: [{identity-regexp: ".*@example[.]test", issuer-regexp: "https://.*"}]
trusted-root: root.json
`);
    expect(file).toEqual({
      images: [
        {
          match: 'ghcr.io/org/app',
          signers: [
            { ...NOBODY, key: 'cosign.pub' },
            { ...NOBODY, identity: 'dev@example.test', issuer: 'https://issuer.example.test' },
          ],
          log: 'ignored',
        },
        {
          match: 'ghcr.io/org/**',
          signers: [{ ...NOBODY, 'identity-regexp': '.*@example[.]test', 'issuer-regexp': 'https://.*' }],
          log: 'required',
        },
      ],
      trustedRoot: 'root.json',
    });
  });

  it('reads what it prints', () => {
    const word = fc
      .string({ minLength: 1, unit: fc.constantFrom(...'abcz019@:/.-_ é"\'#') })
      .filter((text) => text.trim() === text);
    const signer = fc.oneof(
      word.map((key) => ({ ...NOBODY, key })),
      fc.constant({ ...NOBODY, key: PEM }),
      fc.record({ identity: word, issuer: word }).map((said) => ({ ...NOBODY, ...said })),
      fc.record({ 'identity-regexp': word, 'issuer-regexp': word }).map((said) => ({ ...NOBODY, ...said })),
    );
    const entry = fc.record({
      match: fc.stringMatching(/^[a-z0-9._:/*-]{1,20}$/),
      signers: fc.array(signer, { minLength: 1, maxLength: 3 }),
      log: fc.constantFrom('required' as const, 'ignored' as const),
    });
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 3 }),
        fc.oneof(fc.constant(''), word),
        (images, trustedRoot) => {
          const file: TrustFile = { images, trustedRoot };
          expect(parse(printTrustFile(file))).toEqual(file);
        },
      ),
    );
  });

  it.each([
    ['no signer', 'images:\n  - match: a/b\n', 'CONFIG_INVALID', 2, /names no signer/],
    [
      'an empty signer',
      'images:\n  - match: a/b\n    signers: [{key: ""}]\n',
      'CONFIG_INVALID',
      3,
      /needs a key, or one identity/,
    ],
    [
      'an identity alone',
      'images:\n  - match: a/b\n    signers:\n      - identity: x\n',
      'CONFIG_INVALID',
      4,
      /one issuer/,
    ],
    [
      'an issuer alone',
      'images:\n  - match: a/b\n    signers:\n      - issuer: x\n',
      'CONFIG_INVALID',
      4,
      /one issuer/,
    ],
    [
      'two identities',
      'images:\n  - match: a/b\n    signers:\n      - {identity: x, identity-regexp: x, issuer: y}\n',
      'CONFIG_INVALID',
      4,
      /one identity/,
    ],
    [
      'key and identity',
      'images:\n  - match: a/b\n    signers:\n      - {key: x, identity: x, issuer: y}\n',
      'CONFIG_INVALID',
      4,
      /not both/,
    ],
    ['no match', 'images:\n  - signers: [{key: x}]\n', 'CONFIG_INVALID', 2, /match/],
    [
      'a strange match',
      'images:\n  - match: "a b"\n    signers: [{key: x}]\n',
      'CONFIG_INVALID',
      2,
      /must be a registry/,
    ],
    ['a misspelt key', 'images:\n  - match: a/b\n    signer: [{key: x}]\n', 'CONFIG_UNKNOWN_KEY', 3, /signer/],
    [
      'another log',
      'images:\n  - match: a/b\n    signers: [{key: x}]\n    log: off\n',
      'CONFIG_INVALID',
      4,
      /"required" or "ignored"/,
    ],
    ['no YAML', 'images: [', 'CONFIG_SYNTAX', 1, /./],
  ])('refuses %s, and says where', (_what, text, code, line, message) => {
    const failure = failureOf(() => parse(text));
    expect([failure.code, failure.where?.line, failure.message]).toEqual([code, line, expect.stringMatching(message)]);
  });

  it('refuses what is too large', () => {
    expect(failureOf(() => parse(`#${' '.repeat(5_000_000)}`)).message).toMatch(/at most/);
  });
});

describe('findTrustEntry', () => {
  const rows: [string, string, boolean][] = [
    ['ghcr.io/org/app', 'ghcr.io/org/app', true],
    ['ghcr.io/org/app', 'ghcr.io/org/app2', false],
    ['ghcr.io/org/app', 'xghcr.io/org/app', false],
    ['ghcr.io/org/app', 'ghcrxio/org/app', false],
    ['ghcr.io/org/*', 'ghcr.io/org/app', true],
    ['ghcr.io/org/*', 'ghcr.io/org/team/app', false],
    ['ghcr.io/org/**', 'ghcr.io/org/team/app', true],
    ['ghcr.io/org/**', 'ghcr.io/organ/app', false],
    ['*/app', 'localhost:5000/app', true],
    ['**', 'anything.test/at/all', true],
  ];
  it.each(rows)('%s and %s: %s', (match, name, fits) => {
    const slash = name.indexOf('/');
    const place = { registry: name.slice(0, slash), repository: name.slice(slash + 1) };
    const file: TrustFile = {
      images: [{ match, signers: [{ ...NOBODY, key: 'k' }], log: 'required' }],
      trustedRoot: '',
    };
    expect(findTrustEntry(file, place) !== undefined).toBe(fits);
  });

  it('takes the first entry that fits', () => {
    const entry = (match: string, key: string) => ({ match, signers: [{ ...NOBODY, key }], log: 'required' as const });
    const file = { images: [entry('a.test/x', '1'), entry('a.test/*', '2'), entry('**', '3')], trustedRoot: '' };
    const found = (repository: string) => findTrustEntry(file, { registry: 'a.test', repository })?.signers[0]?.key;
    expect([found('x'), found('y'), found('y/z')]).toEqual(['1', '2', '3']);
  });
});

describe('expectationsOf', () => {
  const entry = (signer: object) => ({ match: '**', signers: [{ ...NOBODY, ...signer }], log: 'required' as const });

  it('reads keys from the file and from beside it', async () => {
    const asked: string[] = [];
    const readKey = async (path: string) => {
      asked.push(path);
      return PEM;
    };
    const [inline] = await expectationsOf(entry({ key: PEM }), readKey);
    const [beside] = await expectationsOf(entry({ key: 'cosign.pub' }), readKey);
    expect(asked).toEqual(['cosign.pub']);
    expect([inline, beside].map((one) => one?.kind === 'key' && one.key.pem)).toEqual([PEM, PEM]);
  });

  it.each([
    ['dev', 'dev@example.test', false],
    ['dev@example.test', 'dev@example.test', true],
    ['dev@.*', 'dev@example.test', true],
    ['a|dev', 'dev', true],
    ['a|dev', 'adev', false],
    ['.*', 'x'.repeat(3000), false],
  ])('anchors the pattern %s: %s is %s', async (source, identity, fits) => {
    const [expected] = await expectationsOf(entry({ 'identity-regexp': source, issuer: 'i' }), async () => '');
    expect(expected?.kind === 'certificate' && matchesRule(expected.identity, identity)).toBe(fits);
  });

  it('refuses a pattern that is none, and a key that is none', async () => {
    await expect(expectationsOf(entry({ 'identity-regexp': '(', issuer: 'i' }), async () => '')).rejects.toThrow(
      /not a regular expression/,
    );
    await expect(expectationsOf(entry({ key: 'x' }), async () => 'text')).rejects.toThrow(/x holds no public key/);
  });
});
