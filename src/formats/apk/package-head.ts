// The first members of a package file: signature (if any) and control (apk-format.md 1). Everything after them is data.
// Must work on a prefix of the file, so that hostile or wrong packages are refused before their data is fetched.

import { hashHex } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { type GzipMember, readGzipMember } from '../gzip/members.ts';
import type { TarEntry } from '../tar/entry.ts';
import { readTar } from '../tar/read.ts';
import type { ControlEntry, PackageInfo, PackageMember } from './package.ts';
import { parsePkginfo } from './pkginfo.ts';

export interface PackageHead {
  readonly signature?: PackageMember;
  readonly control: PackageMember;
  /** Lower-case hex SHA-1 of the compressed control member. */
  readonly controlSha1: string;
  readonly info: PackageInfo;
  readonly controlEntries: readonly ControlEntry[];
  /** Offset of the data member in the file. */
  readonly dataStart: number;
}

/**
 * Undefined when `head`, the first bytes of a package file, ends before the control member does. `controlBytes` bounds
 * each member after inflation. ARCHIVE_INVALID, ARCHIVE_LIMIT or PACKAGE_INVALID when it is no package.
 */
export function parsePackageHead(
  head: Uint8Array,
  limits: { readonly controlBytes?: number } = {},
): PackageHead | undefined {
  const maxBytes = limits.controlBytes ?? LIMITS.controlBytes;
  const first = readGzipMember(head, 0, maxBytes);
  if (first === undefined) return undefined;
  const firstEntries = readTar(first.content);
  if (!firstEntries[0]?.name.startsWith('.SIGN.')) return describe(head, undefined, 0, first, firstEntries);
  const control = readGzipMember(head, first.end, maxBytes);
  if (control === undefined) return undefined;
  return describe(head, member(head, 0, first.end), first.end, control, readTar(control.content));
}

function describe(
  head: Uint8Array,
  signature: PackageMember | undefined,
  start: number,
  control: GzipMember,
  entries: readonly TarEntry[],
): PackageHead {
  const controlEntries = entries.map((entry) => ({
    ...entry,
    content: control.content.subarray(entry.offset, entry.offset + entry.size),
  }));
  const pkginfo = controlEntries.find((entry) => entry.name === '.PKGINFO');
  if (pkginfo === undefined) throw new Failure('PACKAGE_INVALID', 'the control part of the package has no .PKGINFO');
  const info = parsePkginfo(Buffer.from(pkginfo.content).toString('utf8'));
  if (info.name === '' || info.version === '') {
    throw new Failure('PACKAGE_INVALID', 'the .PKGINFO of the package names no package or no version');
  }
  return {
    ...(signature && { signature }),
    control: member(head, start, control.end),
    controlSha1: hashHex('sha1', head.subarray(start, control.end)),
    info,
    controlEntries,
    dataStart: control.end,
  };
}

function member(head: Uint8Array, start: number, end: number): PackageMember {
  const sha1 = Buffer.from(hashHex('sha1', head.subarray(start, end)), 'hex');
  return { start, end, checksum: sha1.toString('base64') };
}
