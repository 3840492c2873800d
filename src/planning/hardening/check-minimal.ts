// minimal/: what a program does not need to run. Tools are known by the names under which people start them; a tool with
// several names, such as busybox, is one finding.

import { sortedUnique } from '../../base/order.ts';
import { contentSize } from '../rootfs/content.ts';
import type { FileTree } from '../rootfs/file-tree.ts';
import type { DirectoryNode, TreeNode } from '../rootfs/tree-node.ts';
import type { CheckId } from './check-table.ts';
import { listed } from './enumeration.ts';
import type { Observation } from './finding.ts';
import type { ImageDirectory, ImageFiles } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import { searchDirectories } from './run-settings.ts';
import { baseName, resolvePath } from './tree-paths.ts';

const COMMAND_DIRECTORIES = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/local/bin', 'usr/local/sbin'];

const TOOLS: readonly (readonly [check: CheckId, what: string, names: RegExp])[] = [
  [
    'minimal/shell',
    'a shell',
    /^(?:r?bash|sh|ash|dash|zsh|[mo]?ksh(?:93)?|posh|yash|csh|tcsh|fish|nu|elvish|busybox(?:\.\w+)?|toybox)$/,
  ],
  [
    'minimal/package-manager',
    'a package manager',
    /^(?:apk(?:\.static)?|apt|apt-get|aptitude|dpkg|rpm|yum|dnf\d?|microdnf|tdnf|zypper|pacman|opkg|xbps-install|emerge|slackpkg)$/,
  ],
  [
    'minimal/build-tool',
    'a tool to build or debug programs',
    /^(?:[\w.-]+-(?:linux|alpine|unknown)[\w-]*-)?(?:gcc|cc|g\+\+|c\+\+|cpp|gfortran|gnat|tcc|clang|clang\+\+|ld|ld\.(?:bfd|gold|lld)|as|nasm|yasm|rustc|javac|ghc|ocamlopt|swiftc|fpc|make|gmake|cmake|ninja|gdb|gdbserver|lldb|strace|ltrace|tcpdump|perf)(?:-\d+(?:\.\d+)*)?$/,
  ],
];

export function checkMinimal(subject: ImageSubject, files: ImageFiles): Observation[] {
  return [...checkTools(subject), ...checkLeftFiles(files)];
}

function checkTools({ tree, run }: ImageSubject): Observation[] {
  const inPath = searchDirectories(run).flatMap((directory) => resolvePath(tree, directory)?.path ?? []);
  const commands = sortedUnique([...COMMAND_DIRECTORIES, ...inPath]).flatMap((directory) => namesIn(tree, directory));
  return TOOLS.flatMap(([check, what, pattern]) => {
    const programs = new Map<TreeNode, { readonly path: string; readonly names: string[] }>();
    for (const name of commands) {
      const found = pattern.test(baseName(name)) ? resolvePath(tree, name) : undefined;
      if (found?.node.kind !== 'file' || (found.node.mode & 0o111) === 0) continue;
      const known = programs.get(found.node);
      if (known !== undefined) known.names.push(name);
      // A program of many names is known here by the one that makes it such a tool.
      else programs.set(found.node, { path: pattern.test(baseName(found.path)) ? found.path : name, names: [name] });
    }
    return [...programs.values()].map(({ path, names }) => {
      const others = names.filter((name) => name !== path);
      const also = others.length === 0 ? '' : ` (also called ${listed(others)})`;
      return { check, path, message: `${path} is ${what}${also}` };
    });
  });
}

/** Paths of what is in a directory; none where a link leads there, since it has them under another path. */
function namesIn(tree: FileTree, directory: string): string[] {
  const found = resolvePath(tree, directory);
  if (found?.node.kind !== 'directory' || found.path !== directory) return [];
  return tree.list(directory).map(([name]) => (directory === '' ? name : `${directory}/${name}`));
}

/** No directory outside of these can be one of `LEFT_DIRECTORIES`, and few are inside. */
const LEFT_PLACES = /^(?:usr\/(?:local\/)?share\/(?:[dmigh])|(?:var|root|home|tmp|run)\/)/;

/** Directories and what files below them are; a finding for each directory, since one alone tells little. */
const LEFT_DIRECTORIES: readonly { readonly check: CheckId; readonly directory: RegExp; readonly what: string }[] = [
  {
    check: 'minimal/documentation',
    directory: /^usr\/(?:local\/)?share\/(?:doc|man|info|gtk-doc|help|devhelp)(?=\/)/,
    what: 'documentation',
  },
  {
    check: 'minimal/cache',
    directory:
      /^(?:var\/cache|var\/lib\/(?:apt\/lists|dnf|yum)|(?:root|home\/[^/]+)\/(?:\.cache|\.npm\/_cacache|\.cargo\/registry|\.m2\/repository))(?=\/)/,
    what: 'cached',
  },
  { check: 'minimal/left-over', directory: /^(?:tmp|var\/tmp|var\/log|run|var\/run)(?=\/)/, what: 'left-over' },
];

/** Licences have to stay with the programs. */
const LEGAL = /^(?:copyright|copying|licen[cs]e|notice|authors|patents)/i;

function checkLeftFiles(files: ImageFiles): Observation[] {
  const left = files.directories.filter(({ path }) => LEFT_PLACES.test(`${path}/`)).flatMap(leftDirectory);
  const grouped = left.flatMap(({ path, node, check, what }): Observation[] => {
    const { count, sizeBytes } = leftInside(node, check === 'minimal/documentation');
    if (count === 0) return [];
    const kibibytes = Math.ceil(sizeBytes / 1024);
    return [{ check, path, message: `${path} has ${count} ${what} file${count === 1 ? '' : 's'} (${kibibytes} KiB)` }];
  });
  const single = files.backups
    .filter(({ path, node }) => contentSize(node.content) > 0 && !left.some((one) => path.startsWith(`${one.path}/`)))
    .map(({ path }): Observation => ({ check: 'minimal/left-over', path, message: `${path} is a back-up` }));
  return [...grouped, ...single];
}

function leftDirectory({ path, node }: ImageDirectory) {
  const kind = LEFT_DIRECTORIES.find(({ directory }) => directory.exec(`${path}/`)?.[0] === path);
  return kind === undefined ? [] : [{ ...kind, path, node }];
}

/** Links from log files to the standard streams are wanted, empty files hold places. */
function leftInside(directory: DirectoryNode, exceptLegal: boolean): { count: number; sizeBytes: number } {
  let [count, sizeBytes] = [0, 0];
  const pending = [directory];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const [name, node] of next.children) {
      if (node.kind === 'directory') pending.push(node);
      const size = node.kind === 'file' ? contentSize(node.content) : 0;
      if (size === 0 || (exceptLegal && LEGAL.test(name))) continue;
      count++;
      sizeBytes += size;
    }
  }
  return { count, sizeBytes };
}
