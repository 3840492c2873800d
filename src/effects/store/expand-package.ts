// From the bytes of a package file to a verified package in the store, in a single pass (apk-format.md 1). The hash
// chain: index checksum -> control member -> data hash -> every file. What is in the store under a control checksum has
// passed all of it, so it is good for ever, whichever repository asks for that checksum.

import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { Failure, failingWithin } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { dataEntries, parseChecksum } from '../../formats/apk/data-entries.ts';
import { printInstalledRecord } from '../../formats/apk/installed.ts';
import type { Package } from '../../formats/apk/package.ts';
import { type PackageHead, parsePackageHead } from '../../formats/apk/package-head.ts';
import { type DataMember, type DataMemberFiles, DataMemberReader, tooLarge } from './data-member.ts';
import { haveDataThreads, readOnThread } from './data-threads.ts';
import { openPackageHandle, type PackageHandle } from './package-handle.ts';
import { KEPT_BLOCKS } from './piece-store.ts';
import { seal, unseal } from './sealed.ts';
import type { Store } from './store.ts';
import { parseStoredPackage, printStoredPackage, type StoredPackage } from './stored-package.ts';

export interface WantedPackage {
  /** For messages: `bash-5.2.15-r0`. */
  readonly label: string;
  /** `Q1<base64>`: the index's or the lock's word for the control member. */
  readonly checksum: string;
  readonly limits?: PackageLimits;
}

/** Bytes after inflation; the defaults are in base/limits.ts, Infinity is none. */
export interface PackageLimits {
  readonly controlBytes?: number;
  readonly packageDataBytes?: number;
}

const DATA_TAR = 'data.tar';

/** Compressed: takes some 3 ms to read. A thread takes 30 to start, and 1 to ask. */
const SMALL_BYTES = 256 * 1024;
const DESCRIPTION = 'package.sealed';

/** The package from the store, or undefined when it is not there or not as it was written. */
export function openExpandedPackage(store: Store, wanted: WantedPackage): PackageHandle | undefined {
  const key = controlSha1Of(wanted);
  const directory = store.entry('packages', key);
  if (directory === undefined) return undefined;
  const tar = lookAt(tarIn(directory));
  const stored = tar && readStored(directory, tar.sizeBytes);
  if (tar === undefined || stored === undefined) {
    store.discard('packages', key);
    return undefined;
  }
  // The answer to a bound must not depend on who filled the cache.
  failingWithin(`package ${wanted.label}`, () => assertWithin(stored, wanted.limits ?? {}));
  return handleOf(store, key, tar, stored, false);
}

/**
 * Reads a package file to its end, verifies it and puts it into the store. Throws CHECKSUM_MISMATCH, PACKAGE_INVALID,
 * ARCHIVE_INVALID, ARCHIVE_LIMIT (all naming the package; `data.cut` where the file is only a part), and whatever
 * `bytes` throws. Nothing is published then.
 */
export async function expandPackage(
  store: Store,
  wanted: WantedPackage,
  bytes: AsyncIterable<Uint8Array>,
): Promise<PackageHandle> {
  const key = controlSha1Of(wanted);
  const chunks = bytes[Symbol.asyncIterator]();
  let stored: StoredPackage | undefined;
  try {
    const directory = await store.publish('packages', key, async (folder) => {
      const { head, rest } = await readHead(chunks, wanted);
      const printed = Buffer.from(printStoredPackage(await expandData(chunks, head, rest, wanted, folder)));
      writeFileSync(join(folder, DESCRIPTION), seal(printed));
      // As later builds see it: its lists wait as text until they are asked for.
      stored = parseStoredPackage(printed);
    });
    const path = tarIn(directory);
    // Another process may have taken it out since: whoever reads it finds that out.
    const tar = lookAt(path) ?? { path, identity: '' };
    return handleOf(store, key, tar, stored as unknown as StoredPackage, true);
  } catch (error) {
    throw error instanceof Failure ? inPackage(wanted, error) : error;
  } finally {
    // Closes the file or connection when we stopped early.
    await chunks.return?.();
  }
}

/** Collects the first members. A mismatch is found here, before any data is fetched. */
async function readHead(
  chunks: AsyncIterator<Uint8Array>,
  wanted: WantedPackage,
): Promise<{ head: PackageHead; rest: Uint8Array }> {
  const controlBytes = wanted.limits?.controlBytes ?? LIMITS.controlBytes;
  let bytes = Buffer.alloc(0);
  // Parsing starts over each time, so it waits until there is twice as much.
  for (let tryAt = 1; ; ) {
    const next = await chunks.next();
    if (!next.done) bytes = Buffer.concat([bytes, next.value]);
    if (!next.done && bytes.length < tryAt) continue;
    tryAt = bytes.length * 2;
    const head = parsePackageHead(bytes, { controlBytes });
    if (head !== undefined) {
      checkDigest('control', parseChecksum(wanted.checksum) ?? '', head.controlSha1);
      return { head, rest: bytes.subarray(head.dataStart) };
    }
    if (next.done) throw cut(`it ends after ${bytes.length} bytes, inside its first parts`);
  }
}

async function expandData(
  chunks: AsyncIterator<Uint8Array>,
  head: PackageHead,
  rest: Uint8Array,
  wanted: WantedPackage,
  folder: string,
): Promise<StoredPackage> {
  const tar = openSync(join(folder, DATA_TAR), 'wx');
  const files = { tar, keptPath: join(folder, KEPT_BLOCKS) };
  const maxBytes = wanted.limits?.packageDataBytes ?? LIMITS.packageDataBytes;
  try {
    const data = await readData(files, maxBytes, rest, chunks);
    if (data.sha256 !== head.info.dataHash && isCut(data)) {
      throw cut(`it ends after ${head.dataStart + data.compressedBytes} bytes, inside its data`);
    }
    checkDigest('data', head.info.dataHash, data.sha256);
    if (data.trouble !== undefined) throw data.trouble;
    return describe(head, data);
  } finally {
    closeSync(tar);
  }
}

