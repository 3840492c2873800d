import { describe, expect, it } from 'vitest';
import { entropyBits, findAssignedSecrets, findTokens } from './secret-patterns.ts';

/** Random letters that nobody was ever given. */
const RANDOM = 'q8Zr4Lw0pXvN2t9KbTgY6mHs3dJfUe5cRa1iOo7PzQ';
const letters = (count: number) => RANDOM.repeat(3).slice(0, count);
const KEY_BODY = `MIIEowIBAAKCAQEA${letters(60)}`;

describe('tokens with a form of their own', () => {
  it.each([
    ['an AWS access key id', 'AKIAQ3ZRLWPXVNTKBTGY'],
    ['a GitHub token', `ghp_${letters(36)}`],
    ['a GitHub token', `github_pat_${letters(82)}`],
    ['a GitLab token', `glpat-${letters(20)}`],
    ['a Slack token', `xoxb-${letters(24)}`],
    ['a Stripe key', `sk_live_${letters(24)}`],
    ['a Google API key', `AIza${letters(35)}`],
    ['an npm token', `npm_${letters(36)}`],
    ['a PyPI token', `pypi-AgEI${letters(60)}`],
    ['a SendGrid key', `SG.${letters(22)}.${letters(43)}`],
    ['a Docker token', `dckr_pat_${letters(27)}`],
    ['a Hugging Face token', `hf_${letters(42).replace(/\d/g, 'x')}`.slice(0, 37)],
    ['an Azure storage key', `AccountKey=${letters(86)}==`],
  ])('%s', (what, token) => {
    expect(findTokens(`first\nconst t = "${token}";\n`)).toEqual([{ kind: 'secret', what, line: 2 }]);
  });

  it.each([
    ['a longer word', `ghp_${letters(40)}`],
    ['the middle of a word', `xghp_${letters(36)}`],
    ['placeholders', `ghp_${'x'.repeat(36)} glpat-${'0'.repeat(20)}`],
    ["Amazon's example", 'AKIAIOSFODNN7EXAMPLE'],
    ['a word that begins like one', 'AKIA and npm_config_registry and hf_transfer'],
  ])('but not %s', (_what, text) => {
    expect(findTokens(text)).toEqual([]);
  });
});

describe('private keys', () => {
  it.each([
    ['in PEM', `-----BEGIN PRIVATE KEY-----\n${KEY_BODY}\n-----END PRIVATE KEY-----\n`],
    ['of OpenSSH', `-----BEGIN OPENSSH PRIVATE KEY-----\n${KEY_BODY}\n`],
    [
      'with headers',
      `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n${KEY_BODY}\n`,
    ],
    ['of PGP', `-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\n${KEY_BODY}\n`],
    ['within JSON', JSON.stringify({ key: `-----BEGIN EC PRIVATE KEY-----\n${KEY_BODY}\n` })],
  ])('%s', (_what, text) => {
    expect(findTokens(text)).toEqual([{ kind: 'private-key', what: 'a private key', line: 1 }]);
  });

  it.each([
    ['a public key', `-----BEGIN PUBLIC KEY-----\n${KEY_BODY}\n`],
    ['a certificate', `-----BEGIN CERTIFICATE-----\n${KEY_BODY}\n`],
    ['code that looks for one', `if (text.startsWith("-----BEGIN PRIVATE KEY-----")) throw new Error("${KEY_BODY}");`],
    ['a template', '-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n'],
    ['one of a single letter', `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(80)}\n`],
  ])('but not %s', (_what, text) => {
    expect(findTokens(text)).toEqual([]);
  });
});

describe('values that look random under names that sound secret', () => {
  it.each([
    ['password', 'password = q8Zr4Lw0pXvN'],
    ['in quotes', `db.password: "${letters(14)}"`],
    ['in JSON', `{"api_key": "${letters(20)}"}`],
    ['of an environment', `SECRET_TOKEN=${letters(24)}`],
    ['in hex', 'auth_token: 9f86d081884c7d659a2feaa0c55ad015'],
    ['base64', '"auth": "dXNlcjpxOFpyNEx3MHBYdk4="'],
    ['in a URL', 'url = https://bot:q8Zr4Lw0p@git.internal/x.git'],
  ])('%s', (_what, text) => {
    expect(findAssignedSecrets(text)).toHaveLength(1);
  });

  it.each([
    ['a path', 'private_key = /etc/ssl/private/server.key'],
    ['a file name', `token_file = ${letters(20)}`],
    ['a public key', `public_key = ${letters(40)}`],
    ['a variable', 'password = ${DB_PASSWORD_2}'],
    ['another variable', 'password: $DB_PASSWORD_2'],
    ['a template', 'token: {{ .Values.token2 }}'],
    ['words', 'auth_method = scram-sha-256-plus'],
    ['a class', 'token.provider = com.example.auth.TokenProvider2'],
    ['something short', 'password = hunter2'],
    ['a placeholder', 'password = changeme1234'],
    ['a sentence', 'password: ask your administrator 24 hours a day'],
    ['a switch', 'password-auth = true'],
    ['a URL without a password', 'url = https://user@host/x'],
    ['a URL with a placeholder', 'url = https://user:password@host/x'],
    ['another name', `checksum = ${letters(24)}`],
  ])('but not %s', (_what, text) => {
    expect(findAssignedSecrets(text)).toEqual([]);
  });

  it('are told by line and name, without the value', () => {
    expect(findAssignedSecrets(`a = 1\nb = 2\napi_key = ${letters(20)}\n`)).toEqual([
      { kind: 'secret', what: 'a value for "api_key" that looks like a secret', line: 3 },
    ]);
  });
});

it('a long hostile line takes no time', () => {
  const started = performance.now();
  for (const text of [
    'token'.repeat(50_000),
    'a'.repeat(300_000),
    '-----BEGIN PRIVATE KEY-----\n'.repeat(5_000),
    `-----BEGIN PRIVATE KEY-----\n${'-: '.repeat(600)}`,
  ]) {
    findTokens(text);
    findAssignedSecrets(text);
  }
  expect(performance.now() - started).toBeLessThan(3_000);
});

it('entropy is in bits a character', () => {
  expect(entropyBits('aaaa')).toBe(0);
  expect(entropyBits('abab')).toBe(1);
  expect(entropyBits('abcdefgh')).toBe(3);
});
