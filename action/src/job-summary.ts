// The summary of the job, as Markdown: what was made and where it is, per platform; what changed; what the check found; or why
// nothing was made. Pure. What came out of an image or a repository is text, never markup.

import { basename } from 'node:path';
import { Failure } from '../../src/base/failure.ts';
import { markdownBlock, markdownText } from '../../src/base/markdown.ts';
import { printCount, printSize } from '../../src/cli/ui/quantity.ts';
import { printSigned } from '../../src/cli/ui/signed-text.ts';
import { printMarkdown } from '../../src/operations/check/print-markdown.ts';
import type { PublishReport } from '../../src/operations/publish-image/publish.ts';
import type { ContractReport } from '../../src/planning/hardening/contract-report.ts';
import { type PackageChange, packageChanges } from './package-changes.ts';
import type { RunPlan } from './plan-run.ts';

/** What a run has come to know; what it did not reach is undefined. */
export interface RunFacts {
  readonly config: string;
  readonly plan?: RunPlan;
  readonly before?: PublishedBefore;
  readonly report?: PublishReport;
  readonly failure?: Error;
}

/** The image that the first tag led to until now. */
export interface PublishedBefore {
  readonly tag: string;
  readonly digest: string;
  readonly images: readonly BeforeImage[];
}

interface BeforeImage {
  readonly arch: string;
  readonly packages: readonly { readonly name: string; readonly version: string }[];
}

/** GitHub shows at most 1 MiB of each step, and refuses more; the rest is for what other steps of the file say. */
const MOST_CHARACTERS = 250_000;

export function printJobSummary(facts: RunFacts): string {
  const parts = [
    headingOf(facts),
    ...(facts.failure === undefined ? [] : failureParts(facts.failure)),
    ...(facts.report === undefined ? [] : reportParts(facts.report, facts.plan)),
    ...(facts.report === undefined || facts.before === undefined ? [] : [changesPart(facts.before, facts.report)]),
    ...contractParts(facts),
    ...(facts.report === undefined ? [] : [packagesPart(facts.report)]),
  ];
  return `${fitting(parts).join('\n\n')}\n`;
}

/** A part is shown whole or not at all: half a block of text would swallow what follows. */
function fitting(parts: readonly string[]): string[] {
  let left = MOST_CHARACTERS;
  return parts.map((part) => {
    if (part.length > left) return 'What stood here was too long to be shown; the SBOMs and `--json` have it all.';
    left -= part.length;
    return part;
  });
}

/** What was built, or what was refused because of it. */
function contractParts({ config, report, failure }: RunFacts): string[] {
  const refused = failure instanceof Failure && failure.code === 'HARDENING_BROKEN';
  const contract = refused ? (failure.data as ContractReport) : report?.contract;
  if (contract === undefined || contract.profile === 'off') return [];
  // One level below the heading of the run.
  return [
    printMarkdown({ subject: config, ...contract })
      .trimEnd()
      .replace(/^#+ /gm, '#$&'),
  ];
}

function headingOf({ config, report, failure }: RunFacts): string {
  if (failure !== undefined) return `## ${markdownText(config)}: failed`;
  const state = report !== undefined && report.repositories.length > 0 ? 'published' : 'built, not published';
  return `## ${markdownText(config)}: ${state}`;
}

function failureParts(failure: Error): string[] {
  if (!(failure instanceof Failure)) return ['An internal error; see the log.'];
  const { code, message, where, notes, hint } = failure;
  const place = where === undefined ? '' : ` (${where.file}:${where.line}:${where.column})`;
  return [
    `**${markdownText(message)}** \`${code}\`${markdownText(place)}`,
    ...(notes.length === 0 ? [] : [markdownBlock(notes.join('\n'))]),
    ...(hint === undefined ? [] : [`Hint: ${markdownText(hint)}`]),
  ];
}

function reportParts(report: PublishReport, plan: RunPlan | undefined): string[] {
  const { reference, images, tags, repositories, sbomPaths } = report;
  const rows = images.map(
    ({ arch, digest, packages, sizeBytes }) =>
      `| linux/${arch} | \`${digest}\` | ${packages.length} | ${printSize(sizeBytes)} |`,
  );
  const sboms = repositories.reduce((sum, { newSboms }) => sum + newSboms, 0);
  return [
    `\`${reference}\``,
    ...(plan?.publish === false ? [`Not pushed, since ${markdownText(plan.reason)}.`] : []),
    ['| platform | digest | packages | size |', '| --- | --- | ---: | ---: |', ...rows].join('\n'),
    [
      `- ${plan?.publish === false ? 'Would be tagged' : 'Tagged'} ${tags.map((tag) => `\`${tag}\``).join(', ')}`,
      `- ${printCount(sbomPaths.length, 'SBOM')} written${sboms === 0 ? '' : `, ${printCount(sboms, 'SBOM')} newly attached`}`,
      ...repositories.flatMap(signedLines),
    ].join('\n'),
    ...trustParts(report.trust),
  ];
}

function signedLines({ repository, signed }: PublishReport['repositories'][number]): string[] {
  if (signed.length === 0) return [];
  const [first, ...rest] = printSigned(signed)
    .split('\n')
    .map((line) => line.trim());
  return [`${repository}: ${first}`, ...rest].map((line) => `- ${markdownText(line)}`);
}

/** The runner forgets the file with the workspace: whoever verifies has to have it in the repository. */
function trustParts(trust: PublishReport['trust']): string[] {
  if (trust === undefined || trust.outcome === 'known') return [];
  const name = `\`${basename(trust.path)}\``;
  const what = trust.outcome === 'written' ? `Commit this as ${name}` : `Add what fits of this to ${name}`;
  return [`${what}, and \`stave verify\` needs no flags:\n\n${markdownBlock(trust.text, 'yaml')}`];
}

function changesPart({ tag, digest, images }: PublishedBefore, report: PublishReport): string {
  const than = `than \`${tag}\` was until now`;
  if (digest === report.indexDigest) return `The same image as \`${tag}\` was until now.`;
  const changes = packageChanges(images, report.images);
  if (changes.length === 0) return `The same packages, but not the same image ${than}.`;
  return [`### Other packages ${than}`, '', ...changesTable(changes, report.images.length)].join('\n');
}

function changesTable(changes: readonly PackageChange[], archCount: number): string[] {
  return [
    '| package | before | now |',
    '| --- | --- | --- |',
    ...changes.map(({ name, archs, before, after }) => {
      const only = archs.length === archCount ? '' : ` (${archs.join(', ')})`;
      return `| ${markdownText(`${name}${only}`)} | ${cell(before)} | ${cell(after)} |`;
    }),
  ];
}

function cell(text: string | undefined): string {
  return text === undefined ? '-' : markdownText(text);
}

/** All packages, closed until somebody wants to see them; platforms that have the same ones share a list. */
function packagesPart({ images }: PublishReport): string {
  const lists = new Map<string, string[]>();
  for (const { arch, packages } of images) {
    const list = packages.map(({ name, version }) => `${name} ${version}`).join('\n');
    lists.set(list, [...(lists.get(list) ?? []), arch]);
  }
  return [...lists]
    .map(([list, archs]) =>
      [
        '<details>',
        `<summary>Packages (${archs.join(', ')})</summary>`,
        '',
        markdownBlock(list),
        '',
        '</details>',
      ].join('\n'),
    )
    .join('\n\n');
}
