// `stave inspect <image>`: for people on stdout, or everything with --json.

import type { InspectedImage, InspectReport } from '../../operations/registry/inspect.ts';
import { registryFlags, textFlag } from '../flags.ts';
import type { CommandRun, Session } from '../session.ts';
import { given } from '../source-request.ts';
import { printable } from '../ui/printable.ts';
import { printCount, printSize } from '../ui/quantity.ts';

export const runInspect: CommandRun = async (session, [source = ''], flags) => {
  const { inspectImage } = await session.operations();
  const request = {
    source,
    packages: flags['packages'] !== false,
    verify: flags['verify'] === true,
    ...registryFlags(flags),
    ...given('arch', textFlag(flags, 'arch')),
  };
  const report = await inspectImage(request, session.host);
  session.result(report, inspectText(report, session));
  return 0;
};

function inspectText(report: InspectReport, session: Session): string {
  const { paint } = session;
  const lines = [
    paint('strong', printable(report.name)),
    `  digest  ${paint('good', report.digest)}`,
    `  type    ${printable(report.mediaType)}`,
    ...pairs('  ', report.annotations),
    ...report.images.flatMap((image) => ['', ...imageLines(image, session)]),
    ...packageLines(report.images, session),
  ];
  return `${lines.join('\n')}\n`;
}

function imageLines(image: InspectedImage, { paint }: Session): string[] {
  const { run } = image;
  const field = (name: string, value: string) => (value === '' ? [] : [`  ${name.padEnd(10)}  ${printable(value)}`]);
  return [
    `${paint('strong', printable(image.platform))}  ${image.digest}`,
    ...field('size', `${printSize(image.sizeBytes)} in ${printCount(image.layers.length, 'layer')}`),
    ...field('created', image.created ?? ''),
    ...field('user', run.user),
    ...field('entrypoint', words(run.entrypoint)),
    ...field('command', words(run.cmd)),
    ...field('directory', run.workingDir),
    ...run.env.flatMap((one, at) => field(at === 0 ? 'env' : '', one)),
    ...run.volumes.flatMap((one, at) => field(at === 0 ? 'volumes' : '', one)),
    ...field('stops with', run.stopSignal),
    ...pairs('  ', image.annotations),
  ];
}

/** Images with the same packages share one list. */
function packageLines(images: readonly InspectedImage[], { paint }: Session): string[] {
  const lists = new Map<string, { platforms: string[]; verified: boolean; count: number }>();
  for (const { platform, installed } of images) {
    if (installed === undefined) continue;
    const text = installed.packages.map(({ name, version }) => `  ${printable(name)} ${printable(version)}`).join('\n');
    const list = lists.get(text) ?? { platforms: [], verified: true, count: installed.packages.length };
    list.platforms.push(platform);
    list.verified &&= installed.verified;
    lists.set(text, list);
  }
  return [...lists].flatMap(([text, { platforms, verified, count }]) => [
    '',
    `${paint('strong', printCount(count, 'package'))} (${platforms.map(printable).join(', ')})${
      verified ? '' : paint('quiet', ' read from a part of the layer: --verify proves them')
    }`,
    ...(text === '' ? [] : [text]),
  ]);
}

function pairs(indent: string, map: Readonly<Record<string, string>>): string[] {
  return Object.entries(map).map(([key, value]) => `${indent}${printable(key)}: ${printable(value)}`);
}

/** As a list in a configuration would show them: words may have blanks. */
function words(list: readonly string[]): string {
  return list.length === 0 ? '' : JSON.stringify(list);
}
