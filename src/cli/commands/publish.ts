// `stave publish <config> <tag...>` (cli.md 2). stdout has the reference of the index by digest and nothing else; what was done
// is told on stderr.

import type { PublishReport } from '../../operations/publish-image/publish.ts';
import { textFlag } from '../flags.ts';
import { imagesRequest } from '../images-request.ts';
import type { CommandRun, Session } from '../session.ts';
import { publishSigning, signingHost } from '../signing-flags.ts';
import { given } from '../source-request.ts';
import { printContract } from '../ui/contract-line.ts';
import { printable } from '../ui/printable.ts';
import { printCount, printSize } from '../ui/quantity.ts';
import { printSigned, printTrust } from '../ui/signed-text.ts';

export const runPublish: CommandRun = async (session, [config = '', ...tags], flags) => {
  const { publishImage } = await session.operations();
  const request = {
    ...imagesRequest(config, flags),
    tags,
    attachSbom: flags['attachSbom'] !== false,
    attachCheck: flags['attachCheck'] === true,
    local: flags['local'] === true,
    dryRun: flags['dryRun'] === true,
    ...given('imageRefs', textFlag(flags, 'imageRefs')),
    ...given('sbomPath', textFlag(flags, 'sbomPath')),
    ...given('signing', publishSigning(flags)),
  };
  const report = await publishImage(request, signingHost(session, flags));
  const phases = session.phases();
  session.note(publishSummary(report, session));
  session.result({ ...report, phases }, `${report.reference}\n`);
  return 0;
};

function publishSummary(report: PublishReport, { paint, shortPath }: Session): string {
  const images = report.images.map(
    ({ arch, sizeBytes, packages }) => `${arch}: ${printCount(packages.length, 'package')}, ${printSize(sizeBytes)}`,
  );
  return [
    ...images,
    `checks: ${printContract(report.contract, paint)}`,
    ...report.repositories.map(repositoryLine),
    ...report.repositories.flatMap(({ tags }) =>
      tags.map(
        ({ reference, moved }) => `${paint('good', printable(reference))}${moved ? '' : ' (was there already)'}`,
      ),
    ),
    ...(report.dryRun ? report.tags.map((tag) => `${printable(tag)} (not pushed: --dry-run)`) : []),
    ...(report.loaded === undefined
      ? []
      : report.loaded.names.map((name) => `${paint('good', printable(name))} in ${report.loaded?.engine}`)),
    ...report.sbomPaths.map((path) => `SBOM: ${printable(shortPath(path))}`),
    ...report.provenancePaths.map((path) => `provenance: ${printable(shortPath(path))}`),
    ...(report.trust === undefined ? [] : printTrust(report.trust, shortPath)),
    '',
  ].join('\n');
}

function repositoryLine({ repository, pushed, newSboms, signed }: PublishReport['repositories'][number]): string {
  const { present, mounted, sent } = pushed.blobs;
  const known = [present > 0 ? `${present} there already` : '', mounted > 0 ? `${mounted} mounted` : ''].filter(
    Boolean,
  );
  const blobs = sent > 0 ? `sent ${printCount(sent, 'blob')} (${printSize(pushed.sentBytes)})` : 'sent no blobs';
  const sboms = newSboms === 0 ? [] : [`${printCount(newSboms, 'SBOM')} attached`];
  const first = `${printable(repository)}: ${[blobs, ...known, ...sboms].join(', ')}`;
  return signed.length === 0 ? first : `${first}\n${printSigned(signed)}`;
}
