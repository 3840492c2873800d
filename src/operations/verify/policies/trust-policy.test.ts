import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { failureOf } from '../../../../test/support/registry-client.ts';
import { noEvents } from '../../../base/events.ts';
import type { Host } from '../../host.ts';
import { type PolicyKind, printTrustPolicy } from './trust-policy.ts';

const KEY = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERY0MhliQ/ZhRpdwdDHMlz8Zw1AeC
hi+3T71wAJ3tfHx6hM/0QY+OvqQBQ/5kJM6B+EIBkBXMXC4l9XfcRWXpvw==
-----END PUBLIC KEY-----
`;
const P384 = `-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEq62Ypc1OghZkD8woCGk2ILEbcBYS439H
rIOSzOsgxS8urSawVtraSpAd4GTK+NAEn92PUgD/YipzHl46J4iHVKWHkZweVSvX
eSsTC98L/gMF7aPglXk+cqYpjCNmHEqV
-----END PUBLIC KEY-----
`;
/** One key in all roles: only texts are made of it. */
const SPKI =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEokrOxs77mGiF/TG0sI9N4lwG8a4d4CWMJofAty87geDbxet3GQbtqRSngWPCvy+uce8Sp8qnM8TyB/+DYiFqvg==';
const CERTIFICATE =
  'MIIBrDCCAVOgAwIBAgIULmjiAOlBHcCGL+OrBwLfbwly2MAwCgYIKoZIzj0EAwIwKzEVMBMGA1UECgwMZXhhbXBsZS50ZXN0MRIwEAYDVQQDDAlhdXRob3JpdHkwIBcNMjYxMTI3MTE0NTI4WhgPMjEyNjExMDMxMTQ1MjhaMCsxFTATBgNVBAoMDGV4YW1wbGUudGVzdDESMBAGA1UEAwwJYXV0aG9yaXR5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEokrOxs77mGiF/TG0sI9N4lwG8a4d4CWMJofAty87geDbxet3GQbtqRSngWPCvy+uce8Sp8qnM8TyB/+DYiFqvqNTMFEwHQYDVR0OBBYEFDCT+zWgfRCgrRmNuzOjw6s2loI8MB8GA1UdIwQYMBaAFDCT+zWgfRCgrRmNuzOjw6s2loI8MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgWz6q2Sr2PFGNE+4fLQlz7wUKFmAyqGh2qe9UmR2Or0cCIA6a12n/h8ti5A9OAkCBzTlj5X3zVncQHcT3U8SMcwj5';

const LOG = {
  baseUrl: 'https://log.example.test',
  hashAlgorithm: 'SHA2_256',
  publicKey: {
    rawBytes: SPKI,
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
    validFor: { start: '2026-01-01T00:00:00Z' },
  },
  logId: { keyId: 'AAAA' },
};
const AUTHORITY = {
  subject: { organization: 'example.test', commonName: 'authority' },
  uri: 'https://authority.example.test',
  certChain: { certificates: [{ rawBytes: CERTIFICATE }] },
  validFor: { start: '2026-01-01T00:00:00Z' },
};
const trustedRoot = (logs = 1) =>
  JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: Array.from({ length: logs }, () => LOG),
    certificateAuthorities: [AUTHORITY],
    ctlogs: [LOG],
    timestampAuthorities: [AUTHORITY],
  });

const KEYED = 'images:\n  - match: ghcr.io/org/app\n    signers: [{ key: app.pub }]\n    log: ignored\n';
const IDENTITY = 'https://github.com/org/app/.github/workflows/release.yml@refs/heads/main';
const ISSUER = 'https://token.actions.githubusercontent.com';
const KEYLESS = `images:
  - match: ghcr.io/org/*
    signers:
      - { identity: '${IDENTITY}', issuer: '${ISSUER}' }
      - { identity-regexp: 'https://github.com/org/.+', issuer: '${ISSUER}' }
`;
const SEVERAL = `images:
  - match: ghcr.io/org/app
    signers: [{ key: app.pub }, { key: p384.pub }]
  - match: ghcr.io/org/**
    signers: [{ identity: dev@example.test, issuer: https://issuer.example.test }]
  - match: index.docker.io/library/*
    signers: [{ key: app.pub }]
    log: ignored
`;
const PRIVATE = `images:
  - match: registry.example.test:5000/team/*
    signers: [{ identity: dev@example.test, issuer: https://issuer.example.test }]
trusted-root: root.json
`;

let host: Host;
beforeAll(async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'stave-policy-'));
  host = { cwd, env: {}, hostArch: 'amd64', homeDir: cwd, events: noEvents };
  const files = { 'app.pub': KEY, 'p384.pub': P384, 'root.json': trustedRoot(), 'two-logs.json': trustedRoot(2) };
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
});
afterAll(() => rm(host.cwd, { recursive: true }));

async function policies(text: string, kind: PolicyKind): Promise<string> {
  await writeFile(join(host.cwd, 'it.yaml'), text);
  return (await printTrustPolicy({ kind, trustFile: 'it.yaml' }, host)).text;
}
const documentsOf = (text: string): unknown[] => parseAllDocuments(text).map((one) => one.toJS());

const KINDS = ['ImageValidatingPolicy', 'ClusterPolicy', 'ClusterImagePolicy'] as const;
const CASES = { keyed: KEYED, keyless: KEYLESS, several: SEVERAL, private: PRIVATE };
const rows = KINDS.flatMap((kind) => Object.entries(CASES).map(([name, text]) => [kind, name, text] as const));

describe('prints', () => {
  it.each(rows)('%s, %s', async (kind, name, text) => {
    await expect(await policies(text, kind)).toMatchFileSnapshot(`golden/${kind}-${name}.yaml`);
  });

  it.each(rows)('%s, %s: fields that the kind has, names that a cluster takes', async (kind, _name, text) => {
    for (const document of documentsOf(await policies(text, kind))) {
      const { kind: said, metadata, spec } = document as { kind: string; metadata: { name: string }; spec: object };
      expect(metadata.name).toMatch(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
      expect(pathsOf(spec).filter((path) => !FIELDS[said]?.includes(path))).toEqual([]);
    }
  });
});

/** Facts of the kinds' schemas: where fields may stand. Lists are left out of the path. */
const IDENTITY_FIELDS = ['issuer', 'issuerRegExp', 'subject', 'subjectRegExp'];
const below = (parent: string, ...names: readonly string[]) => names.map((name) => `${parent}.${name}`);
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  ImageValidatingPolicy: [
    'validationActions',
    'failurePolicy',
    ...below('matchConstraints.resourceRules', 'apiGroups', 'apiVersions', 'operations', 'resources'),
    'matchImageReferences.expression',
    'attestors.name',
    ...below('attestors.cosign.key', 'data', 'hashAlgorithm'),
    ...below('attestors.cosign.keyless.identities', ...IDENTITY_FIELDS),
    ...below('attestors.cosign.ctlog', 'insecureIgnoreTlog', 'insecureIgnoreSCT'),
    'attestors.cosign.trustedRoot.value',
    ...below('validations', 'expression', 'message'),
  ],
  ClusterPolicy: [
    'webhookConfiguration.failurePolicy',
    'background',
    'rules.name',
    'rules.match.any.resources.kinds',
    ...below('rules.verifyImages', 'type', 'failureAction', 'imageReferences', 'attestors.count'),
    ...['keys', 'keyless'].flatMap((who) => [
      ...below(`rules.verifyImages.attestors.entries.${who}`, 'publicKeys', 'signatureAlgorithm', 'roots'),
      ...below(`rules.verifyImages.attestors.entries.${who}`, ...IDENTITY_FIELDS),
      ...below(`rules.verifyImages.attestors.entries.${who}.rekor`, 'url', 'pubkey', 'ignoreTlog'),
      ...below(`rules.verifyImages.attestors.entries.${who}.ctlog`, 'pubkey', 'ignoreSCT'),
    ]),
  ],
  ClusterImagePolicy: [
    'mode',
    'images.glob',
    ...below('authorities', 'name', 'signatureFormat'),
    ...below('authorities.key', 'data', 'hashAlgorithm'),
    ...below('authorities.keyless', 'url', 'trustRootRef'),
    ...below('authorities.keyless.identities', ...IDENTITY_FIELDS),
    ...below('authorities.ctlog', 'url', 'trustRootRef'),
    'authorities.rfc3161timestamp.trustRootRef',
    ...below('authorities.attestations', 'name', 'predicateType'),
  ],
  TrustRoot: [
    ...['certificateAuthorities', 'timestampAuthorities'].flatMap((who) =>
      below(`sigstoreKeys.${who}`, 'uri', 'certChain', 'subject.organization', 'subject.commonName'),
    ),
    ...['tLogs', 'ctLogs'].flatMap((who) => below(`sigstoreKeys.${who}`, 'baseURL', 'hashAlgorithm', 'publicKey')),
  ],
};

function pathsOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((one) => pathsOf(one, path)))];
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, one]) => pathsOf(one, path === '' ? name : `${path}.${name}`));
}

describe('means what the trust file means', () => {
  it('in the patterns of an ImageValidatingPolicy: the first entry decides', async () => {
    const specs = documentsOf(await policies(SEVERAL, 'ImageValidatingPolicy')) as {
      spec: { matchImageReferences: { expression: string }[] };
    }[];
    // CEL's own words, as far as they stand there.
    const fits = (reference: string) =>
      specs.map(({ spec }) => {
        const expression = spec.matchImageReferences[0]?.expression ?? '';
        const terms = [...expression.matchAll(/(!?)ref\.matches\(("(?:[^"\\]|\\.)*")\)/g)];
        expect(terms.map(([term]) => term).join(' && ')).toBe(expression);
        return terms.every(([, not, text = '""']) => new RegExp(JSON.parse(text)).test(reference) === (not === ''));
      });
    expect(fits('ghcr.io/org/app:1.0')).toEqual([true, false, false]);
    expect(fits('ghcr.io/org/app@sha256:abc')).toEqual([true, false, false]);
    expect(fits('ghcr.io/org/apple')).toEqual([false, true, false]);
    expect(fits('ghcr.io/org/deep/app:1')).toEqual([false, true, false]);
    expect(fits('ghcr-io/org/app:1')).toEqual([false, false, false]);
    expect(fits('nginx:1')).toEqual([false, false, true]);
    expect(fits('docker.io/library/nginx')).toEqual([false, false, true]);
    expect(fits('index.docker.io/library/nginx@sha256:abc')).toEqual([false, false, true]);
  });

  it('in the hashes of keys, and in anchored patterns', async () => {
    expect(await policies(SEVERAL, 'ImageValidatingPolicy')).toContain('hashAlgorithm: sha384');
    expect(await policies(SEVERAL, 'ClusterImagePolicy')).toContain('hashAlgorithm: sha384');
    for (const kind of KINDS) expect(await policies(KEYLESS, kind)).toContain('^(?:https://github.com/org/.+)$');
  });
});

describe('refuses', () => {
  const pattern = (text: string) => KEYLESS.replace('https://github.com/org/.+', text);
  it.each([
    ['a pattern that Go cannot read', pattern('(?!evil).*'), 'ClusterImagePolicy', 'CONFIG_INVALID'],
    ['a reference back', pattern('(a)\\1'), 'ImageValidatingPolicy', 'CONFIG_INVALID'],
    ['no log for identities', `${KEYLESS}    log: ignored\n`, 'ClusterImagePolicy', 'CONFIG_INVALID'],
    ['several logs', PRIVATE.replace('root.json', 'two-logs.json'), 'ClusterPolicy', 'CONFIG_INVALID'],
    ['a root that is none', PRIVATE.replace('root.json', 'app.pub'), 'ClusterImagePolicy', 'TRUST_ROOT_INVALID'],
    ['a key that is not there', KEYED.replace('app.pub', 'absent.pub'), 'ClusterPolicy', 'FILE_UNREADABLE'],
    ['an empty file', 'images: []\n', 'ClusterPolicy', 'CONFIG_INVALID'],
  ] as const)('%s', async (_what, text, kind, code) => {
    expect((await failureOf(policies(text, kind))).code).toBe(code);
  });

  it('a trust file that is not there', async () => {
    const failure = await failureOf(printTrustPolicy({ kind: 'ClusterPolicy', trustFile: 'absent.yaml' }, host));
    expect(failure.code).toBe('CONFIG_NOT_FOUND');
  });
});

/** Folder with the definitions of the kinds (CustomResourceDefinition), as the projects publish them. */
const crds = process.env['STAVE_CRDS'];
describe.skipIf(crds === undefined)(`by the definitions of the kinds (skipped unless STAVE_CRDS names them)`, () => {
  type Definition = {
    spec: {
      names: { kind: string };
      versions: { name: string; schema: { openAPIV3Schema: { properties: { spec: object } } } }[];
    };
  };
  it.each(rows)('%s, %s is valid', async (kind, _name, text) => {
    const definitions = readdirSync(crds ?? '')
      .filter((name) => name.endsWith('.yaml'))
      .flatMap((name) => documentsOf(readFileSync(join(crds ?? '', name), 'utf8')) as Definition[]);
    for (const document of documentsOf(await policies(text, kind)) as {
      kind: string;
      apiVersion: string;
      spec: object;
    }[]) {
      const version = document.apiVersion.split('/')[1];
      const schema = definitions
        .find(({ spec }) => spec.names.kind === document.kind)
        ?.spec.versions.find(({ name }) => name === version)?.schema.openAPIV3Schema.properties.spec;
      expect(schema, `${document.kind} ${version}`).toBeDefined();
      const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
      const validate = ajv.compile(closed(schema) as object);
      expect(validate(document.spec), JSON.stringify(validate.errors)).toBe(true);
    }
  });
});

/** A cluster drops fields that a schema does not know: here they are mistakes. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const fields = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  const isOpen = !('properties' in schema) || 'x-kubernetes-preserve-unknown-fields' in schema;
  return isOpen || !('type' in schema) ? fields : { ...fields, additionalProperties: false };
}
