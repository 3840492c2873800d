// The solver against the reference's and apk-tools' answers on real and edge-case indexes (../shared).

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { compareApkToolsVersions, isApkToolsVersion } from '../../src/formats/apk/apk-tools-version.ts';
import { ApkIndex } from '../../src/formats/apk/index-lookup.ts';
import { compareVersions, parseVersion } from '../../src/formats/apk/version.ts';
import type { ArchitectureIndexes, ResolvedPackage } from '../../src/planning/solver/architecture-indexes.ts';
import { printExplanation } from '../../src/planning/solver/explanation.ts';
import { resolveWanted, resolveWorld } from '../../src/planning/solver/resolve.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';
import { findFaults } from '../support/small-indexes.ts';

const shared = sharedDir ?? '';
const absent = sharedDir === undefined ? ` (skipped: ${SHARED_ABSENT})` : '';

/** The APKINDEX text of a signed index: both gzip members read as one tar stream. */
function readIndexText(path: string): Uint8Array {
  const tar = gunzipSync(readFileSync(path));
  for (let at = 0; at + 512 <= tar.length; ) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*/s, '');
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8) || 0;
    if (name === 'APKINDEX') return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`no APKINDEX in ${path}`);
}

const OCI_ARCH: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };
const loaded = new Map<string, ApkIndex | undefined>();

function indexAt(folder: string, arch: string): ApkIndex | undefined {
  const path = `${shared}/${folder}/${arch}/APKINDEX.tar.gz`;
  if (!loaded.has(path)) loaded.set(path, existsSync(path) ? new ApkIndex(readIndexText(path), path) : undefined);
  return loaded.get(path);
}

function indexesFor(repositories: readonly string[], arch: string): ArchitectureIndexes {
  const found = [...new Set(repositories)].sort().flatMap((line) => {
    const [, tag = '', url = ''] = /^(?:@(\S+) )?(.*)$/.exec(line) ?? [];
    const index = indexAt(url, arch);
    return index === undefined ? [] : [{ url, tag, index }];
  });
  return { arch: OCI_ARCH[arch] ?? arch, repositories: found };
}

function pins(packages: readonly ResolvedPackage[]): string[] {
  return packages.map(({ record }) => `${record.name}=${record.version}`);
}

