// What the entries of a package's data member mean (apk-format.md 1, layer-and-oci.md 3): which are installed,
// their checksum records and extended attributes.

import { Failure } from '../../base/failure.ts';
import type { TarEntry } from '../tar/entry.ts';

const CHECKSUM_KEY = 'APK-TOOLS.checksum.SHA1';
const XATTR_PREFIX = 'SCHILY.xattr.';

/** The entries to install: top-level dot names before the first other name are the format's own files. */
export function dataEntries(entries: readonly TarEntry[]): readonly TarEntry[] {
  const first = entries.findIndex((entry) => !entry.name.startsWith('.') || entry.name.includes('/'));
  return first < 0 ? [] : entries.slice(first);
}

/** Lower-case hex SHA-1 that the package promises for a file's content or a symlink's target; undefined = no promise. */
export function entryChecksum(entry: TarEntry): string | undefined {
  const record = entry.pax[CHECKSUM_KEY];
  if (record === undefined) return undefined;
  if (/^[0-9a-f]{40}$/.test(record)) return record;
  const hex = parseChecksum(record) ?? (/^[0-9a-f]{40}$/i.test(record) ? record.toLowerCase() : undefined);
  if (hex === undefined) {
    throw new Failure('PACKAGE_INVALID', `"${entry.name}" has an unreadable checksum record ${JSON.stringify(record)}`);
  }
  return hex;
}

/** The extended attributes of an entry, names without prefix, values as byte strings. */
export function entryXattrs(entry: TarEntry): ReadonlyMap<string, string> {
  let found: Map<string, string> | undefined;
  for (const key in entry.pax) {
    if (!key.startsWith(XATTR_PREFIX)) continue;
    found ??= new Map();
    found.set(key.slice(XATTR_PREFIX.length), entry.pax[key] as string);
  }
  return found ?? NO_XATTRS;
}

const NO_XATTRS: ReadonlyMap<string, string> = new Map();

/** Hex SHA-1 of a `Q1<base64>` checksum, or undefined when it is not one. */
export function parseChecksum(checksum: string): string | undefined {
  if (!/^Q1[A-Za-z0-9+/]{27}=$/.test(checksum)) return undefined;
  return Buffer.from(checksum.slice(2), 'base64').toString('hex');
}

/** `Q1` and the base64 form of a hex SHA-1. */
export function printChecksum(sha1Hex: string): string {
  return `Q1${Buffer.from(sha1Hex, 'hex').toString('base64')}`;
}

/** The PAX records of a packaged file. */
export function checksumRecord(sha1Hex: string): Readonly<Record<string, string>> {
  return { [CHECKSUM_KEY]: sha1Hex };
}

export function xattrRecords(xattrs: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(xattrs).map(([name, value]) => [`${XATTR_PREFIX}${name}`, value]));
}
