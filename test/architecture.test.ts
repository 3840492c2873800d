// Holds the house to its plan (ARCHITECTURE.md): import direction, no cycles, no default exports, pure floors, a lazy CLI.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const project = fileURLToPath(new URL('..', import.meta.url));

/** Bottom to top. A file imports from its own folder and from lower floors, or sideways where listed below. */
const FLOORS = ['base', 'formats', 'planning', 'effects', 'operations', 'cli', 'action'];
const PURE = ['base', 'formats', 'planning'];

/** Rooms on one floor that may use another room of it, each with its reason. */
const SIDEWAYS: Readonly<Record<string, string>> = {
  'formats/apk -> formats/tar': 'apk packages and indexes are tar archives',
  'formats/apk -> formats/gzip': 'in gzip members',
  'planning/config -> planning/hardening': 'the key `hardening` names its profiles and checks',
  'formats/attestation -> formats/oci': 'signatures and attestations are about OCI images and lie beside them',
  'formats/attestation -> formats/pem': 'certificates stand in annotations as PEM',
  'planning/rootfs -> planning/config': 'the tree is built from the configuration',
  'planning/hardening -> planning/config': 'the policy is part of the configuration',
  'planning/files -> planning/config': 'they are told from a configuration',
  'planning/lock -> planning/files': "the user's files are locked, too",
  'planning/files -> planning/rootfs': "the user's files are installed like a package",
  'planning/hardening -> planning/rootfs': 'what is checked is the finished tree',
  'effects/files -> effects/http': "downloads are among the user's files",
  'effects/files -> effects/store': 'and kept in the store',
  'effects/files -> effects/image': 'paths are copied out of other images',
  'effects/files -> effects/vcs': 'their version may be that of the git repository',
  'effects/registry -> effects/http': 'registries are spoken to over HTTP',
  'effects/registry -> effects/output': 'the registry on a folder keeps blobs as layouts do',
  'effects/engine -> effects/output': 'an engine loads the archive that we write',
  'effects/repository -> effects/output': 'a mirror is written like any output',
  'effects/output -> effects/store': 'threads open the store of pieces by themselves',
  'effects/signing -> effects/http': 'identity tokens may be a request away',
  'effects/repository -> effects/http': 'repositories are fetched over HTTP',
  'effects/repository -> effects/store': 'and kept in the store',
};

const IMPURE_MODULES =
  /^node:(fs|net|child_process|http|https|dns|tls|os|dgram|worker_threads|cluster|process|timers|readline)/;
const IMPURE_EXPRESSIONS =
  /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.|\bperformance\.now\(|\brandomBytes\b|\brandomUUID\b|\blocaleCompare\b|\btoLocale/;

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly { readonly specifier: string; readonly dynamic: boolean; readonly typeOnly: boolean }[];
}

