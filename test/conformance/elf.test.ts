// Programs and libraries of the corpus: our reading of them against readelf, and /etc/ld.so.cache against the golden images.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ElfFile, readElf } from '../../src/formats/elf/read-elf.ts';
import { type ElfVersions, readElfVersions } from '../../src/formats/elf/read-elf-versions.ts';
import { readGzipMember } from '../../src/formats/gzip/members.ts';
import type { TarEntry } from '../../src/formats/tar/entry.ts';
import { readTar } from '../../src/formats/tar/read.ts';
import { FileTree } from '../../src/planning/rootfs/file-tree.ts';
import { applyLdSoCache } from '../../src/planning/rootfs/ld-so-cache.ts';
import { makeFile, makeSymlink } from '../../src/planning/rootfs/tree-node.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';

const shared = sharedDir ?? '';
const MAX_BYTES = 2 ** 30;

interface Data {
  readonly entries: readonly TarEntry[];
  readonly bytes: Uint8Array;
}

/** The last gzip member of a package of the corpus. */
function readData(arch: string, file: string): Data {
  const packed = readFileSync(join(shared, 'corpus/packages', arch, file));
  let bytes: Uint8Array = new Uint8Array(0);
  for (let at = 0; at < packed.length; ) {
    const member = readGzipMember(packed, at, MAX_BYTES);
    if (member === undefined) throw new Error(`${file} is not whole`);
    bytes = member.content;
    at = member.end;
  }
  return { entries: readTar(bytes), bytes };
}

function treeOf(packages: readonly Data[]): FileTree {
  const tree = new FileTree((index, offset, length) =>
    (packages[index] as Data).bytes.subarray(offset, offset + length),
  );
  packages.forEach(({ entries }, packageIndex) => {
    for (const entry of entries) {
      if (entry.type === '5') tree.mkdirAll(entry.name, 0o755);
      else if (entry.type === '2') tree.place(entry.name, makeSymlink(entry.linkname, {}));
      else
        tree.place(
          entry.name,
          makeFile({ kind: 'packaged', packageIndex, offset: entry.offset, size: entry.size }, {}),
        );
    }
  });
  return tree;
}

const GOLDEN = ['minimal', 'static', 'python', 'nginx', 'redis', 'everything', 'layering'].flatMap((name) =>
  ['x86_64', 'aarch64'].map((arch) => [name, arch] as const),
);

describe.skipIf(sharedDir === undefined)(`ld.so.cache of the golden images (else: ${SHARED_ABSENT})`, () => {
  it.each(GOLDEN)('%s %s', (name, arch) => {
    const folder = join(shared, 'golden/apko/expected', name);
    const listing = readFileSync(join(folder, `files.${arch}.txt`), 'utf8');
    const [, size, digest] = / (\d+) "etc\/ld\.so\.cache" "" 0:0 ([0-9a-f]{16})/.exec(listing) ?? [];
    const packages = readFileSync(join(folder, 'packages.txt'), 'utf8').trim().split('\n');
    const files = [...new Set(packages)].map((line) => `${line.replace('=', '-')}.apk`);
    const tree = treeOf(files.map((file) => readData(arch, file)));

    applyLdSoCache(tree, arch);

    const cache = tree.readBytes('etc/ld.so.cache') ?? new Uint8Array(0);
    expect(cache.length).toBe(Number(size));
    expect(createHash('sha256').update(cache).digest('hex').slice(0, 16)).toBe(digest);
  });
});

const PROGRAMS = [
  'bash-5.2.15-r0',
  'busybox-static-1.35.0-r0',
  'libc6-2.36-r0',
  'libssl3-3.0.22-r0',
  'libstdc++6-12.2.0-r0',
  'nginx-1.22.1-r0',
  'libldap-2.5-0-2.5.13-r0',
  'zlib1g-1.2.13-r0',
];
const READELF = '/usr/bin/readelf';
const skipped = sharedDir === undefined || !existsSync(READELF);

