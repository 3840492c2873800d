// The link proof against the real loader: every program and library of the corpus, and loaders led astray in a few dozen ways.
// And no false alarm on any image of golden/apko.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noEvents } from '../../src/base/events.ts';
import { ELF_TYPE } from '../../src/formats/elf/read-elf.ts';
import { checkSubject } from '../../src/operations/check/check.ts';
import { collectFiles, type ImageFiles } from '../../src/planning/hardening/image-files.ts';
import { openSearchWorld, type SearchWorld } from '../../src/planning/hardening/library-search.ts';
import { type ProvedFile, proveLinks } from '../../src/planning/hardening/link-proof.ts';
import { loaderOf } from '../../src/planning/hardening/loader.ts';
import { resolvePath } from '../../src/planning/hardening/tree-paths.ts';
import { applyLdSoCache } from '../../src/planning/rootfs/ld-so-cache.ts';
import type { FileNode } from '../../src/planning/rootfs/tree-node.ts';
import {
  askLoader,
  canRunLoaders,
  GLIBC_LOADER,
  type LoaderAnswer,
  LoaderRoot,
  processorLevels,
  STATIC_SHELL,
  sorted,
} from '../support/loader-root.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';
import { type CompiledFile, compile, hasCompiler } from '../support/tiny-compiler.ts';

const shared = sharedDir ?? '';
const packages = join(shared, 'corpus/packages/x86_64');
const cannotAsk = sharedDir === undefined || !canRunLoaders();
const CANNOT_ASK = `${SHARED_ABSENT}, or loaders cannot be run in a chroot here`;

interface Question {
  readonly libraryPath?: string;
  readonly workingDirectory?: string;
  readonly levels?: readonly string[];
}

function fileAt(root: LoaderRoot, files: ImageFiles, path: string): ProvedFile {
  const found = resolvePath(root.tree, path);
  const node = found?.node as FileNode;
  const elf = files.factsOf(node)?.elf;
  if (found === undefined || elf === undefined) throw new Error(`${path} is no ELF file`);
  return { node, path: found.path, elf };
}

function worldOf(root: LoaderRoot, files: ImageFiles, question: Question = {}): SearchWorld {
  const { libraryPath = '', workingDirectory = '', levels = [] } = question;
  const loader = loaderOf(GLIBC_LOADER, fileAt(root, files, GLIBC_LOADER).elf);
  if (loader === undefined) throw new Error('the loader was not recognized');
  const elfOf = (node: FileNode) => files.factsOf(node)?.elf;
  return openSearchWorld({ tree: root.tree, loader, elfOf, libraryPath, workingDirectory, levels });
}

/** Our answer in the loader's words: it does not tell a library of another machine from a missing one. */
function ourAnswer(root: LoaderRoot, files: ImageFiles, world: SearchWorld, path: string): LoaderAnswer {
  const { loaded, problems } = proveLinks(fileAt(root, files, path), fileAt(root, files, GLIBC_LOADER), world);
  const passedOver = problems.filter((p) => p.kind === 'unusable' && p.why === 'it is for another architecture');
  const versions = problems.flatMap((p) =>
    p.kind === 'version' ? p.versions.map((version) => `${p.by.path} wants ${version} of ${p.path}`) : [],
  );
  return {
    loaded: sorted(loaded.slice(1).map((file) => file.path)),
    missing: sorted([...problems.filter((p) => p.kind === 'missing'), ...passedOver].map((p) => p.name)),
    versions: sorted(versions),
    fatal: problems.some((p) => p.kind === 'unusable' && !passedOver.includes(p)),
  };
}

