// Copies paths out of another image that is pinned by digest: nothing of it is used that is not below that digest. Goes over
// the layers twice: once to see what is where in the end (whiteouts, replacements), once for the contents.

import { createHash } from 'node:crypto';
import { type Digest, isDigest } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { type BlobSource, openVerified } from '../../formats/oci/blob-source.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import { findImage, type Image, type ImageIndex } from '../../formats/oci/image.ts';
import { TAR_TYPE, type TarEntry } from '../../formats/tar/entry.ts';
import { TarScanner } from '../../formats/tar/scan.ts';
import { platformOf } from '../../planning/config/architecture.ts';
import type { CollectedEntry } from '../../planning/files/collected-group.ts';
import type { Store } from '../store/store.ts';
import type { CollectionBudget } from './collect-tree.ts';
import { storedFile, storeFile } from './download-file.ts';

/** Another image, wherever it lies. */
export interface OpenedImage {
  readonly index: ImageIndex;
  readonly blobs: BlobSource;
}

export interface CopyRequest {
  /** `<image>@sha256:...`, for messages. */
  readonly reference: string;
  /** Absolute paths. */
  readonly paths: readonly string[];
  /** OCI forms. */
  readonly archs: readonly string[];
}

/** `<place>@<digest>` in its parts. */
export function splitPinned(reference: string): { readonly place: string; readonly digest: Digest } {
  const at = reference.lastIndexOf('@');
  const digest = reference.slice(at + 1);
  assert(isDigest(digest), `a pinned image, not "${reference}"`);
  return { place: reference.slice(0, at), digest };
}

/** The entries of all architectures. Failures IMAGE_INVALID, CONFIG_NOT_FOUND (a path), CHECKSUM_MISMATCH, ARCHIVE_*. */
export async function copyFromImage(
  request: CopyRequest,
  opened: OpenedImage,
  store: Store,
  budget: CollectionBudget,
): Promise<CollectedEntry[]> {
  const { digest } = splitPinned(request.reference);
  const entries: CollectedEntry[] = [];
  for (const arch of request.archs) {
    const image = imageFor(opened.index, digest, arch, request.reference);
    entries.push(...(await copyOne(request, image, arch, opened.blobs, store, budget)));
  }
  return entries;
}

function imageFor(index: ImageIndex, digest: Digest, arch: string, reference: string): Image {
  const pinned = findPinned(index, digest);
  if (pinned === undefined) {
    throw new Failure('IMAGE_INVALID', `there is no image ${reference}`, {
      hint: 'what lies there has another digest',
      notes: [`its index is ${index.descriptor.digest}`],
    });
  }
  const { architecture, variant } = platformOf(arch);
  const platform = { os: 'linux', architecture, ...(variant !== undefined && { variant }) };
  const found = pinned.kind === 'index' ? findImage(pinned, platform) : pinned;
  if (found !== undefined && found.config.architecture === architecture) return found;
  throw new Failure('IMAGE_INVALID', `the image ${reference} has nothing for ${arch}`, {
    hint: 'build only for the architectures it has (--arch)',
  });
}

