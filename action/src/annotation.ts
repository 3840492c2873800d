// Failures, warnings and findings as annotations on lines of files in the repository. Pure.

import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { Failure, SourcePlace } from '../../src/base/failure.ts';
import { printable } from '../../src/cli/ui/printable.ts';
import { type ContractReport, sharedFindings } from '../../src/planning/hardening/contract-report.ts';
import { type CommandProperties, printCommand } from './workflow-command.ts';

/** Where paths of messages count from, and where those of annotations do. Both absolute. */
export interface Folders {
  readonly cwd: string;
  readonly workspace: string;
}

export interface Warning {
  readonly code: string;
  readonly message: string;
  readonly where?: SourcePlace;
  readonly hint?: string;
}

export function failureAnnotation({ code, message, notes, hint, where }: Failure, folders: Folders): string {
  const place = where === undefined ? {} : placeProperties(where, folders);
  return annotation('error', [message, ...notes, ...hintLines(hint)], { ...place, title: code });
}

/** `config`: what the warning is about, where it names no place itself. */
export function warningAnnotation(warning: Warning, config: string, folders: Folders): string {
  const { code, message, hint, where } = warning;
  const place = where === undefined ? { file: repositoryPath(config, folders) } : placeProperties(where, folders);
  return annotation('warning', [message, ...hintLines(hint)], { ...place, title: code });
}

/** Of a report at the end: warnings that have a line were told as such while the image was built, and are left out. */
export function findingAnnotations(contract: ContractReport, config: string, folders: Folders): string[] {
  return sharedFindings(contract).flatMap(({ finding: { check, level, message, fix, where }, archs }) => {
    if (level === 'warning' && where !== undefined) return [];
    const place = where === undefined ? { file: repositoryPath(config, folders) } : placeProperties(where, folders);
    const said = archs.length === 0 ? message : `${message} (${archs.join(', ')})`;
    return [annotation(level, [said, ...hintLines(fix)], { ...place, title: check })];
  });
}

function annotation(name: 'error' | 'warning', lines: readonly string[], properties: CommandProperties): string {
  return printCommand(name, printable(lines.join('\n')), properties);
}

function hintLines(hint: string | undefined): string[] {
  return hint === undefined ? [] : [`hint: ${hint}`];
}

function placeProperties({ file: path, line, column }: SourcePlace, folders: Folders): CommandProperties {
  const file = repositoryPath(path, folders);
  return file === undefined ? {} : { file, line, col: column };
}

/** The path below the workspace, with slashes; undefined for what lies elsewhere. */
function repositoryPath(path: string, { cwd, workspace }: Folders): string | undefined {
  const below = relative(workspace, resolve(cwd, path));
  return below === '' || isAbsolute(below) || below.split(sep)[0] === '..' ? undefined : below.replaceAll(sep, '/');
}
