// Archives as `docker save`, `podman save` and we write them, read in place: manifest.json lists configs and layers by their
// file names. Where the archive also keeps the index and manifests (ours and apko's do), they come out byte for byte, so that
// an image has the same digest after a trip through an archive. Hostile: every document is checked, and names only looked up.

import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { type Digest, isDigest, sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import type { BlobSource, ByteRange } from '../../formats/oci/blob-source.ts';
import { type Descriptor, describeBytes, MEDIA_TYPE, ociMediaType } from '../../formats/oci/descriptor.ts';
import { type Image, type ImageIndex, makeIndex, parseImage, parseVerifiedIndex } from '../../formats/oci/image.ts';
import { JsonObject, type JsonValue } from '../../formats/oci/json-object.ts';
import { parseManifest, printManifest } from '../../formats/oci/manifest.ts';
import { READING } from './blob-directory.ts';
import { listTarFile, type TarFileEntry, type TarFileList } from './tar-file.ts';

export interface DockerArchive {
  /** The index of the archive; a single image where it has no index and lists one image. */
  readonly value: Image | ImageIndex;
  /** Names that the archive gives to its images, as it spells them. */
  readonly names: ReadonlyMap<string, Image>;
  /** Readable until `close`; unchecked until read to the end (`openVerified`). */
  readonly blobs: BlobSource;
  close(): Promise<void>;
}

/** Failures FILE_UNREADABLE, ARCHIVE_INVALID, ARCHIVE_LIMIT, IMAGE_INVALID, CHECKSUM_MISMATCH. */
export async function openDockerArchive(path: string): Promise<DockerArchive> {
  const handle = await openFile(path);
  try {
    return await new ArchiveReader(path, handle).read();
  } catch (error) {
    await handle.close();
    throw error;
  }
}

const READ_BYTES = 256 * 1024;
const MANIFEST_FILE = /^sha256:[0-9a-f]{64}$/;

interface ListedImage {
  readonly config: string;
  readonly layers: readonly string[];
  readonly names: readonly string[];
}

class ArchiveReader implements BlobSource {
  readonly #path: string;
  readonly #handle: FileHandle;
  #files: TarFileList | undefined;
  readonly #blobs = new Map<Digest, TarFileEntry>();

  constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  async read(): Promise<DockerArchive> {
    await this.#refuseCompressed();
    this.#files = await listTarFile(this.#handle);
    const listed = await this.#list();
    const manifests = await this.#manifestsByConfig();
    const images: Image[] = [];
    for (const one of listed) images.push(await this.#image(one, manifests));
    return {
      value: (await this.#index(images)) ?? (images.length === 1 ? (images[0] as Image) : makeIndex(images, {})),
      names: new Map(listed.flatMap(({ names }, i) => names.map((name) => [name, images[i] as Image]))),
      blobs: this,
      close: () => this.#handle.close(),
    };
  }

  async *open({ digest }: Descriptor, range?: ByteRange): AsyncGenerator<Uint8Array> {
    const place = this.#blobs.get(digest);
    if (place === undefined) throw new Failure('IMAGE_INVALID', `the archive ${this.#path} has no blob ${digest}`);
    yield* this.#bytes(place, range);
  }

  async *#bytes({ offset, sizeBytes }: TarFileEntry, range?: ByteRange): AsyncGenerator<Uint8Array> {
    const end = Math.min(range?.end ?? sizeBytes, sizeBytes);
    for (let at = range?.start ?? 0; at < end; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - at));
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, offset + at);
      if (bytesRead === 0) throw new Failure('ARCHIVE_INVALID', `the archive ${this.#path} was cut short`);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async #refuseCompressed(): Promise<void> {
    const head = Buffer.alloc(4);
    await this.#handle.read(head, 0, 4, 0);
    const isCompressed = (head[0] === 0x1f && head[1] === 0x8b) || head.readUInt32LE(0) === 0xfd2fb528;
    if (!isCompressed) return;
    throw new Failure('IMAGE_INVALID', `the archive ${this.#path} is compressed as a whole`, {
      hint: 'unpack it first, with gunzip or zstd -d',
    });
  }

  async #list(): Promise<ListedImage[]> {
    const where = this.#files?.find('manifest.json');
    if (where === undefined) {
      const isLayout = this.#files?.find('oci-layout') !== undefined;
      throw new Failure('IMAGE_INVALID', `the archive ${this.#path} has no manifest.json`, {
        hint: isLayout
          ? 'it is a packed OCI layout: unpack it into a folder and name that as oci:FOLDER'
          : 'write it with "docker save" or "stave pull"',
      });
    }
    const document = `manifest.json of ${this.#path}`;
    let value: JsonValue;
    try {
      value = JSON.parse(Buffer.from(await this.#document('manifest.json', where)).toString('utf8')) as JsonValue;
    } catch (cause) {
      if (cause instanceof Failure) throw cause;
      throw new Failure('IMAGE_INVALID', `${document} is not JSON`, { cause });
    }
    // The document is a list; as a field of an object it gets the same checks and messages.
    const images = new JsonObject({ images: value }, document).objects('images');
    if (images.length === 0) throw new Failure('IMAGE_INVALID', `${document} lists no image`);
    if (images.length > LIMITS.imageDocuments) throw new Failure('ARCHIVE_LIMIT', `${document} lists too many images`);
    return images.map((image) => ({
      config: image.requiredText('Config'),
      layers: image.texts('Layers'),
      names: image.texts('RepoTags'),
    }));
  }

  /** Manifests that the archive keeps under their digests, by the digest of their config. */
  async #manifestsByConfig(): Promise<Map<Digest, Uint8Array>> {
    const found = new Map<Digest, Uint8Array>();
    for (const name of this.#files?.names ?? []) {
      const where = MANIFEST_FILE.test(name) ? this.#files?.find(name) : undefined;
      if (where === undefined || where.sizeBytes > LIMITS.imageManifestBytes) continue;
      const bytes = await this.#document(name, where);
      // Configs have such names too.
      if (sha256(bytes) !== name || !isManifest(bytes)) continue;
      found.set(parseManifest(bytes, `the manifest ${name}`).config.digest, bytes);
    }
    return found;
  }

  async #image(listed: ListedImage, manifests: ReadonlyMap<Digest, Uint8Array>): Promise<Image> {
    const configBytes = await this.#document(listed.config, this.#named(listed.config));
    const config = describeBytes(configBytes, MEDIA_TYPE.imageConfig);
    const manifestBytes = manifests.get(config.digest) ?? (await this.#makeManifest(config, listed));
    const manifest = parseManifest(manifestBytes, `a manifest of ${this.#path}`);
    if (manifest.layers.length !== listed.layers.length) {
      throw new Failure(
        'IMAGE_INVALID',
        `${this.#path} lists other layers for ${listed.config} than its manifest does`,
      );
    }
    manifest.layers.forEach((layer, i) => {
      this.#blobs.set(layer.digest, this.#named(listed.layers[i] ?? ''));
    });
    const parsed = await parseImage(
      describeBytes(manifestBytes, manifest.mediaType),
      manifestBytes,
      async () => configBytes,
    );
    if (parsed.kind === 'image') return parsed;
    throw new Failure('IMAGE_INVALID', `${listed.config} in ${this.#path} is not the config of an image`);
  }

  /** What `docker save` leaves out; layers are digested for it. */
  async #makeManifest(config: Descriptor, listed: ListedImage): Promise<Uint8Array> {
    const layers: Descriptor[] = [];
    for (const name of listed.layers) layers.push(await this.#describeLayer(this.#named(name)));
    const manifest = { mediaType: MEDIA_TYPE.imageManifest, config, layers, annotations: {} };
    return new TextEncoder().encode(printManifest(manifest));
  }

  async #describeLayer(where: TarFileEntry): Promise<Descriptor> {
    const hash = createHash('sha256');
    let head: Uint8Array | undefined;
    for await (const chunk of this.#bytes(where)) {
      head ??= chunk;
      hash.update(chunk);
    }
    const isGzip = head?.[0] === 0x1f && head[1] === 0x8b;
    const isZstd = head?.[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd;
    return {
      mediaType: isGzip ? MEDIA_TYPE.layerGzip : isZstd ? MEDIA_TYPE.layerZstd : MEDIA_TYPE.layerTar,
      digest: `sha256:${hash.digest('hex')}`,
      sizeBytes: where.sizeBytes,
    };
  }

  /** The index that the archive keeps, if it is one of exactly these images. docker's own index.json lists other things. */
  async #index(images: readonly Image[]): Promise<ImageIndex | undefined> {
    const where = this.#files?.find('index.json');
    if (where === undefined || this.#files?.find('oci-layout') !== undefined) return undefined;
    const bytes = await this.#document('index.json', where);
    const descriptor = describeBytes(bytes, MEDIA_TYPE.imageIndex);
    const manifest = parseVerifiedIndex(descriptor, bytes);
    const children = manifest.manifests.map((child) => {
      const found = images.find(({ descriptor: { digest } }) => digest === child.digest);
      if (found !== undefined) return { ...found, descriptor: child };
      throw new Failure('IMAGE_INVALID', `index.json of ${this.#path} lists ${child.digest}, which is not there`);
    });
    return {
      kind: 'index',
      descriptor: { ...descriptor, mediaType: manifest.mediaType },
      manifest,
      manifestBytes: bytes,
      children,
    };
  }

  #named(name: string): TarFileEntry {
    const found = this.#files?.find(name.replace(/^\.\//, ''));
    if (found !== undefined) return found;
    throw new Failure('IMAGE_INVALID', `${this.#path} lists "${name}", but does not have it`);
  }

  async #document(name: string, where: TarFileEntry): Promise<Uint8Array> {
    if (where.sizeBytes > LIMITS.imageManifestBytes) {
      const most = LIMITS.imageManifestBytes;
      throw new Failure(
        'IMAGE_INVALID',
        `${name} in ${this.#path} has ${where.sizeBytes} bytes; we read at most ${most}`,
      );
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#bytes(where)) chunks.push(chunk);
    const bytes = new Uint8Array(Buffer.concat(chunks));
    if (isDigest(name) && sha256(bytes) !== name) {
      throw new Failure(
        'CHECKSUM_MISMATCH',
        `${name} in ${this.#path} has other content: its digest is ${sha256(bytes)}`,
      );
    }
    return bytes;
  }
}

function isManifest(bytes: Uint8Array): boolean {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
      mediaType?: unknown;
      config?: { digest?: unknown };
    };
    return (
      typeof value.config?.digest === 'string' && ociMediaType(String(value.mediaType)) === MEDIA_TYPE.imageManifest
    );
  } catch {
    return false;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(path, READING);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Failure('FILE_UNREADABLE', `cannot read ${path}: ${code}`, { cause });
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new Failure('FILE_UNREADABLE', `${path} is not a file`);
}