function findPinned(value: ImageIndex, digest: Digest): Image | ImageIndex | undefined {
  if (value.descriptor.digest === digest) return value;
  for (const child of value.children) {
    if (child.kind === 'image' && child.descriptor.digest === digest) return child;
    const found = child.kind === 'index' ? findPinned(child, digest) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Where the last layer that speaks of a path has it. */
interface Found {
  readonly layer: number;
  readonly entry: TarEntry;
  /** The name in that layer whose content it has: another one for hard links. */
  readonly name: string;
}

async function copyOne(
  { reference, paths }: CopyRequest,
  image: Image,
  arch: string,
  blobs: BlobSource,
  store: Store,
  budget: CollectionBudget,
): Promise<CollectedEntry[]> {
  const wanted = paths.map(pathOf);
  const found = await findEntries(image, blobs);
  const chosen = [...found].filter(([path]) => wanted.some((each) => isWithin(path, each)));
  for (const each of wanted) {
    if (chosen.some(([path]) => isWithin(path, each))) continue;
    throw new Failure('CONFIG_NOT_FOUND', `the image ${reference} has no "/${each}" for ${arch}`, {
      hint: 'links in the folders of a path are not followed: name the place where it really is',
    });
  }
  const digests = await storeContents(
    image,
    blobs,
    chosen.map(([, one]) => one),
    store,
    budget,
  );
  return chosen.flatMap(([path, { layer, entry, name }]): CollectedEntry[] => {
    budget.files--;
    const fields = { path, owner: `${entry.uid}:${entry.gid}`, archs: [arch] };
    if (entry.type === TAR_TYPE.directory) return [{ kind: 'directory', ...fields, mode: entry.mode }];
    if (entry.type === TAR_TYPE.symlink) return [{ kind: 'symlink', ...fields, target: entry.linkname }];
    const sha256 = digests.get(`${layer} ${name}`);
    const stored = sha256 === undefined ? undefined : storedFile(store, sha256);
    if (stored === undefined) {
      throw new Failure('IMAGE_INVALID', `"/${path}" of ${reference} is neither file, folder nor link`);
    }
    const { file, sizeBytes, sha1 } = stored;
    const content = { kind: 'disk', file, name: `/${path} of ${reference}` } as const;
    return [{ kind: 'file', ...fields, mode: entry.mode, sizeBytes, sha1, sha256: stored.sha256, content }];
  });
}

async function findEntries(image: Image, blobs: BlobSource): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  for (const [layer, descriptor] of image.manifest.layers.entries()) {
    const entries: TarEntry[] = [];
    await scanLayer(blobs, descriptor, { entry: (entry) => entries.push(entry) });
    // Whiteouts speak of the layers below, wherever they stand in this one.
    for (const { name } of entries) hide(found, pathOf(name));
    for (const entry of entries) {
      const path = pathOf(entry.name);
      if (path === '' || baseName(path).startsWith('.wh.')) continue;
      if (found.get(path)?.entry.type === TAR_TYPE.directory && entry.type !== TAR_TYPE.directory)
        removeBelow(found, path);
      const linked = entry.type === TAR_TYPE.hardLink ? found.get(pathOf(entry.linkname)) : undefined;
      found.set(path, linked ?? { layer, entry, name: path });
    }
  }
  return found;
}

function hide(found: Map<string, Found>, path: string): void {
  const name = baseName(path);
  const folder = path.slice(0, Math.max(0, path.length - name.length - 1));
  if (name === '.wh..wh..opq') removeBelow(found, folder);
  else if (name.startsWith('.wh.')) {
    const hidden = folder === '' ? name.slice(4) : `${folder}/${name.slice(4)}`;
    found.delete(hidden);
    removeBelow(found, hidden);
  }
}

function removeBelow(found: Map<string, Found>, folder: string): void {
  for (const path of [...found.keys()]) if (path !== folder && isWithin(path, folder)) found.delete(path);
}

/** Puts the chosen files' contents into the store; their digests by `<layer> <name>`. */
async function storeContents(
  image: Image,
  blobs: BlobSource,
  chosen: readonly Found[],
  store: Store,
  budget: CollectionBudget,
): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const [layer, descriptor] of image.manifest.layers.entries()) {
    const names = new Set(
      chosen.filter((one) => one.layer === layer && one.entry.type === TAR_TYPE.file).map((one) => one.name),
    );
    if (names.size === 0) continue;
    let current: { readonly name: string; readonly chunks: Uint8Array[] } | undefined;
    const whole: { readonly name: string; readonly chunks: readonly Uint8Array[] }[] = [];
    const finish = () => {
      if (current !== undefined) whole.push(current);
      current = undefined;
    };
    const flush = async () => {
      for (const { name, chunks } of whole.splice(0)) {
        const hash = createHash('sha256');
        for (const chunk of chunks) hash.update(chunk);
        const sha256 = hash.digest('hex');
        if (storedFile(store, sha256) === undefined) await storeFile(store, sha256, chunks, name);
        digests.set(`${layer} ${name}`, sha256);
      }
    };
    await scanLayer(
      blobs,
      descriptor,
      {
        entry(entry) {
          finish();
          const name = pathOf(entry.name);
          if (!names.has(name) || entry.type !== TAR_TYPE.file) return;
          budget.bytes -= entry.size;
          if (budget.bytes < 0) throw new Failure('ARCHIVE_LIMIT', `"/${name}" is too large to be copied`);
          current = { name, chunks: [] };
        },
        content(_entry, chunk) {
          current?.chunks.push(Uint8Array.from(chunk));
        },
      },
      flush,
    );
    finish();
    await flush();
  }
  return digests;
}

async function scanLayer(
  blobs: BlobSource,
  descriptor: Descriptor,
  on: ConstructorParameters<typeof TarScanner>[0],
  between: () => Promise<void> = async () => {},
): Promise<void> {
  const scanner = new TarScanner(on);
  for await (const chunk of unpacked(openVerified(blobs, descriptor), descriptor)) {
    scanner.push(chunk);
    await between();
  }
  scanner.end();
}

async function* unpacked(bytes: AsyncIterable<Uint8Array>, { mediaType }: Descriptor): AsyncGenerator<Uint8Array> {
  if (/[+.]tar$/.test(mediaType)) {
    yield* bytes;
    return;
  }
  if (!/gzip$/.test(mediaType)) {
    throw new Failure('FEATURE_UNSUPPORTED', `layers of the type ${mediaType} cannot be read here`);
  }
  const { createGunzip } = await import('node:zlib');
  const { pipeline } = await import('node:stream');
  const gunzip = createGunzip();
  // Errors of the source arrive through the pipe.
  pipeline(bytes, gunzip, () => {});
  try {
    for await (const chunk of gunzip) yield chunk as Uint8Array;
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure('ARCHIVE_INVALID', `a layer cannot be decompressed (${(cause as Error).message})`, { cause });
  }
}

function pathOf(name: string): string {
  const names = name.split('/').filter((each) => each !== '' && each !== '.');
  if (names.includes('..')) throw new Failure('ARCHIVE_INVALID', `the path "${name}" climbs out of its own tree`);
  return names.join('/');
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function isWithin(path: string, folder: string): boolean {
  return folder === '' || path === folder || path.startsWith(`${folder}/`);
}
