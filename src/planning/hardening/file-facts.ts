// What a file is, as far as the contract cares: an ELF file with its links, a script, a text with secrets. A pure function of
// path and content, whose values are plain data, so that they can be kept with the package that ships the file.
// Must never load a large file whole: ELF structures come in small reads, texts are scanned up to a bound.

import type { ReadRange } from '../../formats/elf/elf-window.ts';
import { readElf } from '../../formats/elf/read-elf.ts';
import { readElfVersions } from '../../formats/elf/read-elf-versions.ts';
import { findAssignedSecrets, findTokens, type SecretHit } from './secret-patterns.ts';

export interface FileFacts {
  readonly elf?: ElfFacts;
  readonly script?: ScriptFacts;
  readonly secrets?: readonly SecretHit[];
}

export interface ElfFacts {
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  /** e_type, see ELF_TYPE. */
  readonly type: number;
  readonly machine: number;
  readonly flags: number;
  readonly interpreter?: string;
  readonly isDynamic: boolean;
  readonly soname?: string;
  readonly needed: readonly string[];
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
  /** Symbol versions asked of each needed library; weak ones, which may be missing, left out. */
  readonly wants: readonly { readonly library: string; readonly versions: readonly string[] }[];
  /** Symbol versions offered; absent where the library has none at all, and is asked for none by the loader. */
  readonly offers?: readonly string[];
  /** Of a glibc loader: the directories that it was built to search, as they stand in it. */
  readonly loaderDirectories?: readonly string[];
}

/** The first line of a script, taken apart as the kernel does. */
interface ScriptFacts {
  readonly interpreter: string;
  readonly argument: string;
}

/** Larger texts are data; configuration, keys and scripts stay far below. */
const MAX_TEXT_BYTES = 1024 * 1024;
/** glibc's loader has about 250 KiB. */
const MAX_LOADER_BYTES = 8 * 1024 * 1024;
const HEAD_BYTES = 512;
const START_BYTES = 16 * 1024;

/** `path` without leading slash; `read` gives ranges of the file. Undefined: nothing to say about it. */
export function readFileFacts(path: string, sizeBytes: number, read: ReadRange): FileFacts | undefined {
  if (sizeBytes === 0) return undefined;
  // Most files are small: one read does for them.
  const start = read(0, Math.min(sizeBytes, START_BYTES));
  const head = start.subarray(0, HEAD_BYTES);
  if (isElf(head)) {
    const elf = readElfFacts(path, sizeBytes, read);
    return elf && { elf };
  }
  const script = readScriptLine(head);
  // A NUL near the beginning: no text.
  const isText = sizeBytes <= MAX_TEXT_BYTES && !head.includes(0);
  const secrets = isText ? findSecrets(path, start.length === sizeBytes ? start : read(0, sizeBytes)) : [];
  if (script === undefined && secrets.length === 0) return undefined;
  return { ...(script && { script }), ...(secrets.length > 0 && { secrets }) };
}

function isElf(head: Uint8Array): boolean {
  return head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
}

/** Undefined where the loader would not take it for an ELF file either. */
function readElfFacts(path: string, sizeBytes: number, read: ReadRange): ElfFacts | undefined {
  const elf = readElf(read);
  if (elf.kind !== 'elf') return undefined;
  const versions = readElfVersions(read, elf);
  const { bits, littleEndian, type, machine, flags, interpreter, dynamic } = elf;
  const isVersioned = dynamic?.tables.versionDefinitions !== undefined;
  const loaderDirectories = isLoaderName(path) ? readLoaderDirectories(sizeBytes, read) : undefined;
  return {
    ...{ bits, littleEndian, type, machine, flags },
    ...(interpreter !== undefined && { interpreter }),
    isDynamic: dynamic !== undefined,
    ...(dynamic?.soname !== undefined && { soname: dynamic.soname }),
    needed: dynamic?.needed ?? [],
    rpath: dynamic?.rpath ?? [],
    runpath: dynamic?.runpath ?? [],
    wants: versions.kind !== 'versions' ? [] : wantedVersions(versions.needs),
    // The base version, the library's own name, is a version too.
    ...(versions.kind === 'versions' && isVersioned && { offers: [...versions.definitions, dynamic?.soname ?? ''] }),
    ...(loaderDirectories && { loaderDirectories }),
  };
}

type Needs = readonly {
  readonly library: string;
  readonly versions: readonly { readonly name: string; readonly weak: boolean }[];
}[];

function wantedVersions(needs: Needs): ElfFacts['wants'] {
  return needs
    .map(({ library, versions }) => ({ library, versions: versions.filter((v) => !v.weak).map((v) => v.name) }))
    .filter(({ versions }) => versions.length > 0);
}

/** `ld-linux-x86-64.so.2`, `ld-2.31.so`, `ld64.so.1`. */
function isLoaderName(path: string): boolean {
  return /(?:^|\/)ld(?:-linux[\w-]*|-\d+\.\d+|64|-lsb[\w-]*)?\.so(?:\.\d+)?$/.test(path);
}

/** They stand in the loader one after the other, each with a slash and a NUL behind: "/lib/", "/usr/lib/". */
function readLoaderDirectories(sizeBytes: number, read: ReadRange): string[] | undefined {
  const bytes = read(0, Math.min(sizeBytes, MAX_LOADER_BYTES));
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const run = /(?:\/(?:[\w.+-]+\/)*lib[\w.+-]*\/(?:[\w.+-]+\/)*\0){2,}/.exec(text)?.[0];
  return run?.split('\0').filter((directory) => directory !== '');
}

/** Undefined for what is no script. Interpreter and everything behind it, blanks around both removed. */
function readScriptLine(head: Uint8Array): ScriptFacts | undefined {
  if (head[0] !== 0x23 || head[1] !== 0x21) return undefined;
  const line = /^#![ \t]*([^ \t\n\0]+)[ \t]*([^\n\0]*)/.exec(Buffer.from(head.subarray(0, 256)).toString('utf8'));
  return line === null ? undefined : { interpreter: line[1] as string, argument: (line[2] as string).trim() };
}

function findSecrets(path: string, bytes: Uint8Array): SecretHit[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const assigned = isConfiguration(path) ? findAssignedSecrets(text) : [];
  return [...findTokens(text), ...assigned];
}

/** Files in which an assignment gives a value to a program, by their names. */
function isConfiguration(path: string): boolean {
  if (/(?:^|\/)(?:usr\/(?:share|lib|include)|lib)\//.test(path)) return false;
  const name = path.slice(path.lastIndexOf('/') + 1);
  return (
    /\.(?:env|conf|cfg|cnf|ini|properties|ya?ml|toml|json|xml)$/i.test(name) ||
    /^\.?(?:env|npmrc|pypirc|netrc|git-credentials|pgpass|my\.cnf|credentials|config|bash_history)(?:\.\w+)?$/.test(
      name,
    )
  );
}
