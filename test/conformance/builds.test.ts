// The bar: every image config of golden/apko gives what the reference gave (golden/apko/README.md), or is refused as there.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { noEvents } from '../../src/base/events.ts';
import { buildImage } from '../../src/operations/build-image/build.ts';
import type { Host } from '../../src/operations/host.ts';
import type { ImageRequest } from '../../src/operations/image/request.ts';
import { resolveLock } from '../../src/operations/lock.ts';
import { listPackages } from '../../src/operations/show-packages.ts';
import type { ContractReport } from '../../src/planning/hardening/contract-report.ts';
import type { HardeningProfile } from '../../src/planning/hardening/policy.ts';
import { firstDifference, listLayer } from '../support/layer-listing.ts';
import { missingFromSbom } from '../support/sbom-contains.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stave-golden-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const shared = sharedDir ?? '';
const golden = join(shared, 'golden/apko');
const names =
  sharedDir === undefined
    ? []
    : readdirSync(join(golden, 'cases'))
        .filter((file) => file.endsWith('.yaml') && !file.startsWith('_'))
        .map((file) => file.slice(0, -'.yaml'.length));

/** Where the reference is wrong or weak, and we do better on purpose (golden/apko/README.md). */
const BUILT_ANYWAY = ['edge-backtrack', 'edge-devices', 'edge-nodirs'];
const REFUSED_ANYWAY = ['bad-user', 'bad-arch'];

/** Built by the reference although it cannot start: refused by default, built with --hardening=off. The checks that refuse. */
const BROKEN: Readonly<Record<string, readonly string[]>> = {
  // The new layer's directory /lib hides the base image's link to /usr/lib, where the loader is.
  'base-image': ['runs/interpreter-missing'],
  // A shell fragment without a shell.
  redis: ['runs/entrypoint-missing'],
  // The supervisor of the corpus is a script for /bin/false.
  services: ['runs/entrypoint-interpreter'],
  // No package has the program.
  static: ['runs/entrypoint-missing'],
};

const host: Host = { cwd: shared, env: {}, hostArch: 'x86_64', homeDir: scratch, events: noEvents };

/** The request that the reference was given: its flags stand in the case's `# flags:` line. */
function request(name: string): ImageRequest {
  const text = readFileSync(join(golden, 'cases', `${name}.yaml`), 'utf8');
  const words = (/^# flags: (.*)$/m.exec(text)?.[1] ?? '').split(' ');
  const flag = (word: string) => (words.includes(word) ? words[words.indexOf(word) + 1] : undefined);
  const [buildDate, lockfile] = [flag('--build-date'), flag('--lockfile')];
  return {
    configPath: `golden/apko/cases/${name}.yaml`,
    archs: [],
    keyringAppend: [],
    buildRepositoryAppend: [],
    repositoryAppend: [],
    packageAppend: [],
    includePaths: [],
    annotations: (flag('--annotations') ?? '').split(',').filter((annotation) => annotation !== ''),
    ...(buildDate !== undefined && { buildDate }),
    ...(lockfile !== undefined && { lockfile }),
    cacheDir: join(scratch, 'cache'),
    offline: true,
    ignoreSignatures: false,
    vcs: false,
  };
}

const expectedPath = (name: string, file: string) => join(golden, 'expected', name, file);
const expectedText = (name: string, file: string) => readFileSync(expectedPath(name, file), 'utf8');
const expectedJson = (name: string, file: string) => JSON.parse(expectedText(name, file));

async function build(name: string, flags: { readonly hardening?: HardeningProfile } = {}) {
  const output = mkdtempSync(join(scratch, `${name}-`));
  const outputs = { tag: 'golden:case', output, sbom: true, sbomPath: output, sbomFormats: ['spdx'] };
  const report = await buildImage({ ...request(name), ...outputs, ...flags }, host);
  const blob = (digest: string) => readFileSync(join(output, 'blobs', ...digest.split(':')));
  const indexBytes = readFileSync(join(output, 'index.json'));
  return { output, report, blob, index: JSON.parse(indexBytes.toString()), indexDigest: sha256(indexBytes) };
}

/** Who made an image is the one thing in a config that is ours. */
function anonymous({ author: _ours, ...config }: { author?: string; history?: object[] }) {
  return {
    ...config,
    history: config.history?.map((entry) => ({ ...entry, author: '', created_by: '', comment: '' })),
  };
}

const APK_ARCH: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };
const apkArch = (descriptor: { platform: { architecture: string } }) =>
  APK_ARCH[descriptor.platform.architecture] ?? '';

