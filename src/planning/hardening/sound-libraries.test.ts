// What is said the short way is what a proof says.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileTree } from '../rootfs/file-tree.ts';
import type { FileNode } from '../rootfs/tree-node.ts';
import type { ElfFacts } from './file-facts.ts';
import { openSearchWorld } from './library-search.ts';
import { type ProvedFile, proveLinks } from './link-proof.ts';
import { loaderOf } from './loader.ts';
import { SoundLibraries } from './sound-libraries.ts';

const NAMES = ['liba.so', 'libb.so', 'libc.so', 'libx.so'];
const elf = (more: Partial<ElfFacts>): ElfFacts => ({
  ...{ bits: 64, littleEndian: true, type: 3, machine: 62, flags: 0, isDynamic: true },
  ...{ needed: [], rpath: [], runpath: [], wants: [] },
  ...more,
});

const rarely = <T>(usual: T, rare: T) => fc.nat(7).map((n) => (n === 0 ? rare : usual));

function anyElf(own: string, loaderName: string): fc.Arbitrary<ElfFacts> {
  const anyName = fc.constantFrom(...NAMES, loaderName);
  return fc
    .record({
      needed: fc.uniqueArray(anyName, { maxLength: 3 }),
      soname: fc.oneof(fc.constant(own), fc.constant(undefined), anyName),
      rpath: rarely<string[]>([], ['/opt']),
      runpath: rarely<string[]>([], ['/opt']),
      offers: fc.constantFrom(undefined, ['V1', 'V2'], ['V1']),
      wanted: rarely<string[]>([], ['V1', 'V2']),
      other: rarely(undefined, 'liba.so'),
      machine: rarely(62, 183),
    })
    .map(({ soname, offers, wanted, other, needed, ...facts }) => {
      const libraries = wanted.length === 0 ? [] : [...needed.slice(0, 1), ...(other === undefined ? [] : [other])];
      const wants = libraries.map((library) => ({ library, versions: wanted }));
      return elf({ ...facts, needed, wants, ...(soname && { soname }), ...(offers && { offers }) });
    });
}

describe.each(['/lib64/ld-linux-x86-64.so.2', '/lib/ld-musl-x86_64.so.1'])('with %s', (loaderPath) => {
  const loaderName = loaderPath.slice(loaderPath.lastIndexOf('/') + 1);
  const library = (name: string) => fc.option(anyElf(name, loaderName), { nil: undefined });
  /** The last two lie where nobody looks without a search path. */
  const libraries = fc.tuple(...[...NAMES, ...NAMES.slice(0, 2)].map(library));

  const worldOf = (all: readonly (ElfFacts | undefined)[], main: ElfFacts, libraryPath: string) => {
    const tree = new FileTree(() => new Uint8Array(0));
    const facts = new Map<FileNode, ElfFacts>();
    const add = (path: string, one: ElfFacts): ProvedFile => {
      tree.mkdirAll(path.slice(0, path.lastIndexOf('/')), 0o755);
      const node = tree.writeFile(path, 'x', 0o755);
      facts.set(node, one);
      return { node, path, elf: one };
    };
    for (const [i, one] of all.entries()) if (one !== undefined) add(`${i < 4 ? 'lib' : 'opt'}/${NAMES[i % 4]}`, one);
    const loader = add(loaderPath.slice(1), elf({ soname: loaderName, offers: ['V1'] }));
    const world = openSearchWorld({
      ...{ tree, libraryPath, workingDirectory: '', levels: [] },
      loader: loaderOf(loaderPath, loader.elf)!,
      elfOf: (node) => facts.get(node),
    });
    const files = [...facts].map(([node, one]) => ({ node, elf: one, path: 'lib/x' }));
    return { loader, world, files: [add('bin/main', main), ...files] };
  };

  it('nothing is sound that a proof finds fault with, and what is loaded agrees', () => {
    fc.assert(
      fc.property(libraries, anyElf('main', loaderName), rarely('', '/opt'), (all, main, libraryPath) => {
        const { loader, world, files } = worldOf(all, main, libraryPath);
        const sound = new SoundLibraries(loader, world);
        for (const file of files) {
          const groups = sound.loadedBy(file);
          if (groups === undefined) continue;
          const { problems, loaded } = proveLinks(file, loader, world);
          expect(problems).toEqual([]);
          const nodes = new Set([file.node, ...groups.flatMap((group) => [...group])]);
          expect(nodes).toEqual(new Set(loaded.map(({ node }) => node)));
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('what is usual is sound', () => {
    const libc = elf({ soname: 'libc.so', needed: [loaderName], offers: ['V1'] });
    const wants = [{ library: 'libc.so', versions: ['V1'] }];
    const liba = elf({ soname: 'liba.so', needed: ['libc.so'], wants });
    const main = elf({ needed: ['liba.so', 'libc.so'], wants });
    const { loader, world, files } = worldOf([liba, undefined, libc], main, '');
    const groups = new SoundLibraries(loader, world).loadedBy(files[0] as ProvedFile);
    expect(groups?.map(({ size }) => size)).toEqual(loaderName.includes('musl') ? [1, 0] : [2, 1]);
  });
});
