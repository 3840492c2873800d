// Planning an image of many files: the tree, its layers' headers and pieces, without any I/O; and choosing many packages. The columns
// of µs for one must stay flat: nothing may be quadratic in files or packages.
// Run: npm run bench -- linear

import { ApkIndex } from '../src/formats/apk/index-lookup.ts';
import type { Package } from '../src/formats/apk/package.ts';
import { TAR_TYPE, type TarEntry } from '../src/formats/tar/entry.ts';
import { FileTree } from '../src/planning/rootfs/file-tree.ts';
import { installPackage } from '../src/planning/rootfs/install-package.ts';
import { planLayers } from '../src/planning/rootfs/layer-entries.ts';
import { layerPieces } from '../src/planning/rootfs/layer-pieces.ts';
import { resolveWanted, resolveWorld } from '../src/planning/solver/resolve.ts';

const SIZES: readonly (readonly [packages: number, files: number])[] = [
  [100, 10_000],
  [1_000, 100_000],
  [10_000, 100_000],
  [10_000, 300_000],
  [10_000, 1_000_000],
];

const HEADER = {
  uid: 0,
  gid: 0,
  uname: 'root',
  gname: 'root',
  mtime: 1,
  linkname: '',
  devmajor: 0,
  devminor: 0,
} as const;

function packageOf(index: number, files: number): Package {
  const name = `package-${index}`;
  const pax = { 'APK-TOOLS.checksum.SHA1': index.toString(16).padStart(40, '0') };
  const entries = Array.from({ length: files }, (_, i): TarEntry => {
    const path = i === 0 ? `usr/bin/${name}` : `usr/share/${name}/${i % 10}/file-${i}`;
    return {
      ...HEADER,
      name: path,
      type: TAR_TYPE.file,
      mode: 0o644,
      size: 2000,
      pax,
      offset: i * 3072 + 512,
      magic: 'ustar',
    };
  });
  const info = { name, version: '1', origin: name, replaces: [], installedSize: files * 2000, dataHash: name };
  return { info, controlSha1: '', sizeBytes: 0, members: {}, control: [], entries } as unknown as Package;
}

for (const [count, files] of SIZES) {
  globalThis.gc?.();
  const packages = Array.from({ length: count }, (_, i) => packageOf(i, files / count));
  const started = performance.now();
  const tree = new FileTree(() => new Uint8Array(0));
  packages.forEach((_, i) => {
    installPackage(tree, packages, i);
  });
  const installed = performance.now();
  const dataHashes = packages.map(({ info }) => info.dataHash);
  let pieces = 0;
  for (const entries of planLayers(tree, packages, [], undefined)) {
    for (const _piece of layerPieces({
      entries,
      names: { users: new Map(), groups: new Map() },
      dataHashes,
      way: '',
      kept: [],
    }))
      pieces++;
  }
  const ended = performance.now();
  const each = (ms: number) => `${((ms / files) * 1000).toFixed(1)} µs`;
  const row = [
    `${count} packages`,
    `${files} files`,
    `${pieces} pieces`,
    `tree ${each(installed - started)}`,
    `pieces ${each(ended - installed)}`,
  ];
  console.log(row.map((cell) => cell.padEnd(18)).join(''));
}

/** Ten packages of which each needs the next one, and its library. */
function indexOf(count: number): ApkIndex {
  const records = Array.from({ length: count }, (_, i) => {
    const depends = i % 10 === 9 ? '' : `package-${i + 1} so:lib${i + 1}.so.1`;
    const checksum = `Q1${Buffer.from(String(i).padStart(20, '0')).toString('base64')}`;
    return `C:${checksum}\nP:package-${i}\nV:1.${i}-r0\no:package-${i}\nD:${depends}\np:so:lib${i}.so.1=1\n\n`;
  });
  return new ApkIndex(Buffer.from(records.join('')), 'bench');
}

for (const count of [100, 1_000, 3_000, 10_000]) {
  globalThis.gc?.();
  const architecture = { arch: 'amd64', repositories: [{ url: './repo', tag: '', index: indexOf(count) }] };
  const wanted = Array.from({ length: count }, (_, i) => `package-${i}`);
  const started = performance.now();
  const chosen = resolveWanted({ wanted, architectures: [architecture], together: true });
  const ended = performance.now();
  if (!chosen.ok) throw new Error(chosen.explanation.sentence);
  const installed = resolveWorld(chosen.perArch[0]?.locked ?? [], architecture);
  if (!installed.ok || installed.packages.length !== count) throw new Error('not all packages were chosen');
  const each = (ms: number) => `${((ms / count) * 1000).toFixed(0)} µs`;
  const row = [`${count} packages`, `chosen ${each(ended - started)}`, `in order ${each(performance.now() - ended)}`];
  console.log(row.map((cell) => cell.padEnd(18)).join(''));
}
