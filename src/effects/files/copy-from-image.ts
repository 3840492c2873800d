// Copies paths out of another image that is pinned by digest: nothing of it is used that is not below that digest. What was
// copied is kept in the store under pin, architecture and paths, so that the next build opens neither the image nor a socket.

import { createHash } from 'node:crypto';
import { type Digest, digestHex, isDigest, sha256 } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { findImage, type Image, type ImageIndex } from '../../formats/oci/image.ts';
import { platformOf } from '../../planning/config/architecture.ts';
import type { CollectedEntry } from '../../planning/files/collected-group.ts';
import { contentSize } from '../../planning/rootfs/content.ts';
import type { FileTree, TreeEntry } from '../../planning/rootfs/file-tree.ts';
import type { FileNode, TreeNode } from '../../planning/rootfs/tree-node.ts';
import { openImageTree } from '../image/image-tree.ts';
import type { Store } from '../store/store.ts';
import { type CollectionBudget, spend } from './collection-budget.ts';
import { storedFile, storeFile } from './download-file.ts';

type ImageValue = ImageIndex['children'][number];

/** Another image, wherever it lies: the one that the pin names, or an index or layout that leads to it. */
export interface OpenedImage {
  readonly value: ImageValue;
  readonly blobs: BlobSource;
}

export interface CopyRequest {
  /** `<image>@sha256:...`, for messages. */
  readonly reference: string;
  /** Absolute paths. */
  readonly paths: readonly string[];
  /** OCI forms. */
  readonly archs: readonly string[];
  /** Asked only where the store does not have it all. */
  readonly open: () => Promise<OpenedImage>;
  /** Where layers are unpacked for as long as they are read. */
  readonly temporaryDirectory: string;
}

/** `<place>@<digest>` in its parts. */
export function splitPinned(reference: string): { readonly place: string; readonly digest: Digest } {
  const at = reference.lastIndexOf('@');
  const digest = reference.slice(at + 1);
  assert(isDigest(digest), `a pinned image, not "${reference}"`);
  return { place: reference.slice(0, at), digest };
}

/**
 * The entries of all architectures. Failures IMAGE_INVALID, CONFIG_NOT_FOUND (a path), CHECKSUM_MISMATCH, ARCHIVE_*, and those
 * of `open`.
 */
export async function copyFromImage(
  request: CopyRequest,
  store: Store,
  budget: CollectionBudget,
): Promise<CollectedEntry[]> {
  const { digest } = splitPinned(request.reference);
  const all: CollectedEntry[] = [];
  for (const arch of request.archs) {
    const key = digestHex(sha256(JSON.stringify([digest, arch, request.paths])));
    let entries = keptEntries(request.reference, arch, key, store);
    if (entries === undefined) {
      await copyAnew(request, arch, key, store, { ...budget });
      entries = keptEntries(request.reference, arch, key, store);
      assert(entries !== undefined, 'what was just copied is in the store');
    }
    for (const entry of entries) spend(budget, entry.kind === 'file' ? entry.sizeBytes : 0);
    all.push(...entries);
  }
  return all;
}

/** What was copied, as the store keeps it; contents lie beside it by their digest (hex). */
type Copied = { readonly path: string; readonly owner: string } & (
  | { readonly kind: 'directory'; readonly mode: number }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'file'; readonly mode: number; readonly sha256: string }
);

/** Undefined where the record or one of the contents is not there, or damaged. */
function keptEntries(reference: string, arch: string, key: string, store: Store): CollectedEntry[] | undefined {
  const record = store.readRecord('copies', key);
  if (record === undefined) return undefined;
  const copied: readonly Copied[] = JSON.parse(Buffer.from(record).toString('utf8'));
  const entries: CollectedEntry[] = [];
  for (const one of copied) {
    if (one.kind !== 'file') {
      entries.push({ ...one, archs: [arch] });
      continue;
    }
    const stored = storedFile(store, one.sha256);
    if (stored === undefined) return undefined;
    const { file, sizeBytes, sha1 } = stored;
    const content = { kind: 'disk', file, name: `/${one.path} of ${reference}` } as const;
    entries.push({ ...one, archs: [arch], sizeBytes, sha1, content });
  }
  return entries;
}

