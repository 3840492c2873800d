// An archive as `docker save`, `podman save` and stave write it: manifest.json lists configs and layers by their file names. The
// archive is gone through once, every member is digested, and blobs are then read in place. Members are found by the names in
// manifest.json, never written anywhere.

import { createHash, type Hash } from 'node:crypto';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { type Descriptor, describeBytes, MEDIA_TYPE } from '../../formats/oci/descriptor.ts';
import { type Image, parseImage } from '../../formats/oci/image.ts';
import { JsonObject, type JsonValue } from '../../formats/oci/json-object.ts';
import { printManifest } from '../../formats/oci/manifest.ts';
import { TAR_TYPE, type TarEntry } from '../../formats/tar/entry.ts';
import { TarScanner } from '../../formats/tar/scan.ts';
import { decompressed } from './decompress.ts';
import type { ImageSource } from './image-source.ts';
import { SpillFile } from './spill-file.ts';

const READ_BYTES = 256 * 1024;
/** A pipe must not make us wait for its writer. */
const READING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
/** Old archives have four members a layer. */
const MAX_MEMBERS = 20_000;

interface Member {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly digest: Digest;
  /** The first bytes, which tell how a layer is compressed. */
  readonly head: Buffer;
}

/** Failures IMAGE_INVALID, ARCHIVE_INVALID, ARCHIVE_LIMIT, FEATURE_UNSUPPORTED, FILE_UNREADABLE, FILE_UNWRITABLE. */
export async function openDockerArchive(path: string, temporaryDirectory: string): Promise<ImageSource> {
  const spill = new SpillFile(temporaryDirectory, LIMITS.imageUnpackedBytes);
  try {
    const members = await spillMembers(path, spill);
    const images = await readImages(path, members, spill);
    return { images, blobs: new MemberBlobs(members, spill), close: () => spill.close() };
  } catch (error) {
    spill.close();
    throw error;
  }
}

class MemberBlobs implements BlobSource {
  readonly #byDigest: ReadonlyMap<string, Member>;
  readonly #spill: SpillFile;

  constructor(members: Members, spill: SpillFile) {
    this.#byDigest = new Map([...members.files.values()].map((member) => [member.digest, member]));
    this.#spill = spill;
  }

  async *open(
    { digest }: Descriptor,
    range?: { readonly start: number; readonly end: number },
  ): AsyncGenerator<Uint8Array> {
    const member = this.#byDigest.get(digest);
    if (member === undefined) throw new Failure('IMAGE_INVALID', `the archive has no blob ${digest}`);
    const end = Math.min(member.sizeBytes, range?.end ?? member.sizeBytes);
    for (let at = range?.start ?? 0; at < end; at += READ_BYTES) {
      yield this.#spill.read(member.offset + at, Math.min(READ_BYTES, end - at));
    }
  }
}

interface Members {
  readonly files: ReadonlyMap<string, Member>;
  /** Name -> name: old archives have a layer once, and links to it. */
  readonly links: ReadonlyMap<string, string>;
}

async function spillMembers(path: string, spill: SpillFile): Promise<Members> {
  const collector = new MemberCollector();
  const scanner = new TarScanner(collector, { maxEntries: MAX_MEMBERS });
  for await (const chunk of decompressed(readFile(path), `the archive ${path}`)) {
    spill.append(chunk);
    scanner.push(chunk);
  }
  scanner.end();
  return collector.finish();
}

const HEAD_BYTES = 4;

class MemberCollector {
  readonly #files = new Map<string, Member>();
  readonly #links = new Map<string, string>();
  #current: { readonly entry: TarEntry; readonly hash: Hash; readonly head: Buffer[] } | undefined;

  entry(entry: TarEntry): void {
    this.#close();
    const name = posix.normalize(entry.name);
    if (entry.type === TAR_TYPE.file) this.#current = { entry, hash: createHash('sha256'), head: [] };
    else if (entry.type === TAR_TYPE.hardLink) this.#links.set(name, posix.normalize(entry.linkname));
    else if (entry.type === TAR_TYPE.symlink) this.#links.set(name, posix.join(posix.dirname(name), entry.linkname));
  }

