// The rules of the two loaders on files of a few bytes. What real loaders say of them: test/conformance/hardening.test.ts.

import { describe, expect, it } from 'vitest';
import { addFile } from '../../../test/support/hardened-image.ts';
import { buildElf, type TinyElf } from '../../../test/support/tiny-elf.ts';
import { printLdSoCache } from '../../formats/elf/print-ld-so-cache.ts';
import { FileTree } from '../rootfs/file-tree.ts';
import type { FileNode } from '../rootfs/tree-node.ts';
import { collectFiles } from './image-files.ts';
import { openSearchWorld } from './library-search.ts';
import { type ProvedFile, proveLinks } from './link-proof.ts';
import { expandTokens, loaderOf } from './loader.ts';
import { resolvePath } from './tree-paths.ts';

const GLIBC = '/lib64/ld-linux-x86-64.so.2';
const MUSL = '/lib/ld-musl-x86_64.so.1';

interface Case {
  readonly loader?: string;
  /** The first is the program. */
  readonly files: Readonly<Record<string, TinyElf | string>>;
  readonly libraryPath?: string;
  readonly workingDirectory?: string;
  readonly levels?: readonly string[];
  readonly cache?: readonly string[];
  readonly texts?: Readonly<Record<string, string>>;
}

/** `loaded:` paths in order, then `missing:`, `unusable:` and `version:` lines. */
function prove({
  loader = GLIBC,
  files,
  libraryPath = '',
  workingDirectory = '',
  levels = [],
  cache,
  texts = {},
}: Case) {
  const tree = new FileTree(() => new Uint8Array(0));
  const own = { soname: loader.slice(loader.lastIndexOf('/') + 1), definitions: ['x', 'GLIBC_2.2.5'] };
  for (const [path, elf] of Object.entries({ [loader.slice(1)]: own, ...files })) {
    addFile(tree, path, typeof elf === 'string' ? elf : buildElf(elf), 0o755);
  }
  for (const [path, text] of Object.entries(texts)) addFile(tree, path, text);
  if (cache !== undefined) {
    addFile(tree, 'etc/ld.so.cache', printLdSoCache(cache.map((path) => ({ path, flags: 0x303 }))));
  }
  const known = collectFiles(tree);
  const fileAt = (path: string): ProvedFile => {
    const found = resolvePath(tree, path)!;
    const node = found.node as FileNode;
    return { node, path: found.path, elf: known.factsOf(node)!.elf! };
  };
  const loaderFile = fileAt(loader);
  const world = openSearchWorld({
    tree,
    loader: loaderOf(loader, loaderFile.elf)!,
    elfOf: (node) => known.factsOf(node)?.elf,
    libraryPath,
    workingDirectory,
    levels,
  });
  const { loaded, problems } = proveLinks(fileAt(Object.keys(files)[0]!), loaderFile, world);
  return [
    ...loaded.slice(1).map(({ path }) => path),
    ...problems.map((p) => {
      if (p.kind === 'missing') return `missing ${p.name} for ${p.by.realPath}`;
      return p.kind === 'unusable' ? `unusable ${p.path}: ${p.why}` : `version ${p.versions.join()} of ${p.path}`;
    }),
  ];
}

const p = (more: TinyElf = {}): TinyElf => ({ interpreter: GLIBC, needed: ['liba.so'], ...more });
const a: TinyElf = { soname: 'liba.so' };
const b: TinyElf = { soname: 'libb.so' };
const ab = (more: TinyElf = {}): TinyElf => ({ soname: 'liba.so', needed: ['libb.so'], ...more });

