// A root directory on disk beside the same tree in memory, so that the real dynamic loader and our link proof can be asked the
// same question. The loader runs in a chroot: as root, or in a user namespace of its own where the machine lets us.

import { spawnSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readGzipMember } from '../../src/formats/gzip/members.ts';
import { readTar } from '../../src/formats/tar/read.ts';
import { FileTree } from '../../src/planning/rootfs/file-tree.ts';
import { type FileNode, makeFile, makeSymlink } from '../../src/planning/rootfs/tree-node.ts';

/** Where the static shell lies in the root. */
export const STATIC_SHELL = '.shell/busybox';
export const GLIBC_LOADER = '/lib64/ld-linux-x86-64.so.2';

/** The same files in both. */
export class LoaderRoot {
  readonly path = mkdtempSync(join(tmpdir(), 'stave-loader-'));
  readonly tree = new FileTree(() => new Uint8Array(0));

  directory(path: string): void {
    mkdirSync(join(this.path, path), { recursive: true });
    this.tree.mkdirAll(path, 0o755);
  }

  file(path: string, bytes: Uint8Array, mode = 0o755): void {
    this.#makeRoom(path);
    writeFileSync(join(this.path, path), bytes);
    chmodSync(join(this.path, path), mode);
    this.tree.place(path, makeFile({ kind: 'inline', bytes }, { mode }));
  }

  symlink(target: string, path: string): void {
    this.#makeRoom(path);
    symlinkSync(target, join(this.path, path));
    this.tree.place(path, makeSymlink(target, {}));
  }

  hardLink(target: string, path: string): void {
    this.#makeRoom(path);
    linkSync(join(this.path, target), join(this.path, path));
    this.tree.place(path, this.tree.lookup(target, { follow: false })!);
  }

  remove(path: string): void {
    rmSync(join(this.path, path), { recursive: true, force: true });
    this.tree.remove(path);
  }

  bytes(path: string): Uint8Array {
    return this.tree.readBytes(path) ?? new Uint8Array(0);
  }

  /** Every regular file, under the first of its names. */
  files(): { readonly path: string; readonly node: FileNode }[] {
    const seen = new Set<FileNode>();
    return this.tree.walk().flatMap(({ path, node }) => {
      if (node.kind !== 'file' || seen.has(node)) return [];
      seen.add(node);
      return [{ path, node }];
    });
  }

  close(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Installs the data of a package file. */
  install(apk: string): void {
    const packed = readFileSync(apk);
    let data: Uint8Array = new Uint8Array(0);
    for (let at = 0; at < packed.length; ) {
      const member = readGzipMember(packed, at, 2 ** 30);
      if (member === undefined) throw new Error(`${apk} is not whole`);
      data = member.content;
      at = member.end;
    }
    for (const entry of readTar(data)) {
      const path = entry.name.replace(/\/$/, '');
      if (entry.type === '5') this.directory(path);
      else if (entry.type === '2') this.symlink(entry.linkname, path);
      else if (entry.type === '1') this.hardLink(entry.linkname, path);
      else if (!path.startsWith('.'))
        this.file(path, data.subarray(entry.offset, entry.offset + entry.size), entry.mode);
    }
  }

  #makeRoom(path: string): void {
    this.directory(dirname(path) === '.' ? '' : dirname(path));
    rmSync(join(this.path, path), { recursive: true, force: true });
  }
}

/** What a loader says about a program: paths loaded, names missing, versions missing, or that it gave up. */
export interface LoaderAnswer {
  readonly loaded: readonly string[];
  readonly missing: readonly string[];
  readonly versions: readonly string[];
  readonly fatal: boolean;
}

/** Asks the loader of the root, without running the program. */
export function askLoader(
  root: string,
  program: string,
  options: { readonly loader?: string; readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): LoaderAnswer {
  const { loader = GLIBC_LOADER, env = {}, cwd = '/' } = options;
  // Variables for the loader must not reach chroot, a dynamic program itself: a static shell in the root sets them.
  const settings = Object.entries({ ...env, LD_TRACE_LOADED_OBJECTS: '1' }).map(
    ([name, value]) => `${name}='${value}'`,
  );
  const script = `cd ${cwd} && exec env ${settings.join(' ')} ${loader} ${program}`;
  const [command = '', ...args] = chrootCommand([root, `/${STATIC_SHELL}`, 'sh', '-c', script]);
  const result = spawnSync(command, args, { encoding: 'utf8' });
  const output = `${result.stdout}\n${result.stderr}`;
  const all = (pattern: RegExp) => [...output.matchAll(pattern)].map((match) => match[1] as string);
  const versions = [...output.matchAll(/: (\S+): version `([^']+)' not found \(required by (\S+)\)/g)];
  return {
    loaded: sorted(
      all(/^\t(?:\S+ => )?(\S+) \(0x/gm).filter((path) => path !== loader && !path.startsWith('linux-vdso')),
    ),
    missing: sorted([
      ...all(/^\t(\S+) => not found/gm),
      ...all(/Error loading shared library ([^:\s]+): No such file/g),
    ]),
    versions: sorted(versions.map(([, library, version, by]) => `${by} wants ${version} of ${library}`)),
    fatal: result.status !== 0,
  };
}

/** The processor levels that the loader of the root searches libraries for, best first. */
export function processorLevels(root: string): string[] {
  const [command = '', ...args] = chrootCommand([root, GLIBC_LOADER, '--help']);
  const output = spawnSync(command, args, { encoding: 'utf8' }).stdout;
  return [...output.matchAll(/^ {2}(\S+) \(supported, searched\)/gm)].map((match) => match[1] as string);
}

export function sorted(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}

function chrootCommand(args: readonly string[]): string[] {
  return process.getuid?.() === 0 ? ['chroot', ...args] : ['unshare', '-r', 'chroot', ...args];
}

/** Whether a loader can be run in a root of ours on this machine. */
export function canRunLoaders(): boolean {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  const [command = '', ...args] = chrootCommand(['/', '/bin/true']);
  return spawnSync(command, args).status === 0;
}
