// Builds an apk v2 package file (apk-format.md 1, package-build.md 3): signature, control and data members.
// The bytes depend on the arguments only: same files, same package, on every machine and Node.

import { hashHex } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';
import { printGzipMember } from '../gzip/members.ts';
import { TAR_TYPE, type TarHeader } from '../tar/entry.ts';
import { printTarHeader, TAR_END, tarPadding } from '../tar/write.ts';
import { checksumRecord, xattrRecords } from './data-entries.ts';
import type { PackageInfo } from './package.ts';
import { printPkginfo } from './pkginfo.ts';
import { type SigningKey, signMember } from './signature.ts';

/** A path of the package, relative, without trailing slash. Directories that are not listed get mode 0755. */
export type PackageFile = PackageFileMetadata &
  (
    | { readonly kind: 'directory' }
    | { readonly kind: 'file'; readonly content: Uint8Array }
    | { readonly kind: 'symlink'; readonly target: string }
    /** `target` is another path of the package that names a file. */
    | { readonly kind: 'hardLink'; readonly target: string }
  );

interface PackageFileMetadata {
  readonly path: string;
  /** Permission bits; 0755 for directories, 0644 for files, always 0777 for symlinks. */
  readonly mode?: number;
  /** Owner; root by default. */
  readonly uid?: number;
  readonly gid?: number;
  readonly uname?: string;
  readonly gname?: string;
  /** Name (`user.x`) -> byte string. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

const SCRIPT_NAMES = [
  '.post-deinstall',
  '.post-install',
  '.post-upgrade',
  '.pre-deinstall',
  '.pre-install',
  '.pre-upgrade',
  '.trigger',
] as const;

export interface PackageToBuild {
  /** `buildDate` is the time of every entry. */
  readonly info: Omit<PackageInfo, 'dataHash' | 'installedSize'>;
  readonly files: readonly PackageFile[];
  readonly scripts?: Readonly<Partial<Record<(typeof SCRIPT_NAMES)[number], string>>>;
  readonly sign?: SigningKey;
}

/** What a directory counts in the installed size, as the reference's build machines report it. */
const DIRECTORY_BYTES = 4096;

/** The package file. PACKAGE_INVALID for paths that cannot be packed, KEY_INVALID for an unusable key. */
export function buildPackage({ info, files, scripts = {}, sign }: PackageToBuild): Buffer {
  const sorted = withParents(files);
  const data = printGzipMember(printDataTar(sorted, info.buildDate));
  const pkginfo = printPkginfo({
    ...info,
    installedSize: installedSize(sorted),
    dataHash: hashHex('sha256', data),
  });
  const control = printGzipMember(printControlTar(pkginfo, scripts, info.buildDate));
  const signature = sign === undefined ? Buffer.alloc(0) : signMember(control, sign);
  return Buffer.concat([signature, control, data]);
}

/** All files in tree order (a directory before what it holds, siblings in byte order), missing directories added. */
function withParents(files: readonly PackageFile[]): PackageFile[] {
  const byPath = new Map<string, PackageFile>();
  for (const file of files) {
    if (!/^(?!\.{0,2}(\/|$))[^/\0\n]+(\/(?!\.{0,2}(\/|$))[^/\0\n]+)*$/.test(file.path)) {
      throw new Failure(
        'PACKAGE_INVALID',
        `${JSON.stringify(file.path)} is no path for a package: it must be relative and plain`,
      );
    }
    if (byPath.has(file.path)) throw new Failure('PACKAGE_INVALID', `"${file.path}" is listed twice`);
    byPath.set(file.path, file);
  }
  for (const { path } of files) {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const parent = byPath.get(path.slice(0, slash));
      if (parent === undefined) byPath.set(path.slice(0, slash), { kind: 'directory', path: path.slice(0, slash) });
      else if (parent.kind !== 'directory') throw new Failure('PACKAGE_INVALID', `"${path}" lies below a file`);
    }
  }
  return [...byPath.values()].sort((a, b) => compareInTree(a.path, b.path));
}

function compareInTree(a: string, b: string): number {
  const left = a.split('/');
  const right = b.split('/');
  const at = left.findIndex((segment, i) => segment !== right[i]);
  return at < 0 || right[at] === undefined ? left.length - right.length : compareBytes(left[at] as string, right[at]);
}

function printDataTar(files: readonly PackageFile[], mtime: number): Buffer {
  const pieces = files.flatMap((file) => {
    const content = file.kind === 'file' ? file.content : new Uint8Array(0);
    return [printTarHeader(dataHeader(file, mtime)), content, Buffer.alloc(tarPadding(content.length))];
  });
  return Buffer.concat([...pieces, TAR_END]);
}

function dataHeader(file: PackageFile, mtime: number): TarHeader {
  const { path: name, uid = 0, gid = 0, uname = 'root', gname = 'root' } = file;
  const xattrs = xattrRecords(file.xattrs ?? {});
  const common = { name, uid, gid, uname, gname, mtime, size: 0, linkname: '', devmajor: 0, devminor: 0 };
  switch (file.kind) {
    case 'directory':
      return { ...common, type: TAR_TYPE.directory, mode: file.mode ?? 0o755, pax: xattrs };
    case 'file': {
      const pax = { ...checksumRecord(hashHex('sha1', file.content)), ...xattrs };
      return { ...common, type: TAR_TYPE.file, mode: file.mode ?? 0o644, size: file.content.length, pax };
    }
    case 'symlink': {
      const pax = checksumRecord(hashHex('sha1', file.target));
      return { ...common, type: TAR_TYPE.symlink, mode: 0o777, linkname: file.target, pax };
    }
    case 'hardLink':
      return { ...common, type: TAR_TYPE.hardLink, mode: file.mode ?? 0o644, linkname: file.target, pax: {} };
  }
}

function installedSize(files: readonly PackageFile[]): number {
  let total = DIRECTORY_BYTES; // The root directory.
  for (const file of files) {
    if (file.kind === 'directory') total += DIRECTORY_BYTES;
    else if (file.kind === 'file') total += file.content.length;
    else if (file.kind === 'symlink') total += Buffer.byteLength(file.target, 'utf8');
  }
  return total;
}

/** No end-of-archive mark: the data member continues the archive. */
function printControlTar(pkginfo: string, scripts: NonNullable<PackageToBuild['scripts']>, mtime: number): Buffer {
  for (const name of Object.keys(scripts))
    assert(
      SCRIPT_NAMES.some((known) => known === name),
      `"${name}" is a script of apk`,
    );
  const texts: [name: string, text: string, mode: number][] = [['.PKGINFO', pkginfo, 0o644]];
  for (const name of SCRIPT_NAMES) {
    const text = scripts[name];
    if (text !== undefined) texts.push([name, text, 0o755]);
  }
  const owner = { uid: 0, gid: 0, uname: 'root', gname: 'root', linkname: '', devmajor: 0, devminor: 0, pax: {} };
  const pieces = texts.flatMap(([name, text, mode]) => {
    const content = Buffer.from(text, 'utf8');
    const header = printTarHeader({ ...owner, name, type: TAR_TYPE.file, mode, mtime, size: content.length });
    return [header, content, Buffer.alloc(tarPadding(content.length))];
  });
  return Buffer.concat(pieces);
}
