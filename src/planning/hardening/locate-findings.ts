// Findings whose cause is a line of the user's own configuration get the place of that line: the entrypoint, run-as, a variable of
// the environment, permissions of a path, files of the user's own, an exception. What packages bring has no line there.

import type { SourcePlace } from '../../base/failure.ts';
import type { ImageConfig } from '../config/image-config.ts';
import type { ContractReport } from './contract-report.ts';
import type { Finding } from './finding.ts';

type KeyPath = readonly (string | number)[];

/** `place` says where a value of the configuration stands, by the keys of the YAML. */
export function locateFindings(
  report: ContractReport,
  config: ImageConfig,
  place: (keys: KeyPath) => SourcePlace | undefined,
): ContractReport {
  const located = (finding: Finding): Finding => {
    const keys = causeOf(finding, config);
    const where = keys && place(keys);
    return where === undefined ? finding : { ...finding, where };
  };
  return {
    ...report,
    findings: report.findings.map(located),
    images: report.images.map((image) => ({ ...image, findings: image.findings.map(located) })),
  };
}

function causeOf({ check, path, variable, exceptionAt }: Finding, config: ImageConfig): KeyPath | undefined {
  if (exceptionAt !== undefined) return ['hardening', 'exceptions', exceptionAt];
  if (variable !== undefined) return ['environment', variable];
  if (check.startsWith('runs/entrypoint-')) return commandKeys(config);
  if (RUN_AS.includes(check)) return ['accounts', 'run-as'];
  if (path === undefined) return undefined;
  return pathKeys(path, config) ?? fileKeys(path, config);
}

const RUN_AS: readonly string[] = [
  'runs/user-unknown',
  'runs/group-unknown',
  'runs/user-unnamed',
  'locked/root-user',
] satisfies Finding['check'][];

/** What says the first word that a container runs. */
function commandKeys({ entrypoint, cmd }: ImageConfig): KeyPath | undefined {
  if (entrypoint.type === 'service-bundle') return ['entrypoint', 'type'];
  if (entrypoint.shellFragment !== '') return ['entrypoint', 'shell-fragment'];
  if (entrypoint.command !== '') return ['entrypoint', 'command'];
  return cmd === '' ? undefined : ['cmd'];
}

/** The last entry of `paths` that reaches the path: it has the last word. */
function pathKeys(path: string, { paths }: ImageConfig): KeyPath | undefined {
  const i = paths.findLastIndex((one) => {
    const own = plain(one.path);
    return own === path || (one.recursive && path.startsWith(`${own}/`));
  });
  return i < 0 ? undefined : ['paths', i, 'path'];
}

/** The entry of `files` that puts the path there, or a folder that it is in. */
function fileKeys(path: string, { files }: ImageConfig): KeyPath | undefined {
  for (const [i, group] of files.entries()) {
    const j = group.files.findIndex(({ to }) => plain(to) === path || path.startsWith(`${plain(to)}/`));
    if (j >= 0 && plain(group.files[j]?.to ?? '') !== '') return ['files', i, 'files', j, 'to'];
    const k = group.paths.findIndex((own) => plain(own) === path || path.startsWith(`${plain(own)}/`));
    if (k >= 0) return ['files', i, 'paths', k];
  }
  return undefined;
}

function plain(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}
