// One architecture from chosen packages to an image whose layers lie in a blob directory.

import { sha256 } from '../../base/digest.ts';
import type { EventSink } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import { changedFile, type DiskFile, openDiskFiles } from '../../effects/files/disk-files.ts';
import type { ImageTree } from '../../effects/image/image-tree.ts';
import type { ArchiveDraft } from '../../effects/output/archive-draft.ts';
import type { LayerRecipe } from '../../effects/output/compress-pieces.ts';
import type { PackagedReadInto } from '../../effects/output/make-piece.ts';
import type { PiecedBlobs } from '../../effects/output/pieced-blobs.ts';
import { publicLine } from '../../effects/repository/repository-line.ts';
import type { PackageHandle } from '../../effects/store/package-handle.ts';
import type { Package } from '../../formats/apk/package.ts';
import type { Image } from '../../formats/oci/image.ts';
import { planImage } from '../../formats/oci/plan-image.ts';
import type { Moment } from '../../formats/oci/timestamps.ts';
import { platformOf } from '../../planning/config/architecture.ts';
import type { CollectedGroup } from '../../planning/files/collected-group.ts';
import type { Rootfs } from '../../planning/rootfs/assemble.ts';
import { contentSize, type DamagedContent, damagedContent, type PackagedRead } from '../../planning/rootfs/content.ts';
import type { KeptPieces } from '../../planning/rootfs/kept-piece.ts';
import type { LayerEntry } from '../../planning/rootfs/layer-entries.ts';
import { layerPieces } from '../../planning/rootfs/layer-pieces.ts';
import type { Host } from '../host.ts';
import { openBaseImage, unpackBaseImage } from './base-image.ts';
import type { BuildMoments } from './build-moment.ts';
import { fetchPackages } from './fetch-packages.ts';
import { imageRepositories, type OpenImage } from './open-image.ts';
import { forgetPackageFacts, type OpenPackageFacts, openPackageFacts } from './package-facts.ts';
import { type ResolvedImage, readBasePackages } from './resolve-image.ts';
import { runSettings } from './run-settings.ts';
import { stackRootfs } from './stack-rootfs.ts';

export interface AssembledRootfs {
  readonly arch: string;
  readonly rootfs: Rootfs;
  readonly created: Moment;
  /** The tree shows the base image, too, or there is none. */
  readonly isWhole: boolean;
  /** In install order, those of the user's own files last. */
  readonly packages: readonly Package[];
  readonly read: PackagedRead;
  /** What the hardening contract wants to know of the packages' files. */
  readonly facts: OpenPackageFacts;
  readonly readInto: PackagedReadInto;
  readonly isFresh: (packageIndex: number) => boolean;
  /** The files that both read, by package index; files of the user's own follow the packages. */
  readonly dataTars: readonly string[];
  /** What decides the bytes of each of `dataTars`. */
  readonly dataHashes: readonly string[];
  /** Reads all packages through; throws as for damaged content where one is not what it was when it was verified. */
  assertIntact(): void;
  /** What the packages have of their publishers' compression. */
  readonly kept: readonly KeptPieces[];
  close(): void;
}

export interface AssembledImage extends AssembledRootfs {
  readonly image: Image;
  readonly layers: readonly LayerRecipe[];
}

export interface AssemblyInput {
  readonly resolved: ResolvedImage;
  readonly keys: ReadonlyMap<string, string>;
  readonly moments: BuildMoments;
  /** The user's own files. */
  readonly groups: readonly CollectedGroup[];
  /** The packages, where they have been fetched before. */
  readonly handles?: readonly PackageHandle[];
}

/**
 * Fetches the packages, assembles the tree and hands it to `use`, whose reads may go back to the store. A damaged store entry
 * is thrown away and fetched again, once for each package; a second time the Failure passes.
 */
