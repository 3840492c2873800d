// Certificates into files, bundles and trust stores; checksums beside them; keys into the keyring; and what is refused.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  CERTIFICATE_1,
  CERTIFICATE_2,
  EC_PUBLIC_KEY,
  KEYTOOL_STORE,
  RSA_PUBLIC_KEY,
} from '../../../test/support/certificates.ts';
import { testPackage } from '../../../test/support/trees.ts';
import { parseTrustStore } from '../../formats/jks/trust-store.ts';
import { parsePem } from '../../formats/pem/pem.ts';
import { applyBundleChecksums, applyCertificates, applyRuntimeKeyring } from './certificates.ts';
import { FileTree } from './file-tree.ts';

const T = 1_700_000_000;
const BUNDLE = 'etc/ssl/certs/ca-certificates.crt';
const STORE = 'etc/ssl/certs/java/cacerts';
const DIRECTORY = 'usr/local/share/ca-certificates';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const fingerprint = (pem: string) => sha256(parsePem(pem)[0]!.der);
const additional = (...contents: string[]) => ({
  additional: contents.map((content, i) => ({ name: `Cert${i + 1}`, content })),
  providers: [],
});

function treeOf(files: Readonly<Record<string, string | Uint8Array>> = {}): FileTree {
  const tree = new FileTree(() => new Uint8Array(0));
  for (const [path, content] of Object.entries(files)) {
    tree.mkdirAll(path.slice(0, path.lastIndexOf('/')), 0o755);
    tree.writeFile(path, content, 0o600).mtime = 5;
  }
  return tree;
}

