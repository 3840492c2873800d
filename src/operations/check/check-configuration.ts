// The hardening contract on what a configuration would become: assembled as a build does, but neither compressed nor written.

import { contractReport } from '../../planning/hardening/contract-report.ts';
import { locateFindings } from '../../planning/hardening/locate-findings.ts';
import { policyFor } from '../../planning/hardening/policy.ts';
import type { HardeningReport } from '../../planning/hardening/report.ts';
import type { Host } from '../host.ts';
import { withRootfs } from '../image/assemble-image.ts';
import { buildMoments } from '../image/build-moment.ts';
import { collectImageFiles } from '../image/image-files.ts';
import { openKeys, withImage } from '../image/open-image.ts';
import { openIndexes, resolveForBuild, resolveFromLock } from '../image/resolve-image.ts';
import type { CheckedImage, CheckRequest } from './check-request.ts';
import { checkRootfs } from './check-rootfs.ts';
import { notAttachable } from './check-stored-image.ts';

export async function checkConfiguration(request: CheckRequest, host: Host): Promise<CheckedImage> {
  if (request.attach === true) throw notAttachable(request);
  const { packageAppend, annotations, lockfile, hardening } = request;
  return await withImage(request, host, { flags: { packageAppend, annotations } }, async (image) => {
    const policy = policyFor(image.config.hardening, hardening);
    const keys = await openKeys(image);
    const resolved =
      lockfile === undefined
        ? resolveForBuild(image, await openIndexes(image, keys), packageAppend)
        : resolveFromLock(image, lockfile, packageAppend);
    const moments = buildMoments(request.buildDate, host.env);
    const groups = await collectImageFiles(image, lockfile);
    const images: HardeningReport[] = [];
    for (const one of resolved) {
      const input = { resolved: one, keys: keys.forArch(one.arch), moments, groups };
      const checked = await withRootfs(image, input, (assembled) => checkRootfs(image, assembled, policy));
      images.push(checked.report);
    }
    return { ...locateFindings(contractReport(policy, images), image.config, image.loaded.place), attached: [] };
  });
}
