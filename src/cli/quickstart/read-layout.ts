// One architecture out of an OCI layout that we have just written: its config and its layers, digests checked.
// For the quickstart alone: layouts of strangers go through effects/.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { digestHex, isDigest, sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';

export interface LayoutImage {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** `uid` or `uid:gid`; '' = root. */
  readonly user: string;
  readonly environment: readonly string[];
  /** Uncompressed tars, lowest first. */
  readonly layers: readonly Uint8Array[];
}

interface Descriptor {
  readonly digest: string;
  readonly platform?: { readonly architecture: string; readonly variant?: string };
}

/** The image of the architecture (OCI form), or undefined where the layout has none. IMAGE_INVALID for a broken layout. */
export function readLayoutImage(layoutDir: string, arch: string): LayoutImage | undefined {
  const top = JSON.parse(readFileSync(join(layoutDir, 'index.json'), 'utf8')) as { manifests: Descriptor[] };
  for (const descriptor of expanded(layoutDir, top.manifests)) {
    const { architecture, variant } = descriptor.platform ?? { architecture: '' };
    if ((variant === undefined ? architecture : `${architecture}/${variant}`) !== arch) continue;
    return readImage(layoutDir, descriptor);
  }
  return undefined;
}

/** A layout may name its images directly or through one index. */
function expanded(layoutDir: string, descriptors: readonly Descriptor[]): readonly Descriptor[] {
  return descriptors.flatMap((descriptor) =>
    descriptor.platform === undefined
      ? ((readJson(layoutDir, descriptor) as { manifests?: Descriptor[] }).manifests ?? [])
      : [descriptor],
  );
}

function readImage(layoutDir: string, descriptor: Descriptor): LayoutImage {
  const manifest = readJson(layoutDir, descriptor) as { config: Descriptor; layers: Descriptor[] };
  const { config = {} } = readJson(layoutDir, manifest.config) as {
    config?: { Entrypoint?: string[]; Cmd?: string[]; User?: string; Env?: string[] };
  };
  return {
    entrypoint: config.Entrypoint ?? [],
    cmd: config.Cmd ?? [],
    user: config.User ?? '',
    environment: config.Env ?? [],
    layers: manifest.layers.map((layer) => gunzipSync(readBlob(layoutDir, layer))),
  };
}

function readJson(layoutDir: string, descriptor: Descriptor): unknown {
  return JSON.parse(Buffer.from(readBlob(layoutDir, descriptor)).toString('utf8'));
}

function readBlob(layoutDir: string, { digest }: Descriptor): Uint8Array {
  const bytes = isDigest(digest) ? readFileSync(join(layoutDir, 'blobs', 'sha256', digestHex(digest))) : undefined;
  if (bytes === undefined || sha256(bytes) !== digest) {
    throw new Failure('IMAGE_INVALID', `the blob ${digest} of ${layoutDir} does not have its digest`);
  }
  return bytes;
}