describe('applyCertificates', () => {
  it('touches nothing without certificates', () => {
    const tree = treeOf({ [BUNDLE]: CERTIFICATE_1, [STORE]: 'no store at all' });
    applyCertificates(tree, { additional: [], providers: ['none'] }, [], T);
    expect(tree.lookup(BUNDLE)).toMatchObject({ mtime: 5 });
    expect(tree.lookup(DIRECTORY)).toBeUndefined();
  });

  it('writes each additional certificate as a file of its own, in canonical form', () => {
    const tree = treeOf();
    applyCertificates(tree, additional(`About it\n${CERTIFICATE_1.replaceAll('\n', '\r\n')}`, CERTIFICATE_2), [], T);
    const names = [`Cert1-${fingerprint(CERTIFICATE_1)}.crt`, `Cert2-${fingerprint(CERTIFICATE_2)}.crt`];
    expect(tree.list(DIRECTORY).map(([name]) => name)).toEqual(names);
    expect(tree.readText(`${DIRECTORY}/${names[0]}`)).toBe(CERTIFICATE_1);
    expect(tree.lookup(`${DIRECTORY}/${names[0]}`)).toMatchObject({ mode: 0o644, mtime: T });
    expect(tree.lookup(DIRECTORY)).toMatchObject({ mode: 0o755, mtime: 0 });
  });

  it('appends to every bundle that is there, which keeps its mode', () => {
    const others = ['var/lib/ecs/deps/execute-command/certs/tls-ca-bundle.pem', 'kaniko/ssl/certs/ca-certificates.crt'];
    const tree = treeOf({ [BUNDLE]: CERTIFICATE_2, [others[0]!]: '', [others[1]!]: CERTIFICATE_2.trimEnd() });
    applyCertificates(tree, additional(CERTIFICATE_1), [], T);
    expect(tree.readText(BUNDLE)).toBe(`${CERTIFICATE_2}${CERTIFICATE_1}\n`);
    expect(tree.readText(others[0]!)).toBe(`${CERTIFICATE_1}\n`);
    expect(parsePem(tree.readText(others[1]!) ?? '')).toHaveLength(2);
    expect(tree.lookup(BUNDLE)).toMatchObject({ mode: 0o600, mtime: T });
  });

  it('takes a bundle behind a file for missing', () => {
    const tree = treeOf({ '/kaniko': 'a program' });
    applyCertificates(tree, additional(CERTIFICATE_1), [], T);
    expect(tree.readText('kaniko')).toBe('a program');
  });

  it('adds to the Java trust store, aliases in order', () => {
    const tree = treeOf({ [STORE]: KEYTOOL_STORE });
    applyCertificates(tree, additional(CERTIFICATE_2), [], T);
    const entries = parseTrustStore(tree.readBytes(STORE) ?? new Uint8Array(0));
    expect(entries.map((e) => e.alias)).toEqual([`cert1-${fingerprint(CERTIFICATE_2)}`, 'first']);
    expect(entries[0]).toMatchObject({ createdMs: BigInt(T) * 1000n, certificate: { type: 'X.509' } });
    expect(tree.lookup(STORE)).toMatchObject({ mtime: T });
  });

  it('names the trust store that it cannot read', () => {
    const tree = treeOf({ [STORE]: 'text' });
    expect(() => applyCertificates(tree, additional(CERTIFICATE_1), [], T)).toThrow(
      expect.objectContaining({
        code: 'CERTIFICATE_INVALID',
        message: '/etc/ssl/certs/java/cacerts: the trust store is no Java key store',
      }),
    );
  });

  describe('providers', () => {
    const files = {
      [`${DIRECTORY}/b.crt`]: CERTIFICATE_1,
      [`${DIRECTORY}/a/c.pem`]: CERTIFICATE_2,
      [`${DIRECTORY}/two.crt`]: CERTIFICATE_1 + CERTIFICATE_2,
      [`${DIRECTORY}/text.crt`]: 'text',
      [`${DIRECTORY}/key.pem`]: RSA_PUBLIC_KEY,
      [`${DIRECTORY}/broken.pem`]: CERTIFICATE_1.replace('MIIB', 'MIIC'),
      [`${DIRECTORY}/other.txt`]: CERTIFICATE_1,
      'opt/d.crt': CERTIFICATE_1,
    };
    const packages = [
      testPackage(
        { name: 'one', provides: ['corp-certs', 'x'] },
        Object.keys(files).map((path) => `file ${path} 644 -`),
      ).pkg,
      testPackage({ name: 'two', provides: ['corp-certs=1'] }, [`file ${DIRECTORY}/other.crt 644 -`]).pkg,
      testPackage({ name: 'three', provides: ['corp-certs'] }, [
        `dir ${DIRECTORY}/e.crt`,
        `file ${DIRECTORY}/gone.crt 644 -`,
      ]).pkg,
    ];

    it('bring the files that are exactly one certificate, by path, after the additional ones', () => {
      const tree = treeOf({
        ...files,
        [BUNDLE]: '',
        [STORE]: KEYTOOL_STORE,
        [`${DIRECTORY}/other.crt`]: CERTIFICATE_1,
      });
      applyCertificates(tree, { ...additional(CERTIFICATE_1), providers: ['corp-certs'] }, packages, T);
      expect(tree.readText(BUNDLE)).toBe([CERTIFICATE_1, CERTIFICATE_2, CERTIFICATE_1, ''].join('\n'));
      const aliases = parseTrustStore(tree.readBytes(STORE) ?? new Uint8Array(0)).map((e) => e.alias);
      const [one, two] = [fingerprint(CERTIFICATE_1), fingerprint(CERTIFICATE_2)];
      expect(aliases).toEqual([`cert1-${one}`, 'first', ...[`pkg-${one}`, `pkg-${two}`].toSorted()]);
    });

    it('need no additional ones, and are not copied', () => {
      const tree = treeOf({ ...files, [BUNDLE]: '' });
      applyCertificates(tree, { additional: [], providers: ['corp-certs'] }, packages, T);
      expect(parsePem(tree.readText(BUNDLE) ?? '')).toHaveLength(2);
      expect(tree.list(DIRECTORY).map(([name]) => name)).not.toContain(`pkg-${fingerprint(CERTIFICATE_1)}.crt`);
    });

    it('are named by the whole entry', () => {
      const tree = treeOf({ ...files, [`${DIRECTORY}/other.crt`]: CERTIFICATE_1, [BUNDLE]: '' });
      applyCertificates(tree, { additional: [], providers: ['corp-certs=1'] }, packages, T);
      expect(parsePem(tree.readText(BUNDLE) ?? '')).toHaveLength(1);
    });
  });

  it.each([
    ['', 'has no content'],
    ['text', 'has no PEM block'],
    [RSA_PUBLIC_KEY, 'is a PEM block "PUBLIC KEY", not "CERTIFICATE"'],
    [CERTIFICATE_1 + CERTIFICATE_2, 'has more than one PEM block; give each an entry of its own'],
    [CERTIFICATE_1.replace('MIIB', 'MIIC'), 'is not a certificate that we can read'],
  ])('refuses %j', (content, problem) => {
    expect(() => applyCertificates(treeOf(), additional(content), [], T)).toThrow(
      expect.objectContaining({ code: 'CERTIFICATE_INVALID', message: `certificate "Cert1" ${problem}` }),
    );
  });
});

