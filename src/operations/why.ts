// `stave why` and `stave why-not`: why a package is in the solution of a configuration or lock, or why it is not.

import { printChecksum } from '../formats/apk/data-entries.ts';
import type { IndexRecord } from '../formats/apk/index-record.ts';
import type { Package } from '../formats/apk/package.ts';
import { printWhy, why } from '../planning/solver/why.ts';
import { printWhyNot, whyNot } from '../planning/solver/why-not.ts';
import type { Host } from './host.ts';
import { fetchPackages } from './image/fetch-packages.ts';
import { type OpenImage, openKeys, withImage } from './image/open-image.ts';
import type { SourceRequest } from './image/request.ts';
import { baseWorld, chooseWanted, openIndexes, resolveFromLock } from './image/resolve-image.ts';

export interface WhyRequest extends SourceRequest {
  readonly lockfile?: string;
  /** A package name; `why-not` takes `name=version` too. */
  readonly packageName: string;
}

/** The answer for one architecture. */
export interface WhyAnswer {
  /** OCI form. */
  readonly arch: string;
  /** Whether the package is in the image. */
  readonly installed: boolean;
  /** The reason in plain words, one line each, indented as a tree. */
  readonly lines: readonly string[];
}

export async function whyPackage(request: WhyRequest, host: Host): Promise<WhyAnswer[]> {
  return await withImage(request, host, { purpose: 'lock' }, async (image) => {
    const solutions =
      request.lockfile === undefined
        ? chooseWanted(image, await openIndexes(image, await openKeys(image)), true)
        : await lockedSolutions(image, request.lockfile);
    return solutions.map(({ arch, packages }) => {
      const wishes = [...image.config.contents.packages, ...baseWorld(image, arch)];
      const answer = why(packages, wishes, request.packageName);
      return { arch, installed: answer.packages.length > 0, lines: printWhy(answer).split('\n') };
    });
  });
}

/** With a lock, what it holds counts as wished for: the answer says which locked package stands in the way. */
export async function whyNotPackage(request: WhyRequest, host: Host): Promise<WhyAnswer[]> {
  return await withImage(request, host, { purpose: 'lock' }, async (image) => {
    const locked = request.lockfile === undefined ? undefined : resolveFromLock(image, request.lockfile, []);
    const architectures = await openIndexes(image, await openKeys(image));
    const groups = locked === undefined ? [architectures] : architectures.map((one) => [one]);
    return groups.flatMap((group) => {
      const wanted = group.flatMap(
        ({ arch }) =>
          locked?.find((one) => one.arch === arch)?.world ?? [
            ...image.config.contents.packages,
            ...baseWorld(image, arch),
          ],
      );
      const { dependency, perArch } = whyNot(
        { wanted, architectures: group, together: locked === undefined },
        request.packageName,
      );
      return perArch.map((one) => ({
        arch: one.arch,
        installed: one.answer === 'installed',
        lines: printWhyNot({ dependency, perArch: [one] }).split('\n'),
      }));
    });
  });
}

/** The packages of a lock say themselves what they need: no index is read. */
async function lockedSolutions(image: OpenImage, lockfile: string) {
  const solutions = [];
  for (const { arch, packages } of resolveFromLock(image, lockfile, [])) {
    const handles = await fetchPackages(image, packages, arch);
    for (const handle of handles) handle.close();
    solutions.push({ arch, packages: handles.map((handle) => ({ record: recordOf(handle.package) })) });
  }
  return solutions;
}

function recordOf({ info, controlSha1, sizeBytes }: Package): IndexRecord {
  return { ...info, checksum: printChecksum(controlSha1), sizeBytes, buildTime: info.buildDate };
}