export async function withRootfs<T>(
  image: OpenImage,
  input: AssemblyInput,
  use: (assembled: AssembledRootfs) => Promise<T>,
): Promise<T> {
  const fetchedAgain = new Set<number>();
  const { packages, arch } = input.resolved;
  for (;;) {
    const isFirst = fetchedAgain.size === 0;
    const handles = (isFirst ? input.handles : undefined) ?? (await fetchPackages(image, packages, arch));
    let assembled: AssembledRootfs | undefined;
    let base: ImageTree | undefined;
    try {
      base = input.groups.length === 0 ? undefined : await unpackBaseImage(image, input.resolved.arch);
      assembled = assemble(image, input, handles, base);
      return await use(assembled);
    } catch (error) {
      const damaged =
        error instanceof Failure && error.code === 'CHECKSUM_MISMATCH'
          ? (error.data as DamagedContent | undefined)
          : undefined;
      const handle = damaged === undefined ? undefined : handles[damaged.packageIndex];
      if (damaged !== undefined && handle === undefined) throw changedFile(`/${damaged.path}`, error);
      if (damaged === undefined || handle === undefined || fetchedAgain.has(damaged.packageIndex)) throw error;
      fetchedAgain.add(damaged.packageIndex);
      handle.discard();
      forgetPackageFacts(image.store, handle.package);
      const { info } = handle.package;
      image.host.events({
        type: 'warning',
        code: 'CACHE_DAMAGED',
        message: `the cached copy of ${info.name} ${info.version} was damaged; fetching it again`,
      });
    } finally {
      assembled?.close();
      base?.close();
      for (const handle of handles) handle.close();
    }
  }
}

/** Compresses the layers into `blobs` and makes the image of it. `draft`: where layers may be written on the way. */
export async function packImage(
  image: OpenImage,
  assembled: AssembledRootfs,
  blobs: PiecedBlobs,
  draft?: ArchiveDraft,
  signal?: AbortSignal,
): Promise<AssembledImage> {
  const { arch, rootfs } = assembled;
  const { events } = image.host;
  // A draft is for images that are ours from the bottom.
  if (image.config.contents.baseImage === undefined) {
    const count = rootfs.layers.length;
    const { configBytes } = imageOf(assembled, Array(count).fill(UNKNOWN_LAYER), undefined);
    draft?.planImage(arch, configBytes.length, count);
  }
  events({ type: 'phase-started', phase: 'compress', arch });
  try {
    const layers = await packLayers(assembled, blobs, events, { draft, signal });
    events({ type: 'phase-finished', phase: 'compress', arch });
    const base = await baseImage(image, arch, blobs);
    return { ...assembled, image: imageOf(assembled, layers, base), layers };
  } catch (error) {
    draft?.giveUp();
    throw error;
  }
}

async function packLayers(
  { arch, rootfs, readInto, isFresh, dataTars, dataHashes, kept }: AssembledRootfs,
  blobs: PiecedBlobs,
  events: EventSink,
  { draft, signal }: { readonly draft: ArchiveDraft | undefined; readonly signal: AbortSignal | undefined },
): Promise<LayerRecipe[]> {
  const sizes = rootfs.layers.map(contentBytes);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const layers: LayerRecipe[] = [];
  let done = 0;
  const progress = (bytes: number) => {
    done += bytes;
    events({ type: 'progress', phase: 'compress', arch, done: Math.min(done, total), total, unit: 'bytes' });
  };
  for (const [i, entries] of rootfs.layers.entries()) {
    const names = rootfs.layerNames[i] ?? rootfs.names;
    const layer = await blobs.addLayer({
      pieces: layerPieces({ entries, names, dataHashes, way: blobs.way, kept: blobs.usesKept ? kept : [] }),
      sizeBytes: sizes[i] ?? 0,
      dataTars,
      readInto,
      isFresh,
      draft: draft?.nextLayer(arch),
      progress,
      signal,
    });
    layers.push(layer);
  }
  return layers;
}

type PlannedLayer = Pick<LayerRecipe, 'mediaType' | 'digest' | 'sizeBytes' | 'diffId'>;

/** Takes as much room in a config as any layer. */
const UNKNOWN_LAYER: PlannedLayer = { mediaType: '', digest: sha256(''), sizeBytes: 0, diffId: sha256('') };

function imageOf(
  { arch, rootfs, created }: AssembledRootfs,
  layers: readonly PlannedLayer[],
  base: Image | undefined,
): Image {
  return planImage({
    ...runSettings(rootfs.config),
    platform: platformOf(arch),
    created: created.text,
    layers: layers.map(({ mediaType, digest, sizeBytes, diffId }) => ({
      descriptor: { mediaType, digest, sizeBytes },
      diffId,
    })),
    ...(base && { base }),
  });
}