describe('applyBundleChecksums', () => {
  it('writes a checksum beside every bundle and trust store', () => {
    const tree = treeOf({ [BUNDLE]: 'bundle', [STORE]: 'store' });
    applyBundleChecksums(tree, T);
    const sidecar = 'etc/ssl/certs/.ca-certificates.crt.sha256';
    expect(tree.readText(sidecar)).toBe(`${sha256(Buffer.from('bundle'))}  ca-certificates.crt\n`);
    expect(tree.lookup(sidecar)).toMatchObject({ mode: 0o444, mtime: T });
    expect(tree.readText('etc/ssl/certs/java/.cacerts.sha256')).toBe(`${sha256(Buffer.from('store'))}  cacerts\n`);
    expect(tree.lookup(BUNDLE)).toMatchObject({ mtime: 5 });
  });

  it('writes nothing where there is none', () => {
    const tree = treeOf({ 'etc/ssl/certs/readme': '' });
    applyBundleChecksums(tree, T);
    expect(tree.list('etc/ssl/certs')).toHaveLength(1);
  });
});

describe('applyRuntimeKeyring', () => {
  const keyring = () => treeOf({ 'etc/apk/keys/taken.rsa.pub': RSA_PUBLIC_KEY });

  it('writes keys in canonical form', () => {
    const tree = keyring();
    applyRuntimeKeyring(
      tree,
      [
        { name: 'b.pub', content: `# mine\n${RSA_PUBLIC_KEY}` },
        { name: 'a.pub', content: RSA_PUBLIC_KEY },
      ],
      T,
    );
    expect(tree.list('etc/apk/keys').map(([name]) => name)).toEqual(['a.pub', 'b.pub', 'taken.rsa.pub']);
    expect(tree.readText('etc/apk/keys/b.pub')).toBe(RSA_PUBLIC_KEY);
    expect(tree.lookup('etc/apk/keys/b.pub')).toMatchObject({ mode: 0o644, mtime: T });
  });

  it('refuses a name that is taken', () => {
    expect(() => applyRuntimeKeyring(keyring(), [{ name: 'taken.rsa.pub', content: RSA_PUBLIC_KEY }], T)).toThrow(
      expect.objectContaining({
        code: 'FILE_CONFLICT',
        message: 'runtime_keyring entry "taken.rsa.pub": the image already has /etc/apk/keys/taken.rsa.pub',
      }),
    );
  });

  it.each([
    ['', 'has no content'],
    ['text', 'has no PEM block'],
    [CERTIFICATE_1, 'is a PEM block "CERTIFICATE", not "PUBLIC KEY"'],
    [RSA_PUBLIC_KEY + RSA_PUBLIC_KEY, 'has more than one PEM block; give each an entry of its own'],
    [EC_PUBLIC_KEY, 'is not an RSA public key'],
    [RSA_PUBLIC_KEY.replace('MIGf', 'MIGe'), 'is not an RSA public key'],
  ])('refuses %j', (content, problem) => {
    expect(() => applyRuntimeKeyring(keyring(), [{ name: 'k.pub', content }], T)).toThrow(
      expect.objectContaining({ code: 'KEY_INVALID', message: `runtime_keyring entry "k.pub" ${problem}` }),
    );
  });
});
