// `stave build-minirootfs` and what it shares with `build-cpio`: the file tree of one architecture in one uncompressed archive,
// from wishes that are not locked first (layer-and-oci.md 16).

import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { Digest } from '../base/digest.ts';
import { type ByteSink, refuseUnplaceable, writeFileAtomically } from '../effects/output/atomic-file.ts';
import { layerBytes } from '../planning/rootfs/layer-tar.ts';
import type { Host } from './host.ts';
import { type AssembledRootfs, withRootfs } from './image/assemble-image.ts';
import { buildMoments } from './image/build-moment.ts';
import { collectImageFiles } from './image/image-files.ts';
import { openKeys, withImage } from './image/open-image.ts';
import type { ImageRequest } from './image/request.ts';
import { openIndexes, resolveUnlocked } from './image/resolve-image.ts';

export interface RootfsRequest extends ImageRequest {
  readonly output: string;
}

export interface RootfsReport {
  readonly path: string;
  /** OCI form. */
  readonly arch: string;
  /** Of the file. */
  readonly digest: Digest;
  readonly sizeBytes: number;
}

export async function buildMinirootfs(request: RootfsRequest, host: Host): Promise<RootfsReport> {
  return await writeRootfs(request, host, async ({ rootfs, read }, write) => {
    for (const chunk of layerBytes(rootfs.tree.walk(), rootfs.names, read)) await write(chunk);
  });
}

/** Assembles the tree of the one architecture and has `print` write it into the output file. */
export async function writeRootfs(
  request: RootfsRequest,
  host: Host,
  print: (assembled: AssembledRootfs, write: ByteSink) => Promise<void>,
): Promise<RootfsReport> {
  const { packageAppend, annotations } = request;
  const path = resolve(host.cwd, request.output);
  await refuseUnplaceable(path);
  return await withImage(request, host, { flags: { packageAppend, annotations } }, async (opened) => {
    const image = { ...opened, archs: opened.archs.slice(0, 1) };
    const keys = await openKeys(image);
    const [resolved] = resolveUnlocked(image, await openIndexes(image, keys));
    const { arch } = resolved!;
    const moments = buildMoments(request.buildDate, host.env);
    const groups = await collectImageFiles(image);
    return await withRootfs(
      image,
      { resolved: resolved!, keys: keys.forArch(arch), moments, groups },
      async (assembled) => {
        const hash = createHash('sha256');
        let sizeBytes = 0;
        host.events({ type: 'phase-started', phase: 'write', arch });
        await writeFileAtomically(path, async (write) => {
          await print(assembled, async (chunk) => {
            hash.update(chunk);
            sizeBytes += chunk.length;
            await write(chunk);
          });
        });
        host.events({ type: 'phase-finished', phase: 'write', arch });
        return { path, arch, digest: `sha256:${hash.digest('hex')}`, sizeBytes };
      },
    );
  });
}