describe.skipIf(sharedDir === undefined)(`apk-tools' table of versions${absent}`, () => {
  const lines =
    sharedDir === undefined ? [] : readFileSync(`${shared}/golden/apk-tools/version.data`, 'utf8').split('\n');
  const words = lines.map((line) => line.replace(/#.*/, '').trim().split(/\s+/));
  const comparisons = words.filter((w) => w.length === 3) as [string, string, string][];
  const single = lines.map((line) => line.trim()).filter((line) => /^\S+$/.test(line));

  it('holds for every comparison', () => {
    expect(comparisons.length).toBeGreaterThan(700);
    const wrong = comparisons.filter(([a, operator, b]) => {
      const difference = compareApkToolsVersions(a, b, operator.includes('~'));
      const holds =
        (difference < 0 && operator.includes('<')) ||
        (difference > 0 && operator.includes('>')) ||
        (difference === 0 && /[=~]/.test(operator));
      return holds === operator.startsWith('!');
    });
    expect(wrong).toEqual([]);
  });

  it('holds for every valid and invalid version', () => {
    expect(single.length).toBeGreaterThan(25);
    expect(single.filter((line) => isApkToolsVersion(line.replace(/^!/, '')) === line.startsWith('!'))).toEqual([]);
  });

  it('agrees with the reference order, leading zeros aside', () => {
    const differing = comparisons.filter(([a, operator, b]) => {
      const [x, y] = [parseVersion(a), parseVersion(b)];
      if (x === undefined || y === undefined || !'<=>'.includes(operator)) return false;
      return Math.sign(compareVersions(x, y)) !== { '<': -1, '=': 0, '>': 1 }[operator];
    });
    expect(differing).toEqual([
      ['4.5.14', '>', '4.09-r1'],
      ['8.2.0015', '<', '8.2.002'],
    ]);
  });
});

interface SolverCase {
  readonly index: string;
  readonly packages: readonly string[];
  readonly installs?: readonly string[];
  readonly order?: 'varies';
  readonly error?: string;
  readonly apk_tools?: readonly string[];
  readonly apk_tools_error?: string;
}

describe.skipIf(sharedDir === undefined)(`wishes on Alpine's indexes${absent}`, () => {
  const path = `${shared}/golden/solver/alpine.json`;
  const cases: SolverCase[] = sharedDir === undefined ? [] : JSON.parse(readFileSync(path, 'utf8'));
  const solve = ({ index, packages }: SolverCase) => {
    const arch = index.endsWith('3.16') ? 'x86_64' : 'aarch64';
    const architectures = [indexesFor([`corpus/indexes/${index}`], arch)];
    return { ...resolveWanted({ wanted: packages, architectures, together: true }), indexes: architectures[0]! };
  };
  const numbered = cases.map((one, at) => ({ ...one, at, title: one.packages.join(' ').slice(0, 80) }));

  it.each(numbered.filter((one) => one.installs !== undefined))('same installs: $at $title', (one) => {
    const result = solve(one);
    expect(result.ok ? '' : printExplanation(result.explanation)).toBe('');
    const ours = result.ok ? pins(result.perArch[0]!.packages) : [];
    const theirs = [...(one.installs ?? [])];
    expect(one.order === 'varies' ? ours.sort() : ours).toEqual(one.order === 'varies' ? theirs.sort() : theirs);
  });

  it.each(numbered.filter((one) => one.error && one.apk_tools))('better than the reference: $at $title', (one) => {
    const result = solve(one);
    expect(result.ok ? '' : printExplanation(result.explanation)).toBe('');
    const packages = result.ok ? result.perArch[0]!.packages : [];
    expect(
      findFaults(
        packages.map(({ record }) => record),
        one.packages,
      ),
    ).toEqual([]);
    const again = resolveWorld(result.ok ? result.perArch[0]!.locked : [], result.indexes);
    expect(again.ok ? pins(again.packages) : []).toEqual(expect.arrayContaining(pins(packages)));
  });

  const refused = numbered.filter((one) => one.error && one.apk_tools_error);
  it.each(refused.filter((one) => !one.apk_tools_error?.includes('(virtual)')))('refused by all: $at $title', (one) => {
    const result = solve(one);
    expect(result.ok).toBe(false);
    const wishes = result.ok ? [] : result.explanation.wishes;
    expect(wishes.length).toBeGreaterThan(0);
    for (const wish of wishes) {
      expect(solve({ ...one, packages: wishes.filter((other) => other !== wish) }).ok).toBe(true);
    }
    expect(result.ok ? '' : result.explanation.sentence).toContain(wishes[0]);
  });

  it.each(refused.filter((one) => one.apk_tools_error?.includes('(virtual)')))(
    'refused or valid: $at $title',
    (one) => {
      const result = solve(one);
      const records = result.ok ? result.perArch[0]!.packages.map(({ record }) => record) : [];
      expect(result.ok ? findFaults(records, one.packages) : []).toEqual([]);
    },
  );
});

interface ImageCase {
  readonly contents: { repositories?: string[]; build_repositories?: string[]; packages?: string[] };
  readonly archs: string[];
}

describe.skipIf(sharedDir === undefined)(`the golden images' packages${absent}`, () => {
  const folder = `${shared}/golden/apko`;
  const names = sharedDir === undefined ? [] : readdirSync(`${folder}/expected`).sort();
  const load = (name: string) => {
    const text = readFileSync(`${folder}/cases/${name}.yaml`, 'utf8');
    return { text, config: parse(text) as ImageCase };
  };
  const resolve = ({ contents, archs }: ImageCase, extra: readonly string[]) => {
    const repositories = [...(contents.build_repositories ?? []), ...(contents.repositories ?? [])];
    const architectures = archs.map((arch) => indexesFor(repositories, arch));
    const wanted = [...(contents.packages ?? []), ...extra];
    return { architectures, pass1: resolveWanted({ wanted, architectures, together: true }) };
  };

  // Locked cases do not resolve; included files are read by another room.
  const built = names.filter((name) => {
    const { text } = load(name);
    return existsSync(`${folder}/expected/${name}/packages.txt`) && !/lockfile|^include:|baseimage/m.test(text);
  });
  it.each(built)('%s', (name) => {
    const { text, config } = load(name);
    const extra = /service-bundle/.test(text) ? ['s6'] : [];
    const { architectures, pass1 } = resolve(config, extra);
    expect(pass1.ok ? '' : printExplanation(pass1.explanation)).toBe('');
    const perArch = pass1.ok ? pass1.perArch : [];
    const lists = perArch.map(({ packages }) => pins(packages));
    const expected = readFileSync(`${folder}/expected/${name}/packages.txt`, 'utf8').trim().split('\n');
    // The order of the architectures varies between runs of the reference.
    const forward = lists.flat();
    const backward = [...lists].reverse().flat();
    expect(JSON.stringify(backward) === JSON.stringify(expected) ? backward : forward).toEqual(expected);
    perArch.forEach(({ locked }, at) => {
      const pass2 = resolveWorld([...locked, ...extra], architectures[at]!);
      expect(pass2.ok ? pins(pass2.packages).sort() : []).toEqual([...(lists[at] ?? [])].sort());
    });
  });

  it.each([
    ['edge-broken', 'so:libdoesnotexist.so.1'],
    ['edge-unsatisfiable', 'edge-versions>9'],
    ['edge-arch-missing', 'does not exist for arm64'],
    ['bad-missing', 'no-such-package'],
    ['bad-arch', 'sparc'],
    ['tagged-untagged', '@edge'],
  ])('%s is refused, naming %s', (name, part) => {
    const { pass1 } = resolve(load(name).config, []);
    expect(pass1.ok ? '' : printExplanation(pass1.explanation)).toContain(part);
  });

  it('edge-backtrack is solved with the older package', () => {
    const { pass1 } = resolve(load('edge-backtrack').config, []);
    const packages = pass1.ok ? pass1.perArch[0]!.packages : [];
    expect(pins(packages)).toEqual([
      'baselayout=1.0.0-r0',
      'edge-bottom=1.0-r0',
      'edge-picky=1.0.0-r0',
      'edge-backtrack=1.0.0-r0',
    ]);
  });
});
