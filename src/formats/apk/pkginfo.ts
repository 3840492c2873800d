// .PKGINFO (apk-format.md 2): read with every quirk of the reference's INI reader, since the values reach the image;
// written in the order of package-build.md 3.4. Must never let a hostile value grow without bound.

import { Failure } from '../../base/failure.ts';
import type { PackageInfo } from './package.ts';

/** A value after replacing `%(key)s`; a few doubling references would otherwise fill the memory. */
const EXPANDED_CHARS = 64 * 1024;
const EXPANSIONS = 99;

/** Unknown keys are ignored and unreadable numbers are 0, as in the reference. PACKAGE_INVALID for what is no INI text. */
export function parsePkginfo(text: string): PackageInfo {
  const values = parseIni(text);
  const scalar = (key: string) => expand(values, key, values.get(key)?.[0] ?? '');
  const number = (key: string) => parseInteger(scalar(key));
  const list = (key: string) => {
    const lines = (values.get(key) ?? []).filter((line) => line !== '');
    return lines.flatMap((line) => line.split(',')).map((item) => expand(values, key, item.trim()));
  };
  return {
    name: scalar('pkgname'),
    version: scalar('pkgver'),
    arch: scalar('arch'),
    description: scalar('pkgdesc'),
    license: scalar('license'),
    origin: scalar('origin'),
    maintainer: scalar('maintainer'),
    url: scalar('url'),
    commit: scalar('commit'),
    dataHash: scalar('datahash'),
    installedSize: Math.max(0, number('size')),
    buildDate: number('builddate'),
    providerPriority: Math.max(0, number('provider_priority')),
    depends: list('depend'),
    provides: list('provides'),
    replaces: list('replaces'),
    installIf: list('install_if'),
    triggers: list('triggers'),
  };
}

/** The text of a .PKGINFO. Values are written as they are: a `#` in a description is what its reader makes of it. */
export function printPkginfo(info: PackageInfo): string {
  const lines: string[] = [];
  const add = (key: string, value: string | number) => {
    if (/[\r\n]/.test(String(value))) {
      throw new Failure('PACKAGE_INVALID', `the ${key} of package "${info.name}" spans lines`);
    }
    lines.push(`${key} = ${value}\n`);
  };
  const addUnlessEmpty = (key: string, value: string | number) => {
    if (value !== '' && value !== 0) add(key, value);
  };
  const addAll = (key: string, values: readonly string[]) => {
    for (const value of values) add(key, value);
  };
  add('pkgname', info.name);
  add('pkgver', info.version);
  add('arch', info.arch);
  add('size', info.installedSize);
  add('origin', info.origin);
  add('pkgdesc', info.description);
  add('url', info.url);
  add('commit', info.commit);
  addUnlessEmpty('maintainer', info.maintainer);
  addUnlessEmpty('builddate', info.buildDate);
  addUnlessEmpty('license', info.license);
  addAll('depend', info.depends);
  addAll('provides', info.provides);
  addAll('replaces', info.replaces);
  addAll('install_if', info.installIf);
  addUnlessEmpty('provider_priority', info.providerPriority);
  addAll('triggers', info.triggers);
  addUnlessEmpty('datahash', info.dataHash);
  return lines.join('');
}

/** Key -> its values in order, identical ones once. Keys after a `[section]` line are not ours. */
function parseIni(text: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  const lines = new LineReader(text);
  let inOurSection = true;
  for (let raw = lines.next(); raw !== undefined; raw = lines.next()) {
    const line = raw.trimStart();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    if (line.startsWith('[') && line.includes(']')) {
      inOurSection = line.slice(1, line.lastIndexOf(']')).trim() === 'DEFAULT';
      continue;
    }
    const separator = line.search(/[=:]/);
    // Quoted keys exist in INI files but not in packages.
    if (separator < 1 || /^[["`]/.test(line)) {
      throw new Failure(
        'PACKAGE_INVALID',
        `line ${lines.number} of .PKGINFO is no "key = value": ${JSON.stringify(line.slice(0, 80))}`,
      );
    }
    const key = line.slice(0, separator).trim();
    const value = readValue(line.slice(separator + 1).trimStart(), lines);
    if (!inOurSection) continue;
    const known = values.get(key);
    if (known === undefined) values.set(key, [value]);
    else if (!known.includes(value)) known.push(value);
  }
  return values;
}

function readValue(start: string, lines: LineReader): string {
  const quote = start.length > 2 && start.startsWith('"""') ? '"""' : start.startsWith('`') ? '`' : undefined;
  if (quote !== undefined) return readQuoted(start.slice(quote.length), quote, lines);
  const value = start.trimEnd();
  // Before comments are looked for: a backslash at the end of a comment continues too.
  if (value.endsWith('\\')) return readContinued(value.slice(0, -1), lines);
  const comment = value.search(/[#;]/);
  return unquote(comment < 0 ? value : value.slice(0, comment).trimEnd());
}

/** Up to the last closing quote of the line, or of the first later line that has one. */
function readQuoted(start: string, quote: string, lines: LineReader): string {
  let value = '';
  for (let line: string | undefined = start; line !== undefined; line = lines.next()) {
    const close = line.lastIndexOf(quote);
    if (close >= 0) return value + line.slice(0, close);
    value += `${line}\n`;
  }
  throw new Failure('PACKAGE_INVALID', `a value quoted with ${quote} in .PKGINFO is not closed`);
}

function readContinued(start: string, lines: LineReader): string {
  let value = start;
  for (;;) {
    const line = lines.next()?.trim() ?? '';
    if (!line.endsWith('\\')) return value + line;
    value += line.slice(0, -1);
  }
}

function unquote(value: string): string {
  const quote = value[0];
  if (quote !== '"' && quote !== "'") return value;
  return value.length >= 2 && value.indexOf(quote, 1) === value.length - 1 ? value.slice(1, -1) : value;
}

/** Replaces `%(key)s` by the first value of that key, again and again; unknown keys stop it. */
function expand(values: ReadonlyMap<string, readonly string[]>, key: string, text: string): string {
  let value = text;
  for (let i = 0; i < EXPANSIONS; i++) {
    const reference = /%\(([^)]+)\)s/.exec(value);
    const replacement = reference === null ? undefined : values.get(reference[1] as string)?.[0];
    if (reference === null || replacement === undefined) return value;
    const parts = value.split(reference[0]);
    if (value.length + (parts.length - 1) * replacement.length > EXPANDED_CHARS) break;
    value = parts.join(replacement);
  }
  throw new Failure(
    'PACKAGE_INVALID',
    `the references in the ${key} of .PKGINFO lead back to themselves or grow too long`,
  );
}

/** Decimal, or another base by its prefix (`0x`, `0o`, `0b`, a leading `0`). 0 for what is no exact integer. */
function parseInteger(text: string): number {
  const match = /^([+-]?)(0[xob][0-9a-f]+|[0-9]+)$/i.exec(text);
  if (match === null) return 0;
  const digits = match[2] as string;
  const value = Number(/^0[0-9]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  if (!Number.isSafeInteger(value) || value === 0) return 0;
  return match[1] === '-' ? -value : value;
}

class LineReader {
  readonly #lines: readonly string[];
  /** Number of the line last read, from 1. */
  number = 0;

  constructor(text: string) {
    this.#lines = text.split('\n');
  }

  next(): string | undefined {
    return this.#lines[this.number++];
  }
}