describe.skipIf(cannotAsk)(`the link proof of the corpus, against the real loader (else: ${CANNOT_ASK})`, () => {
  let root: LoaderRoot;
  beforeAll(() => {
    root = new LoaderRoot();
    const names = readdirSync(packages).filter((name) => name.endsWith('.apk'));
    const isBase = (name: string) => name.startsWith('baselayout-');
    for (const name of [...names.filter(isBase), ...names.filter((n) => !isBase(n))])
      root.install(join(packages, name));
    applyLdSoCache(root.tree, 'x86_64');
    root.file('etc/ld.so.cache', root.bytes('etc/ld.so.cache'));
    root.file(STATIC_SHELL, root.bytes('usr/bin/busybox'));
  });
  afterAll(() => root.close());

  it('says the same of every program and library', { timeout: 120_000 }, () => {
    const files = collectFiles(root.tree);
    const world = worldOf(root, files);
    // The character converters are 200 times the same.
    const asked = files.known.filter(
      ({ path, facts: { elf } }) =>
        elf?.isDynamic === true &&
        elf.type >= ELF_TYPE.executable &&
        elf.type <= ELF_TYPE.shared &&
        !/gconv\/[^L]/.test(path),
    );
    const differing = asked.flatMap(({ path }) => {
      const [ours, real] = [ourAnswer(root, files, world, path), askLoader(root.path, `/${path}`)];
      return JSON.stringify(ours) === JSON.stringify(real) ? [] : [{ path, ours, real }];
    });
    expect(differing).toEqual([]);
    expect(asked.length).toBeGreaterThan(250);
  });

  const breakages: readonly (readonly [what: string, breaks: (root: LoaderRoot) => () => void, program: string])[] = [
    ['a library removed', removing('usr/lib/x86_64-linux-gnu/libz.so.1'), 'usr/bin/curl'],
    ['the C library removed', removing('usr/lib/x86_64-linux-gnu/libc.so.6'), 'usr/bin/python3.11'],
    ['a library emptied', replacing('usr/lib/x86_64-linux-gnu/libz.so.1', () => Buffer.alloc(0)), 'usr/bin/curl'],
    [
      'a library turned into text',
      replacing('usr/lib/x86_64-linux-gnu/libz.so.1', () => Buffer.from('GROUP ( libz.so.1 )\n'.repeat(9))),
      'usr/bin/curl',
    ],
    [
      'a library cut short',
      replacing('usr/lib/x86_64-linux-gnu/libz.so.1', (root) =>
        root.bytes('usr/lib/x86_64-linux-gnu/libz.so.1').subarray(0, 200),
      ),
      'usr/bin/curl',
    ],
    [
      'another library in its place',
      replacing('usr/lib/x86_64-linux-gnu/libcrypto.so.3', (root) => root.bytes('usr/lib/x86_64-linux-gnu/libm.so.6')),
      'usr/bin/openssl',
    ],
    [
      'an older library in its place',
      replacing('usr/lib/x86_64-linux-gnu/libcrypto.so.3', (root) =>
        withoutVersion(root.bytes('usr/lib/x86_64-linux-gnu/libcrypto.so.3'), 'OPENSSL_3.0.0'),
      ),
      'usr/bin/openssl',
    ],
    [
      'an older C library',
      replacing('usr/lib/x86_64-linux-gnu/libc.so.6', (root) =>
        withoutVersion(root.bytes('usr/lib/x86_64-linux-gnu/libc.so.6'), 'GLIBC_2.34'),
      ),
      'usr/bin/bash',
    ],
    [
      'a library for another machine',
      replacing('usr/lib/x86_64-linux-gnu/libz.so.1', (root) =>
        forMachine(root.bytes('usr/lib/x86_64-linux-gnu/libz.so.1'), 183),
      ),
      'usr/bin/curl',
    ],
    [
      'a library of the other class',
      replacing('usr/lib/x86_64-linux-gnu/libz.so.1', (root) =>
        withByte(root.bytes('usr/lib/x86_64-linux-gnu/libz.so.1'), 4, 1),
      ),
      'usr/bin/curl',
    ],
    ['the cache removed', removing('etc/ld.so.cache'), 'usr/bin/curl'],
    ['the cache damaged', replacing('etc/ld.so.cache', () => Buffer.alloc(100, 7)), 'usr/bin/curl'],
  ];

  it.each(breakages)('%s', (_what, breaks, program) => {
    const restore = breaks(root);
    try {
      const files = collectFiles(root.tree);
      const real = askLoader(root.path, `/${program}`);
      expectSame(ourAnswer(root, files, worldOf(root, files), program), real);
    } finally {
      restore();
    }
  });
});

/** A loader that gives up says only why; without a C library it crashes. */
function expectSame(ours: LoaderAnswer, real: LoaderAnswer): void {
  if (real.fatal) expect(ours.fatal || ours.missing.length > 0).toBe(true);
  else expect(ours).toEqual(real);
}

