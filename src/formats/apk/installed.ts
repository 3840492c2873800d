// usr/lib/apk/db/installed, the database of installed packages (apk-format.md 5; base images: layer-and-oci.md 17).
// Written exactly as the reference does, order and omissions included. Must never let a value begin a line of its own.

import { posix } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';
import { TAR_TYPE, type TarEntry } from '../tar/entry.ts';
import { entryChecksum, printChecksum } from './data-entries.ts';
import type { IndexRecord } from './index-record.ts';
import type { Package } from './package.ts';

/** One record as read back. Lists are split on spaces: an empty value is the list of one empty text. */
export interface InstalledRecord extends IndexRecord {
  readonly replaces: readonly string[];
  /** In the order of the database; paths without leading or trailing slash. */
  readonly files: readonly InstalledPath[];
}

interface InstalledPath {
  readonly path: string;
  readonly isDirectory: boolean;
}

/**
 * The record of one package, its blank line included. `entries`: its data entries (see `dataEntries`) without the files
 * that another package owns in the end. PACKAGE_INVALID for what the database cannot say.
 */
export function printInstalledRecord(pkg: Pick<Package, 'info' | 'controlSha1' | 'sizeBytes' | 'entries'>): string {
  const { info } = pkg;
  const record: InstalledRecord = {
    ...info,
    checksum: printChecksum(pkg.controlSha1),
    sizeBytes: pkg.sizeBytes,
    buildTime: info.buildDate,
    files: [],
  };
  return `${printFields(record)}${fileLines(pkg.entries, info.name)}\n`;
}

/** The records of a database or of a base image's package list. Unknown lines are ignored. */
export function parseInstalled(text: string): InstalledRecord[] {
  return text
    .split(/\n\n+/)
    .map((block) => parseRecord(block.split('\n')))
    .filter((record) => record.name !== '');
}

export interface InstalledVisitor {
  /** Before its files. */
  package(name: string, version: string): void;
  /** Those of one directory ('' is the root) that come one after the other. */
  files(directory: string, names: readonly string[]): void;
}

/**
 * The packages of a database and their files, one after the other. A database of an image has some hundred thousand lines, so
 * nothing is made of those that are not asked for, and each costs few steps.
 */
export function scanInstalled(text: string, visit: InstalledVisitor): void {
  let [name, version, directory, isTold] = ['', '', '', false];
  let names: string[] = [];
  const tell = () => {
    if (!isTold && name !== '') visit.package(name, version);
    isTold = name !== '';
  };
  const tellFiles = () => {
    if (names.length > 0) visit.files(directory, names);
    names = [];
  };
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const first = end === at ? BLANK : text.charCodeAt(at);
    // Checksums are half of all lines.
    if (first === CHECKSUM) {
      at = end + 1;
      continue;
    }
    if (first === BLANK) {
      tellFiles();
      tell();
      [name, version, directory, isTold] = ['', '', '', false];
    } else if (text.charCodeAt(at + 1) === COLON) {
      if (first === FILE) {
        if (!isTold) tell();
        if (isTold) names.push(text.slice(at + 2, end));
      } else if (first === DIRECTORY) {
        tellFiles();
        directory = text.slice(at + 2, end);
      } else if (first === NAME) name = text.slice(at + 2, end);
      else if (first === VERSION) version = text.slice(at + 2, end);
    }
    at = end + 1;
  }
  tellFiles();
  tell();
}

const COLON = 0x3a;
/** First characters of lines; of a line that is empty. */
const [NAME, VERSION, DIRECTORY, FILE, CHECKSUM, BLANK] = [0x50, 0x56, 0x46, 0x52, 0x5a, 0];

