// `stave why` and `stave why-not`: why a package is in the solution of a configuration or lock, or why it is not.

import { Failure } from '../base/failure.ts';
import { nearestNames } from '../base/nearest.ts';
import { printChecksum } from '../formats/apk/data-entries.ts';
import { parseDependency } from '../formats/apk/dependency.ts';
import type { IndexRecord } from '../formats/apk/index-record.ts';
import type { Package } from '../formats/apk/package.ts';
import { printWhy, why } from '../planning/solver/why.ts';
import { printWhyNot, whyNot } from '../planning/solver/why-not.ts';
import type { Host } from './host.ts';
import { chooseShown } from './image/choose-shown.ts';
import { fetchPackages } from './image/fetch-packages.ts';
import { findGroup, type ListedGroup, listGroups, printGroupPlace } from './image/listed-groups.ts';
import { type OpenImage, openKeys, withImage } from './image/open-image.ts';
import type { SourceRequest } from './image/request.ts';
import { baseWorld, openIndexes, resolveFromLock } from './image/resolve-image.ts';

export interface WhyRequest extends SourceRequest {
  readonly lockfile?: string;
  /** A package name, perhaps with a version: `name`, `name=1.2-r0`, `so:libz.so.1`. Else Failure USAGE_ARGUMENTS. */
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
  refuseOddName(request.packageName);
  return await withImage(request, host, { purpose: 'lock' }, async (image) => {
    const groups = listGroups(image);
    const solutions =
      request.lockfile === undefined
        ? chooseShown(image, await openIndexes(image, await openKeys(image)), true)
        : await lockedSolutions(image, request.lockfile);
    return solutions.map(({ arch, packages }) => {
      const wishes = [...image.config.contents.packages, ...baseWorld(image, arch)];
      const answer = why(packages, wishes, request.packageName);
      const installed = answer.packages.length > 0;
      const group = installed ? undefined : findGroup(groups, request.packageName, arch);
      if (group !== undefined) return { arch, installed: true, lines: groupLines(group, request.packageName) };
      const hints = installed ? [] : absenceHints(packages, groups, request);
      return { arch, installed, lines: [...printWhy(answer).split('\n'), ...hints] };
    });
  });
}

/** With a lock, what it holds counts as wished for: the answer says which locked package stands in the way. */
export async function whyNotPackage(request: WhyRequest, host: Host): Promise<WhyAnswer[]> {
  refuseOddName(request.packageName);
  return await withImage(request, host, { purpose: 'lock' }, async (image) => {
    const own = listGroups(image);
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
      return perArch.map((one) => {
        const { arch } = one;
        const installed = one.answer === 'installed';
        const mine = installed ? undefined : findGroup(own, request.packageName, arch);
        if (mine !== undefined) return { arch, installed: true, lines: groupLines(mine, request.packageName) };
        return { arch, installed, lines: printWhyNot({ dependency, perArch: [one] }).split('\n') };
      });
    });
  });
}

/** A name with perhaps a version and a tag; what the solver would silently read as something else is refused. */
const ASKED = /^[^\s!@<>=~]+(?:(?:[<>]=?|=~?|~)[^\s@<>=~]+)?(?:@[a-zA-Z0-9]+)?$/;

function refuseOddName(text: string): void {
  if (ASKED.test(text)) return;
  throw new Failure('USAGE_ARGUMENTS', `"${text}" is not the name of a package`, {
    hint: 'ask for a name, or for a name with a version: python3, python3=3.13.1-r0, so:libssl.so.3',
  });
}

/** Own files: nothing leads to them but the configuration. */
function groupLines(group: ListedGroup, asked: string): string[] {
  const label = `${group.name}-${group.version}`;
  const head = asked === group.name ? label : `"${asked}" is ${label}`;
  return [head, `  from ${printGroupPlace(group)}`];
}

/** What to ask next about a package that is not installed. */
function absenceHints(
  packages: readonly { readonly record: IndexRecord }[],
  groups: readonly ListedGroup[],
  request: WhyRequest,
): string[] {
  const { name } = parseDependency(request.packageName);
  const names = packages.flatMap(({ record }) => [
    record.name,
    ...record.provides.map((provided) => parseDependency(provided).name),
  ]);
  names.push(...groups.map((group) => group.name));
  const [near] = nearestNames(name, names, 1);
  if (near !== undefined) return [`hint: did you mean "${near}"?`];
  return [`hint: stave why-not ${request.configPath} ${request.packageName} says what it would take`];
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