describe('glibc', () => {
  it.each<readonly [what: string, question: Case, answer: readonly string[]]>([
    [
      'default directories in order',
      { files: { 'bin/p': p(), 'usr/lib/liba.so': a, 'lib/liba.so': a } },
      ['/lib/liba.so'],
    ],
    ['nothing', { files: { 'bin/p': p() } }, ['missing liba.so for bin/p']],
    [
      'RPATH, inherited',
      { files: { 'bin/p': p({ rpath: '/o' }), 'o/liba.so': ab(), 'o/libb.so': b } },
      ['/o/liba.so', '/o/libb.so'],
    ],
    [
      'RUNPATH, not inherited',
      { files: { 'bin/p': p({ runpath: '/o' }), 'o/liba.so': ab(), 'o/libb.so': b } },
      ['/o/liba.so', 'missing libb.so for o/liba.so'],
    ],
    [
      'RUNPATH beside RPATH',
      { files: { 'bin/p': p({ rpath: '/o', runpath: '/u' }), 'o/liba.so': a, 'u/liba.so': a } },
      ['/u/liba.so'],
    ],
    [
      'RPATH, then LD_LIBRARY_PATH',
      { files: { 'bin/p': p({ rpath: '/o' }), 'o/liba.so': a, 'l/liba.so': a }, libraryPath: '/l' },
      ['/o/liba.so'],
    ],
    [
      'LD_LIBRARY_PATH, then RUNPATH',
      { files: { 'bin/p': p({ runpath: '/o' }), 'o/liba.so': a, 'l/liba.so': a }, libraryPath: '/no;/l' },
      ['/l/liba.so'],
    ],
    [
      'the cache, then default directories',
      { files: { 'bin/p': p(), 'c/liba.so': a, 'lib/liba.so': a }, cache: ['/c/liba.so'] },
      ['/c/liba.so'],
    ],
    ['a cache of what is gone', { files: { 'bin/p': p(), 'lib/liba.so': a }, cache: ['/c/liba.so'] }, ['/lib/liba.so']],
    [
      '$ORIGIN of the program',
      { files: { 'o/bin/p': p({ runpath: '$ORIGIN/../lib' }), 'o/lib/liba.so': a } },
      ['/o/bin/../lib/liba.so'],
    ],
    [
      'the current directory',
      { files: { 'bin/p': p({ runpath: '' }), 'w/liba.so': a }, workingDirectory: 'w', libraryPath: ':/no' },
      ['/w/liba.so'],
    ],
    [
      'a newer processor',
      {
        files: { 'bin/p': p(), 'lib/glibc-hwcaps/x86-64-v3/liba.so': a, 'lib/liba.so': a },
        levels: ['x86-64-v3', 'x86-64-v2'],
      },
      ['/lib/glibc-hwcaps/x86-64-v3/liba.so'],
    ],
    [
      'an older processor',
      { files: { 'bin/p': p(), 'lib/glibc-hwcaps/x86-64-v3/liba.so': a, 'lib/liba.so': a } },
      ['/lib/liba.so'],
    ],
    [
      'another machine is passed over',
      { files: { 'bin/p': p(), 'lib/liba.so': { ...a, machine: 183 }, 'usr/lib/liba.so': a } },
      ['/usr/lib/liba.so'],
    ],
    [
      'only another machine',
      { files: { 'bin/p': p(), 'lib/liba.so': { ...a, machine: 183 } } },
      ['unusable /lib/liba.so: it is for another architecture'],
    ],
    [
      'text ends the search',
      { files: { 'bin/p': p(), 'lib/liba.so': 'INPUT(x)', 'usr/lib/liba.so': a } },
      ['unusable /lib/liba.so: it is no ELF file'],
    ],
    [
      'an empty file ends it too',
      { files: { 'bin/p': p(), 'lib/liba.so': '' } },
      ['unusable /lib/liba.so: it is empty'],
    ],
    [
      'a program is no library',
      { files: { 'bin/p': p(), 'lib/liba.so': { type: 2 } } },
      ['unusable /lib/liba.so: it is no shared library'],
    ],
    ['a path as the name', { files: { 'bin/p': p({ needed: ['/o/x'] }), 'o/x': a } }, ['/o/x']],
    ['a known soname', { files: { 'bin/p': p({ needed: ['libz', 'liba.so'] }), 'lib/libz': a } }, ['/lib/libz']],
    ['the loader itself', { files: { 'bin/p': p({ needed: ['ld-linux-x86-64.so.2'] }) } }, []],
    [
      'versions that are there',
      {
        files: {
          'bin/p': p({ needs: { 'liba.so': ['V1'] } }),
          'lib/liba.so': { ...a, definitions: ['liba.so', 'V1'] },
        },
      },
      ['/lib/liba.so'],
    ],
    [
      'versions that are not',
      {
        files: {
          'bin/p': p({ needs: { 'liba.so': ['V1', 'V2', 'V3'] } }),
          'lib/liba.so': { ...a, definitions: ['liba.so', 'V1'] },
        },
      },
      ['/lib/liba.so', 'version V2,V3 of /lib/liba.so'],
    ],
    [
      'weak versions',
      { files: { 'bin/p': p({ needs: { 'liba.so': ['?V2'] } }), 'lib/liba.so': { ...a, definitions: ['liba.so'] } } },
      ['/lib/liba.so'],
    ],
    [
      'versions of a library without any',
      { files: { 'bin/p': p({ needs: { 'liba.so': ['V2'] } }), 'lib/liba.so': a } },
      ['/lib/liba.so'],
    ],
    [
      'versions of the loader',
      { files: { 'bin/p': p({ needed: [], needs: { 'ld-linux-x86-64.so.2': ['GLIBC_9'] } }) } },
      [`version GLIBC_9 of ${GLIBC}`],
    ],
  ])('%s', (_what, question, answer) => {
    expect(prove(question)).toEqual(answer);
  });
});