/** The packages alone: a record names its own before its files. */
export function installedPackages(text: string): { readonly name: string; readonly version: string }[] {
  const packages: { name: string; version: string }[] = [];
  const visit = {
    package: (name: string, version: string) => packages.push({ name, version }),
    files: () => {},
  };
  for (let at = 0; at < text.length; ) {
    const blank = text.indexOf('\n\n', at);
    const end = blank < 0 ? text.length : blank;
    const record = text.slice(at, end);
    const files = record.indexOf('\nF:');
    scanInstalled(files < 0 ? record : record.slice(0, files), visit);
    at = end + 2;
  }
  return packages;
}

/** A base image's records as the reference writes them again: without owners, modes and file checksums. */
export function printBaseRecords(text: string): string {
  return parseInstalled(text)
    .map((record) => `${printFields(record)}${record.files.map(printPath).join('')}\n`)
    .join('');
}

function printFields(record: InstalledRecord): string {
  if (record.name === '') throw new Failure('PACKAGE_INVALID', 'a package without a name cannot be installed');
  const lines = [
    `P:${record.name}`,
    `V:${record.version}`,
    `A:${record.arch}`,
    `L:${record.license}`,
    `T:${record.description}`,
    `o:${record.origin}`,
    `m:${record.maintainer}`,
    `U:${record.url}`,
    `D:${record.depends.join(' ')}`,
    `p:${record.provides.join(' ')}`,
    ...(record.replaces.length > 0 ? [`r:${record.replaces.join(' ')}`] : []),
    `c:${record.commit}`,
    `i:[${record.installIf.join(' ')}]`,
    `t:${record.buildTime}`,
    `S:${record.sizeBytes}`,
    `I:${record.installedSize}`,
    `k:${record.providerPriority}`,
    `C:${record.checksum}`,
  ];
  return lines.map((line) => oneLine(line, record.name)).join('');
}

function oneLine(line: string, packageName: string): string {
  if (!line.includes('\n') && !line.includes('\r')) return `${line}\n`;
  throw new Failure(
    'PACKAGE_INVALID',
    `package "${packageName}" has a line break in ${JSON.stringify(line.slice(0, 80))}`,
  );
}

/** A directory of the package, filled with what is directly in it. */
interface ListedDirectory {
  readonly path: string;
  /** Its own entries: one, but archives may repeat themselves. */
  readonly entries: TarEntry[];
  readonly files: Named<TarEntry>[];
  readonly directories: Named<ListedDirectory>[];
}

interface Named<T> {
  readonly name: string;
  readonly value: T;
}

/**
 * Files by name, then sub-directories by name, each followed by what it holds. An entry is listed only if the same package lists
 * every directory above it. Directories are filled and sorted one by one, since archives come nearly sorted: comparing whole
 * paths took three times as long.
 */
function fileLines(entries: readonly TarEntry[], packageName: string): string {
  const top = listedDirectory('');
  const known = new Map<string, ListedDirectory>();
  for (const entry of entries) {
    if (entry.type !== TAR_TYPE.directory) continue;
    const path = plainPath(entry.name);
    const directory = known.get(path);
    if (directory === undefined) known.set(path, listedDirectory(path, entry));
    else directory.entries.push(entry);
  }
  for (const [path, directory] of known) {
    const slash = path.lastIndexOf('/');
    const above = slash < 0 ? top : known.get(path.slice(0, slash));
    above?.directories.push({ name: path.slice(slash + 1), value: directory });
  }
  let above: ListedDirectory | undefined = top;
  let last = '';
  for (const entry of entries) {
    if (entry.type === TAR_TYPE.directory) continue;
    const path = plainPath(entry.name);
    const slash = path.lastIndexOf('/');
    const directory = slash < 0 ? '' : path.slice(0, slash);
    if (directory !== last) {
      above = directory === '' ? top : known.get(directory);
      last = directory;
    }
    if (slash !== 0) above?.files.push({ name: path.slice(slash + 1), value: entry });
  }
  // Files of the root directory come before any directory.
  let lines = top.files.length === 0 ? '' : 'F:\n';
  const pending = [top];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    lines += directoryLines(next, packageName);
    for (const { name, value } of inOrder(next.files)) lines += linesOfFile(name, value, packageName);
    // Not spread: a hostile archive may have more than a call takes arguments.
    for (const { value } of inOrder(next.directories).reverse()) pending.push(value);
  }
  return lines;
}

