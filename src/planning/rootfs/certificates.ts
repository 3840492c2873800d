// Additional certificates into CA bundles and Java trust stores, checksums beside those, and keys into the image's keyring
// (layer-and-oci.md 7). Never decides whether a certificate deserves trust: that is the configuration's word.

import { createPublicKey, X509Certificate } from 'node:crypto';
import { hashHex } from '../../base/digest.ts';
import { Failure, failingWithin } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { compareBytes, sortedUnique } from '../../base/order.ts';
import type { Package } from '../../formats/apk/package.ts';
import {
  parseTrustStore,
  printTrustStore,
  type TrustStoreEntry,
  trustedCertificate,
} from '../../formats/jks/trust-store.ts';
import { type PemBlock, parsePem, printPem } from '../../formats/pem/pem.ts';
import { TAR_TYPE } from '../../formats/tar/entry.ts';
import type { Certificates, NamedText } from '../config/image-config.ts';
import { contentSize } from './content.ts';
import type { FileTree } from './file-tree.ts';
import { regularFile } from './tolerant-lookup.ts';

const BUNDLES = [
  'etc/ssl/certs/ca-certificates.crt',
  'var/lib/ecs/deps/execute-command/certs/tls-ca-bundle.pem',
  'kaniko/ssl/certs/ca-certificates.crt',
];
const TRUST_STORES = ['etc/ssl/certs/java/cacerts'];
const CERTIFICATE_DIRECTORY = 'usr/local/share/ca-certificates';
const KEYRING_DIRECTORY = 'etc/apk/keys';

interface Certificate {
  /** Name in the configuration, or `pkg`, and the fingerprint. */
  readonly label: string;
  readonly der: Uint8Array;
  readonly pem: string;
}

/**
 * Puts the configured certificates, and those of packages that provide one of the named virtuals, into every bundle and
 * trust store of the image. `epochSeconds` becomes the time of all that is touched.
 * @throws Failure CERTIFICATE_INVALID for a certificate or trust store that we cannot read
 */
export function applyCertificates(
  tree: FileTree,
  certificates: Certificates,
  packages: readonly Pick<Package, 'info' | 'entries'>[],
  epochSeconds: number,
): void {
  const additional = certificates.additional.map(parseAdditional);
  const all = [...additional, ...providedCertificates(tree, certificates.providers, packages)];
  if (all.length === 0) return;
  if (additional.length > 0) tree.mkdirAll(CERTIFICATE_DIRECTORY, 0o755);
  for (const { label, pem } of additional) {
    writeDated(tree, `${CERTIFICATE_DIRECTORY}/${label}.crt`, pem, 0o644, epochSeconds);
  }
  for (const path of existingFiles(tree, BUNDLES)) {
    const bundle = Buffer.from(tree.readBytes(path) ?? []);
    // A bundle without final newline would swallow the next BEGIN line.
    const gap = bundle.length > 0 && bundle.at(-1) !== 0x0a ? '\n' : '';
    const added = gap + all.map(({ pem }) => `${pem}\n`).join('');
    writeDated(tree, path, Buffer.concat([bundle, Buffer.from(added)]), 0o644, epochSeconds);
  }
  for (const path of existingFiles(tree, TRUST_STORES)) {
    failingWithin(`/${path}`, () => {
      const store = extendTrustStore(tree.readBytes(path) ?? new Uint8Array(0), all, epochSeconds);
      writeDated(tree, path, store, 0o644, epochSeconds);
    });
  }
}

/** Writes `.NAME.sha256` beside every bundle and trust store of the image; needs no configuration. */
export function applyBundleChecksums(tree: FileTree, epochSeconds: number): void {
  for (const path of existingFiles(tree, [...BUNDLES, ...TRUST_STORES])) {
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    const digest = hashHex('sha256', tree.readBytes(path) ?? '');
    writeDated(tree, `${path.slice(0, slash)}/.${name}.sha256`, `${digest}  ${name}\n`, 0o444, epochSeconds);
  }
}

/**
 * Puts the configured public keys into the keyring that the image's own apk trusts.
 * @throws Failure KEY_INVALID for what is not one RSA public key, FILE_CONFLICT for a name that is taken
 */