describe('musl', () => {
  const m = (more: TinyElf = {}): TinyElf => p({ interpreter: MUSL, ...more });
  it.each<readonly [what: string, question: Case, answer: readonly string[]]>([
    [
      'its directories',
      { files: { 'bin/p': m(), 'usr/local/lib/liba.so': a, 'usr/lib/liba.so': a } },
      ['/usr/local/lib/liba.so'],
    ],
    [
      'a path file in their place',
      { files: { 'bin/p': m(), 'o/liba.so': a, 'lib/liba.so': a }, texts: { 'etc/ld-musl-x86_64.path': '/no\n/o\n' } },
      ['/o/liba.so'],
    ],
    [
      'an empty path file',
      { files: { 'bin/p': m(), 'lib/liba.so': a }, texts: { 'etc/ld-musl-x86_64.path': '\n' } },
      ['missing liba.so for bin/p'],
    ],
    [
      'RUNPATH, inherited',
      { files: { 'bin/p': m({ runpath: '/o' }), 'o/liba.so': ab(), 'o/libb.so': b } },
      ['/o/liba.so', '/o/libb.so'],
    ],
    [
      'LD_LIBRARY_PATH first',
      { files: { 'bin/p': m({ rpath: '/o' }), 'o/liba.so': a, 'l/liba.so': a }, libraryPath: '/l' },
      ['/l/liba.so'],
    ],
    [
      'a token that it does not know',
      { files: { 'bin/p': m({ runpath: '/o:/$LIB' }), 'o/liba.so': a } },
      ['missing liba.so for bin/p'],
    ],
    ['names of the C library', { files: { 'bin/p': m({ needed: ['libc.so.6', 'libm.so', 'libpthread.so.0'] }) } }, []],
    ['its own file name', { files: { 'bin/p': m({ needed: ['ld-musl-x86_64.so.1'] }) } }, []],
    [
      'no ld.so.cache',
      { files: { 'bin/p': m(), 'c/liba.so': a }, cache: ['/c/liba.so'] },
      ['missing liba.so for bin/p'],
    ],
    [
      'no sonames',
      { files: { 'bin/p': m({ needed: ['libz', 'liba.so'] }), 'lib/libz': a } },
      ['/lib/libz', 'missing liba.so for bin/p'],
    ],
    [
      'no versions',
      { files: { 'bin/p': m({ needs: { 'liba.so': ['V9'] } }), 'lib/liba.so': { ...a, definitions: ['liba.so'] } } },
      ['/lib/liba.so'],
    ],
    [
      'another machine ends the search',
      { files: { 'bin/p': m(), 'lib/liba.so': { ...a, machine: 183 }, 'usr/lib/liba.so': a } },
      ['unusable /lib/liba.so: it is for another architecture'],
    ],
  ])('%s', (_what, question, answer) => {
    expect(prove({ loader: MUSL, ...question })).toEqual(answer);
  });
});

describe('a loader', () => {
  const elf = { machine: 62, loaderDirectories: ['/lib/x86_64-linux-gnu/', '/lib/'] } as never;
  it.each([
    [GLIBC, 'glibc'],
    ['/lib/ld-linux-aarch64.so.1', 'glibc'],
    ['/lib/ld64.so.1', 'glibc'],
    [MUSL, 'musl'],
    ['/system/bin/linker64', undefined],
  ])('%s is %s', (name, kind) => {
    expect(loaderOf(name, elf)?.kind).toBe(kind);
  });

  it.each([
    ['$ORIGIN/x', '/o/x', '/o/x'],
    ['${ORIGIN}x', '/ox', '/ox'],
    ['$ORIGINS', '$ORIGINS', '/oS'],
    ['/$LIB/$PLATFORM', '/lib/x86_64-linux-gnu/x86_64', undefined],
    ['/plain', '/plain', '/plain'],
  ])('replaces %s', (element, glibc, musl) => {
    expect(expandTokens(element, loaderOf(GLIBC, elf)!, '/o')).toBe(glibc);
    expect(expandTokens(element, loaderOf(MUSL, elf)!, '/o')).toBe(musl);
  });
});