describe.skipIf(skipped)(`programs of the corpus, against readelf (else: ${SHARED_ABSENT}, or readelf is not)`, () => {
  const folder = skipped ? '' : mkdtempSync(join(tmpdir(), 'stave-elf-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(['x86_64', 'aarch64'].flatMap((arch) => PROGRAMS.map((name) => [arch, name] as const)))(
    '%s %s',
    (arch, name) => {
      const { entries, bytes } = readData(arch, `${name}.apk`);
      let compared = 0;
      for (const entry of entries.filter((e) => e.type === '0' && !e.name.includes('/gconv/'))) {
        const read = (offset: number, length: number) =>
          bytes.subarray(entry.offset + offset, entry.offset + Math.min(entry.size, offset + length));
        const elf = readElf(read);
        if (elf.kind !== 'elf') continue;
        const versions = readElfVersions(read, elf);
        if (versions.kind !== 'versions') throw new Error(`${entry.name}: ${versions.reason}`);
        const file = join(folder, 'file');
        writeFileSync(file, bytes.subarray(entry.offset, entry.offset + entry.size));
        expect([entry.name, ...describeElf(elf, versions)]).toEqual([entry.name, ...askReadelf(file)]);
        compared++;
      }
      expect(compared).toBeGreaterThan(0);
    },
  );
});

/** One line a fact, in one order for both. */
function describeElf(elf: ElfFile, versions: ElfVersions): string[] {
  const { needed = [], soname, rpath = [], runpath = [] } = elf.dynamic ?? {};
  return [
    `machine ${elf.machine === 62 ? 'X86-64' : elf.machine === 183 ? 'AArch64' : elf.machine}`,
    `interpreter ${elf.interpreter ?? ''}`,
    ...needed.map((name) => `NEEDED ${name}`),
    `SONAME ${soname ?? ''}`,
    `RPATH ${rpath.join(':')}`,
    `RUNPATH ${runpath.join(':')}`,
    ...versions.needs.flatMap(({ library, versions }) =>
      versions.map((version) => `needs ${library} ${version.name}${version.weak ? ' weak' : ''}`),
    ),
    ...versions.definitions.map((name) => `defines ${name}`),
  ];
}

function askReadelf(file: string): string[] {
  const output = execFileSync(READELF, ['-hldVW', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const all = (pattern: RegExp) => [...output.matchAll(pattern)].map((match) => match.slice(1));
  const dynamic = (tag: string) => all(new RegExp(`\\(${tag}\\) .*\\[(.*)\\]`, 'g')).map(([value]) => value ?? '');
  let library = '';
  const needs = all(/(?:Version: \d+ {2}File: (\S+)|Name: (\S+) {2}Flags: (.*?) {2}Version:)/g).flatMap(
    ([of, name, flags]) => {
      library = of ?? library;
      return name === undefined ? [] : [`needs ${library} ${name}${/WEAK/.test(flags ?? '') ? ' weak' : ''}`];
    },
  );
  const definitions = all(/Rev: \d+ {2}Flags: (.*?) *Index: .* Name: (\S+)/g).filter(
    ([flags]) => !/BASE/.test(flags ?? ''),
  );
  return [
    `machine ${all(/Machine: .* (\S+)$/gm)[0]?.[0] ?? ''}`,
    `interpreter ${all(/Requesting program interpreter: (.*)\]/g)[0]?.[0] ?? ''}`,
    ...dynamic('NEEDED').map((name) => `NEEDED ${name}`),
    `SONAME ${dynamic('SONAME')[0] ?? ''}`,
    `RPATH ${dynamic('RPATH')[0] ?? ''}`,
    `RUNPATH ${dynamic('RUNPATH')[0] ?? ''}`,
    ...needs,
    ...definitions.map(([, name]) => `defines ${name}`),
  ];
}