/** Puts everything that the paths name, and a record of it, into the store. */
async function copyAnew(
  { reference, paths, open, temporaryDirectory }: CopyRequest,
  arch: string,
  key: string,
  store: Store,
  budget: CollectionBudget,
): Promise<void> {
  const { value, blobs } = await open();
  const { tree, close } = await openImageTree(imageFor(value, arch, reference), blobs, temporaryDirectory);
  try {
    const copied = new Map<string, Copied>();
    const digests = new Map<FileNode, string>();
    for (const { path, node } of nodesAt(tree, paths, { reference, arch })) {
      spend(budget, node.kind === 'file' ? contentSize(node.content) : 0);
      const fields = { path, owner: `${node.uid}:${node.gid}` };
      if (node.kind === 'directory') copied.set(path, { kind: 'directory', ...fields, mode: node.mode });
      else if (node.kind === 'symlink') copied.set(path, { kind: 'symlink', ...fields, target: node.target });
      else if (node.kind === 'file') {
        const hex = digests.get(node) ?? (await keepContent(tree, node, store, path));
        digests.set(node, hex);
        copied.set(path, { kind: 'file', ...fields, mode: node.mode, sha256: hex });
      } else throw new Failure('IMAGE_INVALID', `"/${path}" of ${reference} is a device, which cannot be copied`);
    }
    store.writeRecord('copies', key, JSON.stringify([...copied.values()]));
  } finally {
    close();
  }
}

/** What a container would see at the paths and below: links in their folders are followed, the last name stays as it is. */
function* nodesAt(
  tree: FileTree,
  paths: readonly string[],
  { reference, arch }: { readonly reference: string; readonly arch: string },
): Generator<TreeEntry> {
  for (const named of paths) {
    const path = named
      .split('/')
      .filter((name) => name !== '' && name !== '.')
      .join('/');
    // With a slash at its end a link to a folder means the folder.
    const node = lookup(tree, path, named.endsWith('/'));
    if (node === undefined) {
      throw new Failure('CONFIG_NOT_FOUND', `the image ${reference} has no "${named}" for ${arch}`);
    }
    if (path !== '') yield { path, node };
    if (node.kind === 'directory') yield* tree.walkBelow(path);
  }
}

function lookup(tree: FileTree, path: string, follow: boolean): TreeNode | undefined {
  try {
    return tree.lookup(path, { follow });
  } catch (error) {
    // A part of the path is a file, or links go in circles.
    if (error instanceof Failure && error.code === 'PATH_INVALID') return undefined;
    throw error;
  }
}

const PIECE_BYTES = 1024 * 1024;

/** The digest under which the content is in the store now. */
async function keepContent(tree: FileTree, node: FileNode, store: Store, path: string): Promise<string> {
  function* pieces() {
    const sizeBytes = contentSize(node.content);
    for (let at = 0; at < sizeBytes; at += PIECE_BYTES) yield tree.readRange(node, at, PIECE_BYTES);
  }
  const hash = createHash('sha256');
  for (const piece of pieces()) hash.update(piece);
  const hex = hash.digest('hex');
  if (storedFile(store, hex) === undefined) await storeFile(store, hex, pieces(), `/${path}`);
  return hex;
}

function imageFor(value: ImageValue, arch: string, reference: string): Image {
  const pinned = findPinned(value, splitPinned(reference).digest);
  if (pinned === undefined) {
    throw new Failure('IMAGE_INVALID', `there is no image ${reference}`, {
      hint: 'what lies there has another digest',
      notes: [`its index is ${value.descriptor.digest}`],
    });
  }
  const { architecture, variant } = platformOf(arch);
  const platform = { os: 'linux', architecture, ...(variant !== undefined && { variant }) };
  const found = pinned.kind === 'index' ? findImage(pinned, platform) : pinned;
  if (found?.kind === 'image' && found.config.architecture === architecture) return found;
  throw new Failure('IMAGE_INVALID', `the image ${reference} has nothing for ${arch}`, {
    hint: 'build only for the architectures it has (--arch)',
  });
}

function findPinned(value: ImageValue, digest: Digest): ImageValue | undefined {
  if (value.descriptor.digest === digest) return value;
  if (value.kind !== 'index') return undefined;
  for (const child of value.children) {
    const found = findPinned(child, digest);
    if (found !== undefined) return found;
  }
  return undefined;
}