/** The real file behind the path goes; the answer puts it back. */
function removing(path: string) {
  return (root: LoaderRoot) => {
    const real = resolvePath(root.tree, path)?.path ?? path;
    const bytes = root.bytes(real);
    root.remove(real);
    return () => root.file(real, bytes);
  };
}

function replacing(path: string, content: (root: LoaderRoot) => Uint8Array) {
  return (root: LoaderRoot) => {
    const real = resolvePath(root.tree, path)?.path ?? path;
    const bytes = root.bytes(real);
    root.file(real, content(root));
    return () => root.file(real, bytes);
  };
}

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
}

function forMachine(bytes: Uint8Array, machine: number): Uint8Array {
  return withByte(bytes, 18, machine);
}

/** The name of the version is another one: to the loader, an older library. */
function withoutVersion(bytes: Uint8Array, version: string): Uint8Array {
  const copy = Buffer.from(bytes);
  const name = Buffer.from(`\0${version}\0`);
  for (let at = copy.indexOf(name); at >= 0; at = copy.indexOf(name, at + 1)) copy[at + 1] = 'X'.charCodeAt(0);
  return copy;
}

interface Detour {
  /** Path -> what to compile, bytes, a link or another's copy. */
  readonly files: Readonly<Record<string, CompiledFile | { readonly link: string } | { readonly bytes: Uint8Array }>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Makes ld.so.cache of these directories before some files are taken away. */
  readonly cached?: string;
  readonly gone?: readonly string[];
}

const program = (more: CompiledFile = {}): CompiledFile => ({ kind: 'program', needs: ['liba.so.1'], ...more });
const library = (name: string, more: CompiledFile = {}): CompiledFile => ({ soname: `lib${name}.so.1`, ...more });
const [a, b] = [library('a'), library('b')];
const aNeedsB = (more: CompiledFile = {}) => library('a', { needs: ['libb.so.1'], ...more });
const text = { bytes: Buffer.from('not a library, but long enough for a header of sixty-four bytes and more') };

