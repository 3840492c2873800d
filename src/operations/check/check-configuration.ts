// The hardening contract on what a configuration would become: assembled as a build does, but neither compressed nor written.

import { tmpdir } from 'node:os';
import { openImageTree } from '../../effects/image/image-tree.ts';
import { DEFAULT_POLICY } from '../../planning/hardening/policy.ts';
import type { HardeningReport } from '../../planning/hardening/report.ts';
import type { Host } from '../host.ts';
import { type AssembledRootfs, withRootfs } from '../image/assemble-image.ts';
import { openBaseImage } from '../image/base-image.ts';
import { buildMoments } from '../image/build-moment.ts';
import { collectImageFiles } from '../image/image-files.ts';
import { type OpenImage, openKeys, withImage } from '../image/open-image.ts';
import { openIndexes, resolveForBuild, resolveFromLock } from '../image/resolve-image.ts';
import type { Checked, CheckRequest } from './check-request.ts';
import { checkRootfs } from './check-rootfs.ts';

export async function checkConfiguration(request: CheckRequest, host: Host): Promise<Checked> {
  const { packageAppend, annotations, lockfile, profile } = request;
  return await withImage(request, host, { flags: { packageAppend, annotations } }, async (image) => {
    const policy = { ...(image.config.hardening ?? DEFAULT_POLICY), ...(profile !== undefined && { profile }) };
    const keys = await openKeys(image);
    const resolved =
      lockfile === undefined
        ? resolveForBuild(image, await openIndexes(image, keys), packageAppend)
        : resolveFromLock(image, lockfile, packageAppend);
    const moments = buildMoments(request.buildDate, host.env);
    const groups = await collectImageFiles(image, lockfile);
    const images: HardeningReport[] = [];
    for (const one of resolved) {
      const base = await openBase(image, one.arch);
      const check = async (assembled: AssembledRootfs) => checkRootfs(assembled, policy, base);
      try {
        images.push(await withRootfs(image, { resolved: one, keys: keys.forArch(one.arch), moments, groups }, check));
      } finally {
        base?.close();
      }
    }
    return { policy, images };
  });
}

/** The image of contents.baseimage for the architecture, unpacked. */
async function openBase(image: OpenImage, arch: string) {
  const base = await openBaseImage(image, arch);
  return base && { ...(await openImageTree(base.image, base.blobs, tmpdir())), image: base.image };
}
