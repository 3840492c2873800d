// The image's file tree in memory, with the path rules that show up in layers (layer-and-oci.md 3, "In-memory filesystem rules").
// All paths are inside the image: symbolic links resolve against its own root and can never leave it.
// Never holds packaged file contents (content.ts) and never asks the machine for its clock, users or umask.

import { hashHex } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { compareBytes } from '../../base/order.ts';
import { type Content, contentSize, damagedContent, EMPTY, type PackagedRead, readContent } from './content.ts';
import {
  type DirectoryNode,
  type FileNode,
  makeDevice,
  makeDirectory,
  makeFile,
  makeSymlink,
  type TreeNode,
} from './tree-node.ts';

/** A node under one of its names. */
export interface TreeEntry {
  /** As `walk` says. */
  readonly path: string;
  readonly node: TreeNode;
}

/** Where a path leads: the directory that holds (or would hold) the name, and the node if there is one. */
export interface Located {
  readonly directory: DirectoryNode;
  readonly name: string;
  readonly node: TreeNode | undefined;
}

export class FileTree {
  readonly root: DirectoryNode = makeDirectory(0o755);
  private readonly read: PackagedRead;
  /** What `walk` found, until a name comes or goes. */
  private walked: readonly TreeEntry[] | undefined;
  /** Where plain paths lead, until a directory goes: packages name the same ones again and again. */
  private readonly directories = new Map<string, DirectoryNode>();
  /** The last of them: what comes next is mostly beside it. */
  private recentPath = '';
  private recent: DirectoryNode | undefined;

  constructor(read: PackagedRead) {
    this.read = read;
  }