/** In the house: `cli/main.ts` lies in src/, `action/main.ts` in action/src/. */
const houseName = (path: string) =>
  path
    .replaceAll('\\', '/')
    .replace(/^src\//, '')
    .replace(/^action\/src\//, 'action/');
const diskPath = (name: string) =>
  join(project, name.startsWith('action/') ? name.replace('action/', 'action/src/') : `src/${name}`);

const files: SourceFile[] = ['src', 'action/src']
  .flatMap((folder) =>
    readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  )
  .map(houseName)
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.endsWith('.d.ts'))
  .map((path) => {
    const text = readFileSync(diskPath(path), 'utf8');
    const code = text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
    const imports = [
      ...code.matchAll(
        /\b(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
      ),
    ].map((m) => ({
      specifier: m[2] ?? m[3] ?? '',
      dynamic: m[3] !== undefined,
      typeOnly: m[1] !== undefined,
    }));
    return { path, text: code, imports };
  });

const room = (path: string) => path.split('/').slice(0, 2).join('/');
const floor = (path: string) => path.split('/')[0] ?? '';
const target = (file: SourceFile, specifier: string) =>
  houseName(relative(project, join(dirname(diskPath(file.path)), specifier)));
const isOurs = (specifier: string) => specifier.startsWith('.');

describe('the house', () => {
  it('has files on every floor', () => {
    expect(new Set(files.map((f) => floor(f.path)).filter((f) => f !== 'index.ts'))).toEqual(new Set(FLOORS));
  });

  it('imports downwards only, and sideways only where listed', () => {
    const wrong: string[] = [];
    const used = new Set<string>();
    for (const file of files.filter((f) => f.path.includes('/'))) {
      for (const { specifier } of file.imports.filter((i) => isOurs(i.specifier))) {
        const to = target(file, specifier);
        const [from, towards] = [FLOORS.indexOf(floor(file.path)), FLOORS.indexOf(floor(to))];
        if (towards > from || towards < 0) wrong.push(`${file.path} imports upwards: ${to}`);
        const pair = `${room(file.path)} -> ${room(to)}`;
        const sameRoom = room(file.path) === room(to) || ['base', 'operations', 'cli', 'action'].includes(floor(to));
        if (towards === from && !sameRoom) {
          if (SIDEWAYS[pair] === undefined) wrong.push(`${file.path} imports sideways: ${to}`);
          used.add(pair);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(
      Object.keys(SIDEWAYS).filter((pair) => !used.has(pair)),
      'listed but not needed',
    ).toEqual([]);
  });

  it('has no import cycles', () => {
    const edges = new Map(
      files.map((f) => [
        f.path,
        f.imports.filter((i) => isOurs(i.specifier) && !i.dynamic).map((i) => target(f, i.specifier)),
      ]),
    );
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]) => {
      if (state.get(path) === 'done') return;
      if (state.get(path) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
        return;
      }
      state.set(path, 'open');
      for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
      state.set(path, 'done');
    };
    for (const path of edges.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it('keeps base, formats and planning pure', () => {
    const wrong = files
      .filter((f) => PURE.includes(floor(f.path)))
      .flatMap((f) => [
        ...f.imports.filter((i) => IMPURE_MODULES.test(i.specifier)).map((i) => `${f.path} imports ${i.specifier}`),
        ...(IMPURE_EXPRESSIONS.exec(f.text) ?? []).map((found) => `${f.path} uses ${found}`),
      ]);
    expect(wrong).toEqual([]);
  });

  it('has no default exports', () => {
    expect(files.filter((f) => /^export default\b/m.test(f.text)).map((f) => f.path)).toEqual([]);
  });

  it('names no file utils, helpers, common, manager, service or types', () => {
    expect(
      files
        .map((f) => f.path)
        .filter((p) =>
          /(^|\/)(utils?|helpers?|common|manager|service|types)\.ts$|-(utils?|helpers|common|types)\.ts$/.test(p),
        ),
    ).toEqual([]);
    expect(files.map((f) => f.path).filter((p) => /\/index\.ts$/.test(p))).toEqual([]);
  });

  it('begins every file by saying what it is', () => {
    const silent = files.filter((f) => !/^(#!.*\n)?\s*\/[/*]/.test(readFileSync(diskPath(f.path), 'utf8')));
    expect(silent.map((f) => f.path)).toEqual([]);
  });

  it('loads commands lazily: the entry reaches operations, planning and formats only by dynamic import', () => {
    const byPath = new Map(files.map((f) => [f.path, f]));
    const seen = new Set<string>();
    const visit = (path: string) => {
      const file = byPath.get(path);
      if (file === undefined || seen.has(path)) return;
      seen.add(path);
      for (const i of file.imports)
        if (isOurs(i.specifier) && !i.dynamic && !i.typeOnly) visit(target(file, i.specifier));
    };
    visit('cli/start.ts');
    visit('cli/main.ts');
    expect([...seen].filter((p) => !['base', 'cli'].includes(floor(p)))).toEqual([]);
    expect([...seen].filter((p) => p.startsWith('cli/commands/'))).toEqual([]);
  });
});
