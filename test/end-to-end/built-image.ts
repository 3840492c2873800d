// Looks into what a build wrote: the images of an OCI layout, and the files of their layers.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { digestHex, sha256 } from '../../src/base/digest.ts';
import type { TarEntry } from '../../src/formats/tar/entry.ts';
import { readTar } from '../../src/formats/tar/read.ts';
import type { Json } from './place.ts';

export interface BuiltImage {
  readonly manifest: Json;
  readonly config: Json;
  /** Uncompressed, lowest first. */
  readonly layers: readonly Buffer[];
  /** What a container would see: path -> entry and content. */
  readonly files: ReadonlyMap<string, { readonly entry: TarEntry; readonly content: Buffer }>;
}

/** The images of a layout by architecture (with variant). Every blob is held against its digest. */
export function readBuiltImages(layoutDir: string): Map<string, BuiltImage> {
  const index = JSON.parse(readFileSync(join(layoutDir, 'index.json'), 'utf8'));
  return new Map(
    index.manifests.map((descriptor: Json) => {
      const { architecture, variant } = descriptor.platform;
      return [variant === undefined ? architecture : `${architecture}/${variant}`, readImage(layoutDir, descriptor)];
    }),
  );
}

function readImage(layoutDir: string, descriptor: Json): BuiltImage {
  const manifest = JSON.parse(readBlob(layoutDir, descriptor.digest).toString());
  const config = JSON.parse(readBlob(layoutDir, manifest.config.digest).toString());
  const layers: Buffer[] = manifest.layers.map((layer: Json) => gunzipSync(readBlob(layoutDir, layer.digest)));
  const files = new Map(
    layers.flatMap((tar) =>
      readTar(tar).map((entry) => [
        entry.name,
        { entry, content: tar.subarray(entry.offset, entry.offset + entry.size) },
      ]),
    ),
  );
  return { manifest, config, layers, files };
}

function readBlob(layoutDir: string, digest: `sha256:${string}`): Buffer {
  const bytes = readFileSync(join(layoutDir, 'blobs', 'sha256', digestHex(digest)));
  if (sha256(bytes) !== digest) throw new Error(`the blob ${digest} has other content`);
  return bytes;
}