  /** A tree of its own with equal nodes; names that share a node share one there, too. */
  clone(): FileTree {
    const copies = new Map<TreeNode, TreeNode>();
    const copyOf = (node: TreeNode): TreeNode => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      const copy: TreeNode = { ...node, aliases: node.aliases && new Map(node.aliases) };
      copies.set(node, copy);
      return copy;
    };
    const clone = new FileTree(this.read);
    const pending = [{ from: this.root, to: clone.root }];
    Object.assign(clone.root, { ...this.root, children: new Map(), order: undefined });
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const [name, child] of next.from.children) {
        if (child.kind !== 'directory') {
          next.to.children.set(name, copyOf(child));
          continue;
        }
        const directory: DirectoryNode = { ...child, children: new Map(), order: undefined };
        next.to.children.set(name, directory);
        pending.push({ from: child, to: directory });
      }
    }
    return clone;
  }

  /** The node at a path, or undefined. A final symlink is followed unless told otherwise. */
  lookup(path: string, options: { readonly follow?: boolean } = {}): TreeNode | undefined {
    return this.locate(path, options.follow ?? true)?.node;
  }

  /** Entries of a directory in byte order of their names; [] when it is missing or no directory. */
  list(path: string): (readonly [string, TreeNode])[] {
    const node = this.lookup(path);
    if (node?.kind !== 'directory') return [];
    return sortedNames(node).map((name) => [name, node.children.get(name) as TreeNode]);
  }

  /** Part of a file's content, without loading the rest. */
  readRange(node: FileNode, start: number, length: number): Uint8Array {
    return readContent(node.content, this.read, start, length);
  }

  /** A whole small file, verified, or undefined when there is no file at the path. */
  readBytes(path: string): Uint8Array | undefined {
    const node = this.lookup(path);
    if (node?.kind !== 'file') return undefined;
    if (contentSize(node.content) > LIMITS.editedFileBytes) {
      throw new Failure(
        'ARCHIVE_LIMIT',
        `"${path}" is too large to be read by the builder (${contentSize(node.content)} bytes)`,
      );
    }
    const bytes = readContent(node.content, this.read);
    const { content, checksum } = node;
    if (content.kind === 'packaged' && checksum !== undefined && hashHex('sha1', bytes) !== checksum) {
      throw damagedContent(path, content.packageIndex);
    }
    return bytes;
  }

  readText(path: string): string | undefined {
    const bytes = this.readBytes(path);
    return bytes === undefined ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  }

  /** `mkdir -p`: every missing component gets the mode; existing ones keep theirs; symlinks are followed. */
  mkdirAll(path: string, mode: number): DirectoryNode {
    const plain = this.directoryAt(path);
    if (plain !== undefined) return plain;
    const free = this.locatePlainly(path, true);
    if (free !== undefined && free.node === undefined) {
      const made = makeDirectory(mode);
      this.put(free, made);
      this.remember(path, made);
      return made;
    }
    const linked = this.lookup(path);
    if (linked?.kind === 'directory') return linked;
    let directory = this.root;
    let walked = '';
    for (const segment of segmentsOf(path)) {
      walked += `/${segment}`;
      const located = this.locate(walked, false);
      if (located !== undefined && located.node === undefined) this.put(located, makeDirectory(mode));
      const node = this.lookup(walked);
      if (node === undefined) throw missing(walked, 'is a symbolic link that leads nowhere');
      if (node.kind !== 'directory') throw notDirectory(walked);
      directory = node;
    }
    return directory;
  }

  /** Creates a file, or replaces the content of the one there, which keeps mode, mtime, xattrs and owner. */
  writeFile(path: string, bytes: Uint8Array | string, mode: number): FileNode {
    const located = this.locateParent(path, true);
    const content: Content = { kind: 'inline', bytes: typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes };
    const node = located.node;
    if (node === undefined) {
      const file = makeFile(content, { mode });
      this.put(located, file);
      return file;
    }
    if (node.kind !== 'file') throw new Failure('PATH_INVALID', `"${path}" exists, but is not a regular file`);
    node.content = contentSize(content) === 0 ? (node.shipped ?? EMPTY) : content;
    return node;
  }

  /** A symbolic link made by the builder; it takes its directory's mtime. The path must be free. */
  symlink(target: string, path: string): void {
    const located = this.locateFree(path);
    this.put(located, makeSymlink(target, { mode: 0o777, mtime: located.directory.mtime }));
  }

  /** A character device made by the builder; it takes its directory's mtime. The path must be free. */
  charDevice(path: string, mode: number, major: number, minor: number): void {
    const located = this.locateFree(path);
    this.put(located, makeDevice('3', major, minor, { mode, mtime: located.directory.mtime }));
  }

  /** A second name for a node. The path must be free. */
  link(node: TreeNode, path: string): void {
    const located = this.locateFree(path);
    this.put(located, node);
  }

  /** Puts a node at a path, in the place of whatever is there. Its directory must exist. */
  place(path: string, node: TreeNode): void {
    const located = this.locateParent(path, false);
    this.put(located, node);
  }

  /** Takes a name away; a directory goes with everything below it. A missing path is no error. */
  remove(path: string): void {
    const located = this.locate(path, false);
    if (located?.node === undefined) return;
    located.directory.children.delete(located.name);
    located.directory.order = undefined;
    this.walked = undefined;
    if (located.node.kind === 'directory') this.forgetDirectories();
  }

  /** The path without symbolic links in its directories; the last name stays as it is. Missing directories keep theirs. */
  realPath(path: string): string {
    const pending = segmentsOf(path).reverse();
    let trail: { readonly name: string; readonly node: TreeNode | undefined }[] = [];
    let hops = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === '..') {
        trail.pop();
        continue;
      }
      const directory = trail.length === 0 ? this.root : trail.at(-1)?.node;
      const node = directory?.kind === 'directory' ? directory.children.get(name) : undefined;
      if (node?.kind !== 'symlink' || pending.length === 0) {
        trail.push({ name, node });
        continue;
      }
      if (++hops > LIMITS.symlinkHops)
        throw new Failure('PATH_INVALID', `"${path}" goes through too many symbolic links`);
      if (node.target.startsWith('/')) trail = [];
      // Not spread: a hostile target may have more parts than a call takes arguments.
      for (const segment of segmentsOf(node.target).reverse()) pending.push(segment);
    }
    return trail.map(({ name }) => name).join('/');
  }

  chmod(path: string, mode: number): void {
    this.existing(path, 'chmod').mode = mode & 0o7777;
  }

  chown(path: string, uid: number, gid: number): void {
    const node = this.existing(path, 'chown');
    node.uid = uid;
    node.gid = gid;
  }

  setMtime(path: string, seconds: number): void {
    this.existing(path, 'setting the time of').mtime = seconds;
  }

  /**
   * Every node below the root, paths without leading slash: depth first, parents before children, children in byte order; links
   * are not followed. Made once for all who ask while no name comes or goes.
   */
  walk(): readonly TreeEntry[] {
    this.walked ??= entriesBelow('', this.root);
    return this.walked;
  }

  /** Everything below a path in the order of `walk`, its paths beginning with the given one; the node itself is not included. */
  walkBelow(path: string): TreeEntry[] {
    const node = this.lookup(path);
    return node?.kind === 'directory' ? entriesBelow(path.replace(/\/+$/, ''), node) : [];
  }

  /** Puts a node where `locate` has just found a place for it. */
  put({ directory, name, node }: Located, replacement: TreeNode): void {
    directory.children.set(name, replacement);
    if (node === undefined) directory.order = undefined;
    else if (node.kind === 'directory') this.forgetDirectories();
    this.walked = undefined;
  }

  private remember(path: string, directory: DirectoryNode): void {
    this.directories.set(path, directory);
    this.recentPath = path;
    this.recent = directory;
  }

  private forgetDirectories(): void {
    this.directories.clear();
    this.recent = undefined;
  }

  private existing(path: string, verb: string): TreeNode {
    const node = this.lookup(path);
    if (node === undefined) throw missing(path, 'does not exist', `${verb} `);
    return node;
  }

  private locateParent(path: string, follow: boolean): Located {
    const located = this.locate(path, follow);
    if (located === undefined) throw missing(path, 'is in a directory that does not exist');
    return located;
  }

  private locateFree(path: string): Located {
    const located = this.locateParent(path, false);
    if (located.node !== undefined) throw new Failure('PATH_INVALID', `"${path}" already exists`);
    return located;
  }

  /**
   * Where a path leads, a final symlink being followed or not. Undefined when a directory on the way is missing; throws when
   * something on the way is no directory.
   */
  locate(path: string, follow: boolean): Located | undefined {
    return this.locatePlainly(path, follow) ?? this.locateThroughLinks(path, follow);
  }

  /** The same for a path of plain names and no links, which nearly all are; undefined where it is not that simple. */
  private locatePlainly(path: string, follow: boolean): Located | undefined {
    const slash = path.lastIndexOf('/');
    const directory = slash <= 0 ? this.root : this.directoryAt(path.slice(0, slash));
    if (directory === undefined) return undefined;
    const name = path.slice(slash + 1);
    if (name === '' || name === '.' || name === '..') return undefined;
    const node = directory.children.get(name);
    return follow && node?.kind === 'symlink' ? undefined : { directory, name, node };
  }

  /** The directory at a path of plain names and no links; undefined where there is none, or it is not that simple. */
  private directoryAt(path: string): DirectoryNode | undefined {
    if (this.recent !== undefined && this.recentPath === path) return this.recent;
    const known = this.directories.get(path);
    if (known !== undefined) {
      this.recentPath = path;
      this.recent = known;
      return known;
    }
    let directory = this.root;
    for (let start = path.startsWith('/') ? 1 : 0; ; ) {
      const slash = path.indexOf('/', start);
      const name = slash < 0 ? path.slice(start) : path.slice(start, slash);
      if (name === '' || name === '.' || name === '..') return undefined;
      const node = directory.children.get(name);
      if (node?.kind !== 'directory') return undefined;
      directory = node;
      if (slash < 0) break;
      start = slash + 1;
    }
    this.remember(path, directory);
    return directory;
  }

  private locateThroughLinks(path: string, follow: boolean): Located | undefined {
    const pending = segmentsOf(path).reverse();
    let trail: Located[] = [{ directory: this.root, name: '', node: this.root }];
    let hops = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const directory = trail.at(-1)?.node;
      if (directory?.kind !== 'directory') throw notDirectory(path);
      const node = directory.children.get(name);
      const last = pending.length === 0;
      if (node === undefined) return last ? { directory, name, node } : undefined;
      if (node.kind === 'symlink' && (!last || follow)) {
        if (++hops > LIMITS.symlinkHops)
          throw new Failure('PATH_INVALID', `"${path}" goes through too many symbolic links`);
        if (node.target.startsWith('/')) trail = trail.slice(0, 1);
        // Not spread: a hostile target may have more parts than a call takes arguments.
        for (const segment of segmentsOf(node.target).reverse()) pending.push(segment);
        continue;
      }
      trail.push({ directory, name, node });
    }
    return trail.at(-1);
  }
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((s) => s !== '' && s !== '.');
}

function sortedNames(directory: DirectoryNode): readonly string[] {
  directory.order ??= [...directory.children.keys()].sort(compareBytes);
  return directory.order;
}

function entriesBelow(start: string, directory: DirectoryNode): TreeEntry[] {
  const entries: TreeEntry[] = [];
  // An explicit stack: depth is the archive's choice.
  const stack = [{ prefix: start, directory, names: sortedNames(directory), next: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const name = top.names[top.next++];
    if (name === undefined) {
      stack.pop();
      continue;
    }
    const node = top.directory.children.get(name) as TreeNode;
    const path = top.prefix === '' ? name : `${top.prefix}/${name}`;
    entries.push({ path, node });
    if (node.kind === 'directory') stack.push({ prefix: path, directory: node, names: sortedNames(node), next: 0 });
  }
  return entries;
}

function missing(path: string, what: string, verb = ''): Failure {
  return new Failure('PATH_INVALID', `${verb}"${path}": it ${what}`);
}

function notDirectory(path: string): Failure {
  return new Failure('PATH_INVALID', `"${path}": a part of this path is not a directory`);
}
