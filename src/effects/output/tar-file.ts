// The list of what is in a tar file on disk: headers are read, contents are passed over. For archives of images, whose
// few files are large. Hostile until proven otherwise: bounded, and names are only ever looked up, never written to.

import type { FileHandle } from 'node:fs/promises';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { BLOCK_BYTES, type HeaderBlock, parseHeaderBlock } from '../../formats/tar/block.ts';
import { parsePaxRecords } from '../../formats/tar/pax.ts';
import { tarPadding } from '../../formats/tar/write.ts';

/** Where the content of a regular file lies in the archive. */
export interface TarFileEntry {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Links of old archives lead to other files of the archive: a chain of them is a riddle. */
const LINK_HOPS = 2;

export class TarFileList {
  readonly #files = new Map<string, TarFileEntry>();
  readonly #links = new Map<string, string>();

  /** Names of regular files and links, as in the archive. */
  get names(): string[] {
    return [...this.#files.keys(), ...this.#links.keys()];
  }

  find(name: string): TarFileEntry | undefined {
    let wanted = name;
    for (let hop = 0; hop <= LINK_HOPS; hop++) {
      const found = this.#files.get(wanted);
      if (found !== undefined) return found;
      const target = this.#links.get(wanted);
      if (target === undefined) return undefined;
      wanted = target;
    }
    return undefined;
  }

  /** Of equal names the last one counts, as it would for who unpacks. */
  add(block: Pick<HeaderBlock, 'type' | 'linkname'>, name: string, where: TarFileEntry): void {
    const key = name.replace(/^\.\//, '');
    if (block.type === '0' || block.type === '\0') this.#files.set(key, where);
    else if (block.type === '1') this.#links.set(key, block.linkname.replace(/^\.\//, ''));
    // A symbolic link counts from its own folder.
    else if (block.type === '2') this.#links.set(key, joinPath(key, block.linkname));
  }
}

/** Failures ARCHIVE_INVALID, ARCHIVE_LIMIT. */
export async function listTarFile(handle: FileHandle): Promise<TarFileList> {
  const { size: archiveBytes } = await handle.stat();
  const list = new TarFileList();
  let extension = new Map<string, string>();
  let longName: string | undefined;
  let position = 0;
  for (let headers = 0; ; headers++) {
    if (headers > LIMITS.imageArchiveEntries) {
      throw new Failure('ARCHIVE_LIMIT', `the archive has more than ${LIMITS.imageArchiveEntries} entries`);
    }
    if (position + BLOCK_BYTES > archiveBytes) return list;
    const block = parseHeaderBlock(await readAt(handle, position, BLOCK_BYTES), 0, position);
    if (block === undefined) return list;
    const offset = position + BLOCK_BYTES;
    const sizeBytes = entryBytes(block, extension);
    position = offset + sizeBytes + tarPadding(sizeBytes);
    if (offset + sizeBytes > archiveBytes) {
      throw new Failure('ARCHIVE_INVALID', `the archive breaks off within "${block.name}"`);
    }
    if (block.type === 'x' || block.type === 'L') {
      if (sizeBytes > LIMITS.paxBytes) {
        throw new Failure('ARCHIVE_LIMIT', `an extended tar header has ${sizeBytes} bytes`);
      }
      const payload = await readAt(handle, offset, sizeBytes);
      if (block.type === 'x') extension = parsePaxRecords(payload);
      else longName = payload.toString('utf8').replace(/\0.*$/s, '');
      continue;
    }
    const linkname = extension.get('linkpath') ?? block.linkname;
    const name = longName ?? extension.get('path') ?? block.name;
    list.add({ ...block, linkname }, name, { offset, sizeBytes });
    extension = new Map();
    longName = undefined;
  }
}

/** Links have no content, whatever their size field says. */
function entryBytes(block: HeaderBlock, extension: ReadonlyMap<string, string>): number {
  if (block.type >= '1' && block.type <= '6') return 0;
  const text = extension.get('size');
  if (text === undefined) return block.size;
  if (!/^[0-9]{1,15}$/.test(text)) throw new Failure('ARCHIVE_INVALID', `"${block.name}" has an impossible size`);
  return Number(text);
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  if (bytesRead !== length) throw new Failure('ARCHIVE_INVALID', `the archive breaks off after ${position} bytes`);
  return buffer;
}

/** `../a/b` seen from `c/d` is `a/b`. What leads out of the archive leads nowhere. */
function joinPath(from: string, target: string): string {
  const parts = target.startsWith('/') ? [] : from.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}