const DETOURS: Readonly<Record<string, Detour>> = {
  'a default directory': { files: { 'usr/bin/p': program(), 'usr/lib/liba.so.1': a } },
  'a directory that nobody searches': { files: { 'usr/bin/p': program(), 'opt/liba.so.1': a } },
  nowhere: { files: { 'usr/bin/p': program() } },
  'three levels deep, the last missing': {
    files: {
      'usr/bin/p': program(),
      'usr/lib/liba.so.1': aNeedsB(),
      'usr/lib/libb.so.1': library('b', { needs: ['libc9.so'] }),
    },
  },
  'the order of default directories': { files: { 'usr/bin/p': program(), 'lib/liba.so.1': a, 'usr/lib/liba.so.1': a } },
  RPATH: { files: { 'usr/bin/p': program({ rpath: '/opt' }), 'opt/liba.so.1': a } },
  RUNPATH: { files: { 'usr/bin/p': program({ runpath: '/opt' }), 'opt/liba.so.1': a } },
  'several directories in RPATH': {
    files: { 'usr/bin/p': program({ rpath: '/no:/opt:/usr/lib' }), 'opt/liba.so.1': a },
  },
  "RPATH for a library's own needs": {
    files: { 'usr/bin/p': program({ rpath: '/opt' }), 'opt/liba.so.1': aNeedsB(), 'opt/libb.so.1': b },
  },
  "RUNPATH not for a library's own needs": {
    files: { 'usr/bin/p': program({ runpath: '/opt' }), 'opt/liba.so.1': aNeedsB(), 'opt/libb.so.1': b },
  },
  'a RUNPATH that hides the RPATH above': {
    files: {
      'usr/bin/p': program({ rpath: '/opt' }),
      'opt/liba.so.1': aNeedsB({ runpath: '/no' }),
      'opt/libb.so.1': b,
    },
  },
  'an RPATH of a library in between': {
    files: {
      'usr/bin/p': program({ rpath: '/opt' }),
      'opt/liba.so.1': aNeedsB({ rpath: '/deep' }),
      'deep/libb.so.1': library('b', { needs: ['libd.so.1'] }),
      'deep/libd.so.1': library('d'),
    },
  },
  $ORIGIN: { files: { 'opt/app/p': program({ runpath: '$ORIGIN/../lib' }), 'opt/lib/liba.so.1': a } },
  '${ORIGIN}': { files: { 'opt/app/p': program({ rpath: '${ORIGIN}' }), 'opt/app/liba.so.1': a } },
  '$ORIGIN of a library': {
    files: {
      'usr/bin/p': program({ rpath: '/opt/x' }),
      'opt/x/liba.so.1': aNeedsB({ runpath: '$ORIGIN/y' }),
      'opt/x/y/libb.so.1': b,
    },
  },
  '$ORIGIN of a library found by a link': {
    files: {
      'usr/bin/p': program({ rpath: '/opt/x' }),
      'opt/x/liba.so.1': { link: '../real/liba.so.1' },
      'opt/real/liba.so.1': aNeedsB({ runpath: '$ORIGIN' }),
      'opt/x/libb.so.1': b,
    },
  },
  $LIB: { files: { 'usr/bin/p': program({ runpath: '/opt/$LIB' }), 'opt/lib/x86_64-linux-gnu/liba.so.1': a } },
  '$ORIGINAL, which is no token': { files: { 'usr/bin/p': program({ runpath: '$ORIGINAL' }), 'bin/liba.so.1': a } },
  'a relative RUNPATH': {
    files: { 'usr/bin/p': program({ runpath: 'lib9' }), 'work/lib9/liba.so.1': a },
    cwd: '/work',
  },
  'an empty element of RUNPATH': {
    files: { 'usr/bin/p': program({ runpath: '/no:' }), 'work/liba.so.1': a },
    cwd: '/work',
  },
  LD_LIBRARY_PATH: { files: { 'usr/bin/p': program(), 'opt/liba.so.1': a }, env: { LD_LIBRARY_PATH: '/no:/opt' } },
  'LD_LIBRARY_PATH with a semicolon': {
    files: { 'usr/bin/p': program(), 'opt/liba.so.1': a },
    env: { LD_LIBRARY_PATH: '/no;/opt' },
  },
  'LD_LIBRARY_PATH with $ORIGIN': {
    files: { 'opt/p': program(), 'opt/l/liba.so.1': a },
    env: { LD_LIBRARY_PATH: '$ORIGIN/l' },
  },
  'LD_LIBRARY_PATH after RPATH': {
    files: { 'usr/bin/p': program({ rpath: '/one' }), 'one/liba.so.1': a, 'two/liba.so.1': a },
    env: { LD_LIBRARY_PATH: '/two' },
  },
  'LD_LIBRARY_PATH before RUNPATH': {
    files: { 'usr/bin/p': program({ runpath: '/one' }), 'one/liba.so.1': a, 'two/liba.so.1': a },
    env: { LD_LIBRARY_PATH: '/two' },
  },
  'LD_LIBRARY_PATH with the current directory': {
    files: { 'usr/bin/p': program(), 'work/liba.so.1': a },
    env: { LD_LIBRARY_PATH: '/no:' },
    cwd: '/work',
  },
  'the cache': { files: { 'usr/bin/p': program(), 'opt/liba.so.1': a }, cached: '/opt' },
  'the cache before default directories': {
    files: { 'usr/bin/p': program(), 'opt/liba.so.1': a, 'usr/lib/liba.so.1': a },
    cached: '/opt',
  },
  'a cache that has outlived the file': {
    files: { 'usr/bin/p': program(), 'opt/liba.so.1': a, 'usr/lib/liba.so.1': a },
    cached: '/opt',
    gone: ['opt/liba.so.1'],
  },
  'a cache that has outlived the only file': {
    files: { 'usr/bin/p': program(), 'opt/liba.so.1': a },
    cached: '/opt',
    gone: ['opt/liba.so.1'],
  },
  'a path as the name': { files: { 'usr/bin/p': program({ needs: ['/opt/x.so'] }), 'opt/x.so': a } },
  'a relative path as the name': {
    files: { 'usr/bin/p': program({ needs: ['sub/x.so'] }), 'work/sub/x.so': a },
    cwd: '/work',
  },
  'a library known by its soname': {
    files: {
      'usr/bin/p': program({ needs: ['liba.so.1', 'libz.so'] }),
      'usr/lib/liba.so.1': library('z9'),
      'usr/lib/libz.so': library('d', { needs: ['libz9.so.1'] }),
    },
  },
  'two names of one file': {
    files: {
      'usr/bin/p': program({ needs: ['liba.so.1', 'liba.so'] }),
      'usr/lib/liba.so.1': a,
      'usr/lib/liba.so': { link: 'liba.so.1' },
    },
  },
  'a circle of libraries': {
    files: {
      'usr/bin/p': program(),
      'usr/lib/liba.so.1': aNeedsB(),
      'usr/lib/libb.so.1': library('b', { needs: ['liba.so.1'] }),
    },
  },
  'a link that leads nowhere, then a file': {
    files: { 'usr/bin/p': program(), 'lib/liba.so.1': { link: 'gone' }, 'usr/lib/liba.so.1': a },
  },
  'a link to an absolute path': {
    files: { 'usr/bin/p': program(), 'usr/lib/liba.so.1': { link: '/opt/real' }, 'opt/real': a },
  },
  'text first, a library behind': { files: { 'usr/bin/p': program(), 'lib/liba.so.1': text, 'usr/lib/liba.so.1': a } },
  'a program in the place of a library': {
    files: { 'usr/bin/p': program(), 'usr/lib/liba.so.1': { kind: 'fixed-program' } },
  },
  'a program at a fixed address': {
    files: { 'usr/bin/p': program({ kind: 'fixed-program' }), 'usr/lib/liba.so.1': a },
  },
  'a version that is there': {
    files: {
      'usr/bin/p': program({ wants: { 'liba.so.1': ['V_1'] } }),
      'usr/lib/liba.so.1': library('a', { defines: ['V_1', 'V_2'] }),
    },
  },
  'a version that is not there': {
    files: {
      'usr/bin/p': program({ wants: { 'liba.so.1': ['V_1', 'V_3'] } }),
      'usr/lib/liba.so.1': library('a', { defines: ['V_1', 'V_2'] }),
    },
  },
  'libraries for newer processors': {
    files: {
      'usr/bin/p': program(),
      'usr/lib/glibc-hwcaps/x86-64-v2/liba.so.1': a,
      'usr/lib/glibc-hwcaps/x86-64-v3/liba.so.1': a,
      'usr/lib/liba.so.1': a,
    },
  },
  'libraries for newer processors in RUNPATH': {
    files: { 'usr/bin/p': program({ runpath: '/opt' }), 'opt/glibc-hwcaps/x86-64-v2/liba.so.1': a, 'opt/liba.so.1': a },
  },
  'versions of a library without any': {
    files: { 'usr/bin/p': program({ wants: { 'liba.so.1': ['V_1'] } }), 'usr/lib/liba.so.1': a },
  },
  'versions that a library asks for': {
    files: {
      'usr/bin/p': program(),
      'usr/lib/liba.so.1': library('a', { wants: { 'libb.so.1': ['W_2'] } }),
      'usr/lib/libb.so.1': library('b', { defines: ['W_1'] }),
    },
  },
  'the older of two libraries, found first': {
    files: {
      'usr/bin/p': program({ wants: { 'liba.so.1': ['V_2'] }, rpath: '/old' }),
      'old/liba.so.1': library('a', { defines: ['V_1'] }),
      'usr/lib/liba.so.1': library('a', { defines: ['V_1', 'V_2'] }),
    },
  },
};

