// APKINDEX.tar.gz, the envelope: an optional signature member, then a tar with DESCRIPTION and APKINDEX (apk-format.md 3).
// Checks no signature (see signature.ts) and reads no records.

import { Failure } from '../../base/failure.ts';
import { printGzipMember, readGzipMember } from '../gzip/members.ts';
import { TAR_TYPE, type TarEntry } from '../tar/entry.ts';
import { readTar } from '../tar/read.ts';
import { printTarHeader, TAR_END, tarPadding } from '../tar/write.ts';

/**
 * The text of the APKINDEX entry as a view into the inflated archive. `maxBytes` bounds all members together.
 * INDEX_INVALID for damage or unexpected parts, ARCHIVE_LIMIT beyond the bound.
 */
export function readIndexArchive(bytes: Uint8Array, limits: { readonly maxBytes: number }): Uint8Array {
  const contents = readMembers(bytes, limits.maxBytes);
  // A signature is an archive of its own: a crooked one must not swallow the start of what was signed.
  const isSigned = contents.length > 1 && readEntries(contents[0] as Buffer)[0]?.name.startsWith('.SIGN.') === true;
  const parts = isSigned ? contents.slice(1) : contents;
  const archive = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  let text: Uint8Array | undefined;
  for (const entry of readEntries(archive)) {
    if (entry.name.startsWith('.SIGN.') || entry.name === 'DESCRIPTION') continue;
    if (entry.name !== 'APKINDEX') {
      throw new Failure('INDEX_INVALID', `the index holds an unexpected file "${entry.name}"`);
    }
    if (text !== undefined) throw new Failure('INDEX_INVALID', 'the index holds APKINDEX twice');
    text = archive.subarray(entry.offset, entry.offset + entry.size);
  }
  if (text === undefined) throw new Failure('INDEX_INVALID', 'the index holds no APKINDEX');
  return text;
}

/** An unsigned index archive; the same records and description give the same bytes. */
export function printIndexArchive(records: string, description: string): Buffer {
  const pieces: Uint8Array[] = [];
  for (const [name, text] of [
    ['APKINDEX', records],
    ['DESCRIPTION', description],
  ] as const) {
    const content = Buffer.from(text, 'utf8');
    const owner = { uid: 0, gid: 0, uname: '', gname: '', mtime: 0, linkname: '', devmajor: 0, devminor: 0, pax: {} };
    const header = { ...owner, name, type: TAR_TYPE.file, mode: 0o644, size: content.length };
    pieces.push(printTarHeader(header), content, Buffer.alloc(tarPadding(content.length)));
  }
  return printGzipMember(Buffer.concat([...pieces, TAR_END]));
}

function readMembers(bytes: Uint8Array, maxBytes: number): Buffer[] {
  const contents: Buffer[] = [];
  let left = maxBytes;
  for (let at = 0; at < bytes.length || contents.length === 0; ) {
    const member = within(() => readGzipMember(bytes, at, left));
    if (member === undefined) throw new Failure('INDEX_INVALID', `the index breaks off after ${bytes.length} bytes`);
    contents.push(member.content);
    left -= member.content.length;
    at = member.end;
  }
  return contents;
}

function readEntries(archive: Uint8Array): TarEntry[] {
  return within(() => readTar(archive));
}

/** Damage of the envelope is damage of the index; bounds keep their own code. */
function within<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'ARCHIVE_INVALID') throw error;
    throw new Failure('INDEX_INVALID', `the index is damaged: ${error.message}`, { cause: error });
  }
}