function assemble(
  image: OpenImage,
  { resolved, keys, moments, groups }: AssemblyInput,
  handles: readonly PackageHandle[],
  base: ImageTree | undefined,
): AssembledRootfs {
  const { config, host } = image;
  const { arch } = resolved;
  host.events({ type: 'phase-started', phase: 'assemble', arch });
  const installed = handles.map((handle) => handle.package);
  const momentOf = (packages: readonly Package[]) => moments.created(packages.map((pkg) => pkg.info));
  const files: DiskFile[] = [];
  const disk = openDiskFiles(files);
  const fileIndex = installed.length + groups.length;
  const readInto: PackagedReadInto = (index, offset, into) => {
    if (index < fileIndex) handles[index]!.readInto(offset, into);
    else disk.readInto(index - fileIndex, offset, into);
  };
  const read: PackagedRead = (index, offset, length) => {
    const bytes = Buffer.allocUnsafe(length);
    readInto(index, offset, bytes);
    return bytes;
  };
  const facts = openPackageFacts(image.store, installed, read);
  const baseInstalled = readBasePackages(image, arch);
  const { rootfs, packages } = stackRootfs({
    resolved,
    files,
    packages: installed,
    groups,
    ...(base && { base }),
    common: {
      arch,
      keys,
      buildRepositories: imageRepositories(config).map(publicLine),
      runtimeRepositories: [...config.contents.repositories, ...config.contents.runtimeRepositories].map(publicLine),
      read,
      known: facts.kept,
      baseEpochSeconds: moments.base.epochSeconds,
      place: image.loaded.place,
      ...(baseInstalled !== undefined && { baseInstalled }),
    },
    productionGroups: image.production?.files.length ?? groups.length,
    createdSeconds: (some) => momentOf(some).epochSeconds,
  });
  warnIncomplete(host, arch, rootfs.warnings);
  host.events({ type: 'phase-finished', phase: 'assemble', arch });
  const none = groups.map(() => '');
  return {
    arch,
    rootfs,
    isWhole: baseInstalled === undefined || base !== undefined,
    created: momentOf(installed),
    packages,
    read,
    facts,
    readInto,
    isFresh: (index) => handles[index]?.isFresh === true,
    dataTars: [...handles.map((handle) => handle.dataTarPath), ...none, ...files.map(({ file }) => file)],
    dataHashes: [...installed.map(({ info }) => info.dataHash), ...none, ...files.map(({ sha256 }) => sha256)],
    assertIntact: () => {
      handles.forEach(assertIntact);
    },
    kept: handles.map(({ key, kept }) => ({ package: key, pieces: kept })),
    close: disk.close,
  };
}

function assertIntact(handle: PackageHandle, packageIndex: number): void {
  if (!handle.isIntact()) throw damagedContent(handle.package.info.name, packageIndex);
}

export function warnIncomplete(host: Host, arch: string, warnings: readonly string[]): void {
  for (const message of warnings) {
    host.events({ type: 'warning', code: 'IMAGE_INCOMPLETE', message: `${arch}: ${message}` });
  }
}

/** The base image for the architecture; its layers lie where they are until they are written. */
async function baseImage(image: OpenImage, arch: string, blobs: PiecedBlobs): Promise<Image | undefined> {
  const base = await openBaseImage(image, arch);
  if (base === undefined) return undefined;
  for (const layer of base.image.manifest.layers) blobs.addSource(layer, base.blobs);
  return base.image;
}

function contentBytes(entries: readonly LayerEntry[]): number {
  let sum = 0;
  for (const { node, content } of entries)
    sum += 512 + (content !== undefined ? contentSize(content) : node.kind === 'file' ? contentSize(node.content) : 0);
  return sum;
}

/** Files of the image that are not directories, for the summary. */
export function countFiles(rootfs: Rootfs): number {
  let count = 0;
  for (const { node } of rootfs.tree.walk()) if (node.kind !== 'directory') count++;
  return count;
}