describe.skipIf(cannotAsk || !hasCompiler)(
  `detours, against the real loader (else: ${CANNOT_ASK}, or there is no gcc)`,
  () => {
    let root: LoaderRoot;
    let levels: string[];
    beforeAll(() => {
      root = new LoaderRoot();
      for (const name of ['baselayout-1.0.0-r0', 'libc6-2.36-r0', 'busybox-static-1.35.0-r0']) {
        root.install(join(packages, `${name}.apk`));
      }
      root.remove('usr/lib/x86_64-linux-gnu/gconv');
      root.file(STATIC_SHELL, root.bytes('usr/bin/busybox'));
      root.directory('work');
      levels = processorLevels(root.path);
    });
    afterAll(() => root.close());

    it.each(Object.entries(DETOURS))('%s', (_name, { files, env = {}, cwd, cached, gone = [] }) => {
      for (const [path, what] of Object.entries(files)) {
        if ('link' in what) root.symlink(what.link, path);
        else root.file(path, 'bytes' in what ? what.bytes : compile(what));
      }
      root.remove('etc/ld.so.cache');
      if (cached !== undefined) {
        root.file('etc/ld.so.conf', Buffer.from(`${cached}\n`));
        applyLdSoCache(root.tree, 'x86_64');
        root.file('etc/ld.so.cache', root.bytes('etc/ld.so.cache'));
      }
      for (const path of gone) root.remove(path);
      const [asked = ''] = Object.keys(files);
      const known = collectFiles(root.tree);
      const question = {
        libraryPath: env['LD_LIBRARY_PATH'] ?? '',
        workingDirectory: cwd?.slice(1) ?? '',
        levels,
      };
      const ours = ourAnswer(root, known, worldOf(root, known, question), asked);
      const real = askLoader(root.path, `/${asked}`, { env, ...(cwd !== undefined && { cwd }) });
      for (const path of Object.keys(files)) root.remove(path);
      // Relative names come out relative, ours absolute.
      const absolute = (path: string) => (path.startsWith('/') ? path : `${cwd ?? ''}/${path.replace(/^\.\//, '')}`);
      expect(ours.fatal).toBe(real.fatal);
      expectSame(ours, { ...real, loaded: sorted(real.loaded.map(absolute)) });
    });
  },
);