/** Here where there is little of it; on a thread otherwise. */
async function readData(
  files: DataMemberFiles,
  maxBytes: number,
  rest: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
): Promise<DataMember> {
  const first = [rest];
  let sizeBytes = rest.length;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    // A copy: a chunk is good until the next one is asked for.
    first.push(Buffer.from(next.value));
    sizeBytes += next.value.length;
    if (sizeBytes > SMALL_BYTES && haveDataThreads()) return await readOnThread(files, maxBytes, first, chunks);
    if (sizeBytes > SMALL_BYTES) break;
  }
  const reader = new DataMemberReader(files, maxBytes);
  try {
    for (const chunk of first) reader.push(chunk);
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) reader.push(next.value);
    return reader.finish();
  } finally {
    reader.close();
  }
}

function describe(head: PackageHead, data: DataMember): StoredPackage {
  const { signature, control, controlSha1, info, controlEntries, dataStart } = head;
  const end = dataStart + data.compressedBytes;
  const checksum = Buffer.from(data.sha256, 'hex').toString('base64');
  const expanded: Package = {
    info,
    controlSha1,
    sizeBytes: end,
    members: { ...(signature && { signature }), control, data: { start: dataStart, end, checksum } },
    // Copies: the parsed entries are views that would keep the whole head alive.
    control: controlEntries.map((entry) => ({ ...entry, content: Buffer.from(entry.content) })),
    entries: data.entries,
    record: recordOf({ info, controlSha1, sizeBytes: end, entries: data.entries }),
  };
  const controlTarBytes = Math.max(0, ...controlEntries.map((entry) => entry.offset + entry.size));
  return { package: expanded, dataTarBytes: data.tarBytes, dataTarCrc: data.tarCrc, controlTarBytes, kept: data.kept };
}

/** Undefined where there cannot be one: that is a failure of whoever installs the package. */
function recordOf(expanded: Parameters<typeof printInstalledRecord>[0]): string | undefined {
  try {
    return printInstalledRecord({ ...expanded, entries: dataEntries(expanded.entries) });
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

interface DataTar {
  readonly path: string;
  /** Tells the file from the one that replaces it. */
  readonly identity: string;
}

/** Not by `join`, which goes through all of the path: 10 µs each time. */
function tarIn(directory: string): string {
  return `${directory}${sep}${DATA_TAR}`;
}

/** The file as it is now. */
function lookAt(path: string): (DataTar & { readonly sizeBytes: number }) | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && { path, sizeBytes: found.size, identity: `${found.ino} ${found.mtimeMs}` };
}

function readStored(directory: string, tarBytes: number): StoredPackage | undefined {
  try {
    const payload = unseal(readFileSync(`${directory}${sep}${DESCRIPTION}`));
    const stored = payload && parseStoredPackage(payload);
    // The size is looked at now; the content is hashed by whoever reads it all.
    return stored?.dataTarBytes === tarBytes ? stored : undefined;
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return undefined;
    throw error;
  }
}

function handleOf(store: Store, key: string, tar: DataTar, stored: StoredPackage, isFresh: boolean): PackageHandle {
  return openPackageHandle({
    stored,
    key,
    dataTarPath: tar.path,
    isFresh,
    // Only what was opened: another build, or architecture, may have put a sound one in its place.
    discard: () => {
      if (lookAt(tar.path)?.identity === tar.identity) store.discard('packages', key);
    },
  });
}

function assertWithin(stored: StoredPackage, limits: PackageLimits): void {
  const { controlBytes = LIMITS.controlBytes, packageDataBytes = LIMITS.packageDataBytes } = limits;
  if (stored.dataTarBytes > packageDataBytes) throw tooLarge(packageDataBytes);
  if (stored.controlTarBytes > controlBytes) {
    throw new Failure('ARCHIVE_LIMIT', `its control part is larger than the bound of ${controlBytes} bytes`);
  }
}

function controlSha1Of(wanted: WantedPackage): string {
  const hex = parseChecksum(wanted.checksum);
  if (hex !== undefined) return hex;
  const message = `unexpected checksum format: ${JSON.stringify(wanted.checksum)}`;
  throw inPackage(wanted, new Failure('PACKAGE_INVALID', message, { hint: 'only Q1 checksums (SHA-1) are known' }));
}

function checkDigest(what: 'control' | 'data', expected: string, got: string): void {
  if (expected === got) return;
  throw new Failure(
    'CHECKSUM_MISMATCH',
    `${what} hash mismatch: expected ${expected || 'one, found none'}, got ${got}`,
    {
      hint:
        what === 'control'
          ? 'the file is not the package that the index or lock means: a mirror in motion, or a package replaced under its version'
          : 'the file is damaged or was changed: fetch it again, or use another mirror',
      data: { what, expected, got },
    },
  );
}

function isCut(data: DataMember): boolean {
  return data.compressedBytes === 0 || (data.trouble?.data as { cut?: boolean } | undefined)?.cut === true;
}

function cut(message: string): Failure {
  return new Failure('ARCHIVE_INVALID', message, { data: { cut: true } });
}

function inPackage(wanted: WantedPackage, failure: Failure): Failure {
  return failure.within(`package ${wanted.label}`);
}