function listedDirectory(path: string, ...entries: TarEntry[]): ListedDirectory {
  return { path, entries, files: [], directories: [] };
}

/** Most archives are in order already. */
function inOrder<T>(named: Named<T>[]): Named<T>[] {
  for (let i = 1; i < named.length; i++) {
    if (compareBytes((named[i - 1] as Named<T>).name, (named[i] as Named<T>).name) > 0)
      return named.sort((a, b) => compareBytes(a.name, b.name));
  }
  return named;
}

function directoryLines({ path, entries }: ListedDirectory, packageName: string): string {
  let lines = '';
  for (const entry of entries) {
    const owner = ownerOf(entry, 0o755);
    if (path === '.') assertPlainRoot(owner, packageName);
    else lines += oneLine(`F:${path}`, packageName) + (owner === undefined ? '' : `M:${owner}\n`);
  }
  return lines;
}

function linesOfFile(name: string, entry: TarEntry, packageName: string): string {
  const owner = ownerOf(entry, 0o644);
  const checksum = entryChecksum(entry);
  const lines = oneLine(`R:${name}`, packageName) + (owner === undefined ? '' : `a:${owner}\n`);
  return checksum === undefined ? lines : `${lines}Z:${printChecksum(checksum)}\n`;
}

/** `uid:gid:mode`, or undefined for root's with the usual mode. */
function ownerOf({ uid, gid, mode }: TarEntry, usual: number): string | undefined {
  if (uid === 0 && gid === 0 && mode === usual) return undefined;
  return `${uid}:${gid}:${mode.toString(8).padStart(4, '0')}`;
}

function plainPath(name: string): string {
  const plain = name.endsWith('/') ? name.slice(0, -1) : name;
  const isNormal = !/(?:^|\/)\.{0,2}(?:\/|$)/.test(plain);
  return isNormal ? plain : posix.normalize(name).replace(/(?<=.)\/$/, '');
}

function assertPlainRoot(owner: string | undefined, packageName: string): void {
  if (owner === undefined) return;
  throw new Failure(
    'PACKAGE_INVALID',
    `package "${packageName}" changes owner or mode of the root directory to ${owner}`,
  );
}

function printPath({ path, isDirectory }: InstalledPath): string {
  return isDirectory ? `F:${path}\n` : `R:${posix.basename(path)}\n`;
}

function parseRecord(lines: readonly string[]): InstalledRecord {
  const values = new Map<string, string>();
  const files: InstalledPath[] = [];
  let directory = '';
  for (const line of lines) {
    const key = line.slice(0, 2);
    const value = line.slice(2);
    if (key === 'F:') {
      directory = value;
      files.push({ path: value, isDirectory: true });
    } else if (key === 'R:') {
      files.push({ path: directory === '' ? value : `${directory}/${value}`, isDirectory: false });
    } else if (/^[A-Za-z]:$/.test(key)) {
      values.set(key, value);
    }
  }
  const text = (key: string) => values.get(key) ?? '';
  const list = (key: string) => values.get(key)?.split(' ') ?? [];
  const number = (key: string) => (/^[0-9]{1,15}$/.test(text(key)) ? Number(text(key)) : 0);
  return {
    name: text('P:'),
    version: text('V:'),
    arch: text('A:'),
    checksum: text('C:'),
    sizeBytes: number('S:'),
    installedSize: number('I:'),
    description: text('T:'),
    url: text('U:'),
    license: text('L:'),
    origin: text('o:'),
    maintainer: text('m:'),
    buildTime: number('t:'),
    commit: text('c:'),
    depends: list('D:'),
    installIf: list('i:'),
    provides: list('p:'),
    replaces: list('r:'),
    providerPriority: number('k:'),
    files,
  };
}