export function applyRuntimeKeyring(tree: FileTree, entries: readonly NamedText[], epochSeconds: number): void {
  for (const entry of entries.toSorted((a, b) => compareBytes(a.name, b.name))) {
    const path = `${KEYRING_DIRECTORY}/${entry.name}`;
    if (tree.lookup(path, { follow: false }) !== undefined) {
      throw new Failure('FILE_CONFLICT', `runtime_keyring entry "${entry.name}": the image already has /${path}`, {
        hint: 'Keys of the keyring and of packages are in the image anyway; give this one another name or leave it out.',
      });
    }
    writeDated(tree, path, printPem(parseRuntimeKey(entry)), 0o644, epochSeconds);
  }
}

function parseRuntimeKey({ name, content }: NamedText): PemBlock {
  const block = onlyBlock(content, 'PUBLIC KEY');
  const problem = typeof block === 'string' ? block : isRsaPublicKey(block.der) ? '' : 'is not an RSA public key';
  if (typeof block === 'string' || problem !== '') {
    throw new Failure('KEY_INVALID', `runtime_keyring entry "${name}" ${problem}`);
  }
  return block;
}

function isRsaPublicKey(der: Uint8Array): boolean {
  try {
    return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' }).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}

function parseAdditional({ name, content }: NamedText): Certificate {
  const certificate = parseCertificate(name, content);
  if (typeof certificate === 'string') throw new Failure('CERTIFICATE_INVALID', `certificate "${name}" ${certificate}`);
  return certificate;
}

/** The one certificate of a text, or what is wrong with it, to be read after its name. */
function parseCertificate(name: string, text: string): Certificate | string {
  const block = onlyBlock(text, 'CERTIFICATE');
  if (typeof block === 'string') return block;
  if (!isCertificate(block.der)) return 'is not a certificate that we can read';
  return { label: `${name}-${hashHex('sha256', block.der)}`, der: block.der, pem: printPem(block) };
}

function isCertificate(der: Uint8Array): boolean {
  try {
    return new X509Certificate(der).raw.length === der.length;
  } catch {
    return false;
  }
}

function onlyBlock(text: string, type: string): PemBlock | string {
  if (text.trim() === '') return 'has no content';
  const [block, ...others] = parsePem(text);
  if (block === undefined) return 'has no PEM block';
  if (others.length > 0) return 'has more than one PEM block; give each an entry of its own';
  if (block.type !== type) return `is a PEM block "${block.type}", not "${type}"`;
  return block;
}

/** Certificates of packages that provide one of the names, by path. Files that are not exactly one certificate do not count. */
function providedCertificates(
  tree: FileTree,
  providers: readonly string[],
  packages: readonly Pick<Package, 'info' | 'entries'>[],
): Certificate[] {
  const providing = packages.filter(({ info }) => info.provides.some((provided) => providers.includes(provided)));
  const paths = providing.flatMap(({ entries }) =>
    entries
      .filter((entry) => entry.type !== TAR_TYPE.directory)
      .map((entry) => entry.name)
      .filter((path) => path.startsWith(`${CERTIFICATE_DIRECTORY}/`) && /\.(crt|pem)$/.test(path)),
  );
  return sortedUnique(paths).flatMap((path) => {
    const file = regularFile(tree, path);
    if (file === undefined || contentSize(file.content) > LIMITS.keyBytes) return [];
    const certificate = parseCertificate('pkg', tree.readText(path) ?? '');
    return typeof certificate === 'string' ? [] : [certificate];
  });
}

function extendTrustStore(bytes: Uint8Array, added: readonly Certificate[], epochSeconds: number): Uint8Array {
  const createdMs = BigInt(Math.round(epochSeconds * 1000));
  const entries = new Map<string, TrustStoreEntry>();
  const stored = added.map(({ label, der }) => trustedCertificate(label, der, createdMs));
  for (const entry of [...parseTrustStore(bytes), ...stored]) entries.set(entry.alias, entry);
  return printTrustStore([...entries.values()]);
}

function existingFiles(tree: FileTree, paths: readonly string[]): string[] {
  return paths.filter((path) => regularFile(tree, path) !== undefined);
}

function writeDated(tree: FileTree, path: string, content: Uint8Array | string, mode: number, seconds: number): void {
  tree.writeFile(path, content, mode).mtime = seconds;
}
