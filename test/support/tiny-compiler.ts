// Compiles libraries and programs without a C library, for tests of the dynamic loader: what matters is what they ask for.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const COMPILER = '/usr/bin/gcc';

export const hasCompiler = existsSync(COMPILER);

export interface CompiledFile {
  readonly kind?: 'library' | 'program' | 'fixed-program';
  readonly soname?: string;
  /** Sonames of libraries that it needs. */
  readonly needs?: readonly string[];
  /** DT_RPATH and DT_RUNPATH cannot both be made by one linker call; `rpath` wins. */
  readonly rpath?: string;
  readonly runpath?: string;
  /** Symbol versions that it defines. */
  readonly defines?: readonly string[];
  /** Symbol versions wanted: soname -> versions. */
  readonly wants?: Readonly<Record<string, readonly string[]>>;
  readonly interpreter?: string;
}

export function compile(file: CompiledFile): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'stave-cc-'));
  try {
    const libraries = [...new Set([...(file.needs ?? []), ...Object.keys(file.wants ?? {})])];
    const stubs = libraries.map((soname, i) => makeStub(folder, soname, file.wants?.[soname] ?? [], i));
    const calls = libraries.flatMap((soname, i) =>
      (file.wants?.[soname] ?? ['']).map((_version, j) => `int f_${i}_${j}(void);`),
    );
    const uses = libraries.flatMap((soname, i) => (file.wants?.[soname] ?? ['']).map((_v, j) => `f_${i}_${j}();`));
    const own = (file.defines ?? []).map((version, i) => `int own_${i}(void){return ${i};} /* ${version} */`);
    const isLibrary = (file.kind ?? 'library') === 'library';
    const source = `${calls.join('\n')}\n${own.join('\n')}\nvoid ${isLibrary ? 'used' : '_start'}(void){${uses.join('')}}\n`;
    writeFileSync(join(folder, 'file.c'), source);
    run(folder, [
      ...(isLibrary ? ['-shared', '-fPIC'] : file.kind === 'fixed-program' ? ['-no-pie'] : ['-pie', '-fPIE']),
      ...(isLibrary ? [] : [`-Wl,-dynamic-linker,${file.interpreter ?? '/lib64/ld-linux-x86-64.so.2'}`]),
      ...(file.soname === undefined ? [] : [`-Wl,-soname,${file.soname}`]),
      ...versionScript(folder, file.defines ?? []),
      ...(file.rpath === undefined ? [] : ['-Wl,--disable-new-dtags', `-Wl,-rpath,${file.rpath}`]),
      ...(file.runpath === undefined ? [] : ['-Wl,--enable-new-dtags', `-Wl,-rpath,${file.runpath}`]),
      ...['-o', 'out', 'file.c', '-Wl,--no-as-needed', ...stubs],
    ]);
    return readFileSync(join(folder, 'out'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A library to link with: right soname, right versions. */
function makeStub(folder: string, soname: string, versions: readonly string[], index: number): string {
  const names = versions.length === 0 ? [''] : versions;
  writeFileSync(join(folder, 'stub.c'), names.map((_v, j) => `int f_${index}_${j}(void){return 0;}`).join('\n'));
  const blocks = versions.map((version, j) => `${version} { global: f_${index}_${j}; };`);
  writeFileSync(join(folder, 'stub.map'), `${blocks.join('\n')}\n`);
  const script = versions.length === 0 ? [] : ['-Wl,--version-script=stub.map'];
  run(folder, ['-shared', '-fPIC', `-Wl,-soname,${soname}`, ...script, '-o', `stub${index}.so`, 'stub.c']);
  return `./stub${index}.so`;
}

function versionScript(folder: string, versions: readonly string[]): string[] {
  if (versions.length === 0) return [];
  writeFileSync(join(folder, 'file.map'), versions.map((version, i) => `${version} { global: own_${i}; };`).join('\n'));
  return ['-Wl,--version-script=file.map'];
}

function run(folder: string, args: readonly string[]): void {
  const result = spawnSync(COMPILER, ['-nostdlib', '-O0', '-w', ...args], { cwd: folder, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`gcc ${args.join(' ')}: ${result.stderr}`);
}
