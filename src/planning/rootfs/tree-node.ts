// The nodes of the image's file tree: what a directory, file, link or device is, apart from its name. Names are the tree's
// (file-tree.ts).

import type { Content } from './content.ts';

interface NodeFields {
  /** 0..0o7777. */
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970, perhaps with a fraction. */
  mtime: number;
  /** `user.x` -> byte string. */
  xattrs: ReadonlyMap<string, string>;
  /** Index of the package that put the node here; undefined = the builder did. */
  owner: number | undefined;
  /** Hex SHA-1 that the owner's archive promised for content or link target. */
  checksum: string | undefined;
  /** Names under which packages hard-linked this node -> link name as in their archive. */
  aliases: Map<string, string> | undefined;
}

export interface DirectoryNode extends NodeFields {
  readonly kind: 'directory';
  /** Changed by the tree alone. */
  readonly children: Map<string, TreeNode>;
  /** Their names in byte order, once somebody asked and until a name comes or goes. */
  order: readonly string[] | undefined;
}
export interface FileNode extends NodeFields {
  readonly kind: 'file';
  content: Content;
  /** What the package shipped, kept because truncating a packaged file to nothing lets it show through again. */
  readonly shipped: Content | undefined;
}
export interface SymlinkNode extends NodeFields {
  readonly kind: 'symlink';
  readonly target: string;
}
export interface DeviceNode extends NodeFields {
  readonly kind: 'device';
  /** tar type flag: character, block, fifo. */
  readonly type: '3' | '4' | '6';
  readonly major: number;
  readonly minor: number;
}
export type TreeNode = DirectoryNode | FileNode | SymlinkNode | DeviceNode;

export type Metadata = Partial<NodeFields>;

export function makeDirectory(mode: number): DirectoryNode {
  return { kind: 'directory', ...fields(mode, {}), children: new Map(), order: undefined };
}

/** Written out, since nearly everything in an image is a file. */
export function makeFile(content: Content, m: Metadata = {}, shipped?: Content): FileNode {
  return {
    kind: 'file',
    mode: m.mode ?? 0o644,
    uid: m.uid ?? 0,
    gid: m.gid ?? 0,
    mtime: m.mtime ?? 0,
    xattrs: m.xattrs ?? NO_XATTRS,
    owner: m.owner,
    checksum: m.checksum,
    aliases: m.aliases,
    content,
    shipped,
  };
}

export function makeSymlink(target: string, metadata: Metadata): SymlinkNode {
  return { kind: 'symlink', ...fields(0o777, metadata), target };
}

export function makeDevice(type: '3' | '4' | '6', major: number, minor: number, metadata: Metadata): DeviceNode {
  return { kind: 'device', ...fields(0o600, metadata), type, major, minor };
}

const NO_XATTRS: ReadonlyMap<string, string> = new Map();

function fields(mode: number, m: Metadata): NodeFields {
  return {
    mode: m.mode ?? mode,
    uid: m.uid ?? 0,
    gid: m.gid ?? 0,
    mtime: m.mtime ?? 0,
    xattrs: m.xattrs ?? NO_XATTRS,
    owner: m.owner,
    checksum: m.checksum,
    aliases: m.aliases,
  };
}