  content(_entry: TarEntry, chunk: Uint8Array): void {
    this.#current?.hash.update(chunk);
    if (this.#current?.head.length === 0) this.#current.head.push(Buffer.from(chunk.subarray(0, HEAD_BYTES)));
  }

  finish(): Members {
    this.#close();
    return { files: this.#files, links: this.#links };
  }

  #close(): void {
    if (this.#current === undefined) return;
    const { entry, hash, head } = this.#current;
    this.#current = undefined;
    this.#files.set(posix.normalize(entry.name), {
      offset: entry.offset,
      sizeBytes: entry.size,
      digest: `sha256:${hash.digest('hex')}`,
      head: Buffer.concat(head),
    });
  }
}

async function readImages(path: string, members: Members, spill: SpillFile): Promise<Image[]> {
  const bytesOf = (name: string) => {
    const { offset, sizeBytes } = memberNamed(path, members, name);
    if (sizeBytes > LIMITS.imageManifestBytes) {
      throw new Failure(
        'IMAGE_INVALID',
        `${name} in ${path} has ${sizeBytes} bytes; we read at most ${LIMITS.imageManifestBytes}`,
      );
    }
    return spill.read(offset, sizeBytes);
  };
  const images: Image[] = [];
  for (const listed of parseList(path, members, bytesOf)) {
    const configBytes = bytesOf(listed.config);
    const layers = listed.layers.map((name) => layerDescriptor(memberNamed(path, members, name)));
    const config = describeBytes(configBytes, MEDIA_TYPE.dockerConfig);
    // The archive keeps no manifest: this one says the same.
    const manifest = { mediaType: MEDIA_TYPE.dockerManifest, config, layers, annotations: {} };
    const manifestBytes = Buffer.from(printManifest(manifest));
    const descriptor = describeBytes(manifestBytes, MEDIA_TYPE.dockerManifest);
    const image = await parseImage(descriptor, manifestBytes, async () => configBytes);
    if (image.kind === 'image') images.push(image);
  }
  return images;
}

interface ListedImage {
  readonly config: string;
  readonly layers: readonly string[];
}

function parseList(path: string, members: Members, bytesOf: (name: string) => Uint8Array): ListedImage[] {
  if (!members.files.has('manifest.json')) {
    const isLayout = members.files.has('oci-layout');
    throw new Failure('IMAGE_INVALID', `the archive ${path} has no manifest.json`, {
      hint: isLayout
        ? 'It is a packed OCI layout: unpack it into a folder and name that.'
        : 'Write it with "docker save".',
    });
  }
  const document = `manifest.json of ${path}`;
  let value: JsonValue;
  try {
    value = JSON.parse(Buffer.from(bytesOf('manifest.json')).toString('utf8')) as JsonValue;
  } catch (cause) {
    throw new Failure('IMAGE_INVALID', `${document} is not JSON`, { cause });
  }
  // The document is a list; as a field of an object it gets the same checks and messages.
  const images = new JsonObject({ images: value }, document).objects('images');
  if (images.length === 0) throw new Failure('IMAGE_INVALID', `${document} lists no image`);
  return images.map((image) => ({ config: image.requiredText('Config'), layers: image.texts('Layers') }));
}

function memberNamed(path: string, { files, links }: Members, name: string): Member {
  const normal = posix.normalize(name);
  const member = files.get(normal) ?? files.get(links.get(normal) ?? '');
  if (member === undefined)
    throw new Failure('IMAGE_INVALID', `the archive ${path} lists ${name}, but does not have it`);
  return member;
}

function layerDescriptor({ digest, sizeBytes, head }: Member): Descriptor {
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  return { mediaType: isGzip ? MEDIA_TYPE.dockerLayerGzip : MEDIA_TYPE.dockerLayerTar, digest, sizeBytes };
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  let handle: FileHandle;
  try {
    handle = await open(path, READING);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Failure('FILE_UNREADABLE', `cannot read ${path}: ${code}`, { cause });
  }
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