/** What is truly wrong with golden images, for the reference builds them all; anything else would be a false alarm. */
const TRUE_ERRORS: Readonly<Record<string, readonly string[]>> = {
  // The new layer has a directory /lib, for /lib/apk, which hides the base image's link to /usr/lib, where the loader is.
  'base-image arm64': ['runs/interpreter-missing'],
  // A shell fragment without a shell.
  'redis amd64': ['runs/entrypoint-missing'],
  'redis arm64': ['runs/entrypoint-missing'],
  // The package s6 of the corpus is a script for /bin/false.
  'services amd64': ['runs/entrypoint-interpreter'],
  // No package has the program.
  'static amd64': ['runs/entrypoint-missing'],
  'static arm64': ['runs/entrypoint-missing'],
};

describe.skipIf(sharedDir === undefined)(`golden images (else: ${SHARED_ABSENT})`, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'stave-check-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  const cases = join(shared, 'golden/apko/cases');
  const isBuilt = (name: string) => !existsSync(join(shared, 'golden/apko/expected', name, 'error.txt'));
  const refusedByUs = ['bad-user', 'bad-arch'];
  const names =
    sharedDir === undefined
      ? []
      : readdirSync(cases)
          .filter((file) => file.endsWith('.yaml') && !file.startsWith('_'))
          .map((file) => file.slice(0, -'.yaml'.length))
          .filter((name) => isBuilt(name) && !refusedByUs.includes(name));

  it.each(names)('%s', async (name) => {
    const configPath = `golden/apko/cases/${name}.yaml`;
    const lockfile = /^# flags:.*--lockfile (\S+)/m.exec(readFileSync(join(shared, configPath), 'utf8'))?.[1];
    const request = {
      configPath,
      archs: [],
      keyringAppend: [],
      buildRepositoryAppend: [],
      repositoryAppend: [],
      packageAppend: [],
      includePaths: [],
      annotations: [],
      cacheDir: join(scratch, 'cache'),
      offline: true,
      ignoreSignatures: false,
      vcs: false,
      ...(lockfile !== undefined && { lockfile }),
    };
    const host = { cwd: shared, env: {}, hostArch: 'amd64', homeDir: scratch, events: noEvents };
    const report = await checkSubject(request, host);
    expect(report.images.length).toBeGreaterThan(0);
    for (const { arch, findings, looked } of report.images) {
      const errors = findings.filter(({ level }) => level === 'error');
      expect(
        errors.map(({ check }) => check),
        JSON.stringify(errors),
      ).toEqual(TRUE_ERRORS[`${name} ${arch}`] ?? []);
      expect(looked.files).toBeGreaterThan(10);
    }
  });
});