describe.skipIf(sharedDir === undefined)(`golden builds${sharedDir === undefined ? ` (${SHARED_ABSENT})` : ''}`, () => {
  const isRefused = (name: string) => existsSync(expectedPath(name, 'error.txt')) || REFUSED_ANYWAY.includes(name);
  const refused = names.filter((name) => isRefused(name) && !BUILT_ANYWAY.includes(name));
  const built = names.filter((name) => !isRefused(name) && !BUILT_ANYWAY.includes(name));

  it('are all there', () => {
    expect(names.length).toBe(68);
  });

  it.each(built)('%s', async (name) => {
    const { output, blob, index, indexDigest } = await build(name, BROKEN[name] && { hardening: 'off' });
    const ours: Record<string, string> = { '<index>': indexDigest };
    for (const descriptor of index.manifests) {
      const arch = apkArch(descriptor);
      const manifest = JSON.parse(blob(descriptor.digest).toString());
      const config = JSON.parse(blob(manifest.config.digest).toString());
      ours[`<manifest ${arch}>`] = descriptor.digest;
      ours[`<config ${arch}>`] = manifest.config.digest;
      for (const [i, layer] of manifest.layers.entries()) ours[`<layer ${arch} ${i}>`] = layer.digest;

      const [, ...listings] = expectedText(name, `files.${arch}.txt`).split(/^# layer /m);
      const diffIds = listings.map((listing) => /diff_id (\S+)/.exec(listing)?.[1] ?? '');
      for (const [i, listing] of listings.entries()) {
        if (config.rootfs.diff_ids[i] === diffIds[i]) continue;
        const tar = gunzipSync(blob(manifest.layers[i].digest));
        const difference = firstDifference(listing.trimEnd().split('\n').slice(1), listLayer(tar));
        expect.fail(
          `${arch} layer ${i} differs:\n${difference.join('\n') || 'in bytes that the listing does not show'}`,
        );
      }
      expect(config.rootfs.diff_ids).toEqual(diffIds);
      expect(anonymous(config)).toEqual(anonymous(expectedJson(name, `config.${arch}.json`)));
      const goldenManifest = expectedJson(name, `manifest.${arch}.json`);
      const blanked = (own: object, theirs: { digest: string }) => ({ ...own, size: 0, digest: theirs.digest });
      expect({
        ...manifest,
        config: blanked(manifest.config, goldenManifest.config),
        layers: manifest.layers.map((layer: object, i: number) => blanked(layer, goldenManifest.layers[i])),
      }).toEqual(goldenManifest);
    }
    const { manifests, ...meta } = index;
    expect(meta).toEqual(expectedJson(name, 'index-meta.json'));
    const archs = readdirSync(join(golden, 'expected', name)).flatMap((f) => /^files\.(.*)\.txt$/.exec(f)?.[1] ?? []);
    expect(manifests.map(apkArch).sort()).toEqual(archs.sort());

    const digests = expectedJson(name, 'digests.json');
    for (const file of [...archs.map((arch) => `sbom-${arch}.spdx.json`), 'sbom-index.spdx.json']) {
      const mine = JSON.parse(readFileSync(join(output, file), 'utf8'));
      expect(missingFromSbom(expectedJson(name, file), mine, digests, ours), file).toEqual([]);
    }
    rmSync(output, { recursive: true });
  });

  it.each(refused)('%s is refused', async (name) => {
    await expect(build(name)).rejects.toMatchObject({ name: 'Failure' });
  });

  it.each(Object.entries(BROKEN))('%s breaks the contract, and nothing is written', async (name, checks) => {
    const before = readdirSync(scratch);
    const failure = await build(name).catch((error) => error);
    expect(failure).toMatchObject({ code: 'HARDENING_BROKEN', exitCode: 7 });
    const { images } = failure.data as ContractReport;
    const errors = images.flatMap(({ findings }) => findings.filter(({ level }) => level === 'error'));
    expect([...new Set(errors.map(({ check }) => check))]).toEqual(checks);
    const [output = ''] = readdirSync(scratch).filter((file) => !before.includes(file) && file !== 'cache');
    const written = readdirSync(join(scratch, output), { recursive: true, withFileTypes: true });
    expect(written.filter((entry) => entry.isFile())).toEqual([]);
  });

  it.each(BUILT_ANYWAY)('%s is built, better than the reference', async (name) => {
    const { report } = await build(name);
    expect(report.images.length).toBeGreaterThan(0);
  });

  it('edge-backtrack takes edge-picky 1.0.0', async () => {
    const { report } = await build('edge-backtrack');
    expect(report.images[0]?.packages).toContainEqual({ name: 'edge-picky', version: '1.0.0-r0' });
  });

  it('bad-arch names the architecture', async () => {
    await expect(build('bad-arch')).rejects.toThrow('sparc');
  });

  it.each(names.filter((name) => existsSync(expectedPath(name, 'lock.json'))))('lock of %s', async (name) => {
    const { text } = await resolveLock(request(name), host);
    expect(JSON.parse(text)).toEqual(expectedJson(name, 'lock.json'));
  });

  const lockRefused = names.filter(
    (name) => existsSync(expectedPath(name, 'error-lock.txt')) && !BUILT_ANYWAY.includes(name),
  );
  it.each(lockRefused)('lock of %s is refused', async (name) => {
    await expect(resolveLock(request(name), host)).rejects.toMatchObject({ name: 'Failure' });
  });

  it.each(names.filter((name) => existsSync(expectedPath(name, 'packages.txt'))))('packages of %s', async (name) => {
    const lists = (await listPackages(request(name), host)).map((list) =>
      list.packages.map((p) => `${p.name}=${p.version}`),
    );
    const expected = expectedText(name, 'packages.txt').trimEnd().split('\n').join(' ');
    // The reference prints the architectures in random order.
    expect([lists, lists.toReversed()].map((order) => order.flat().join(' '))).toContain(expected);
  });
});
