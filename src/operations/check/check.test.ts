// One image in every shape: as a configuration, a layout, an archive, a compressed archive and in a registry the contract says
// the same of it. The image is that of the quickstart without its `paths`, so that there is something to find.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noEvents } from '../../base/events.ts';
import { pullImage } from '../../effects/registry/client/pull-image.ts';
import { imagesOf } from '../../formats/oci/image.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import { CHECK_RESULT_TYPE } from '../../planning/hardening/check-predicate.ts';
import { CHECK_IDS } from '../../planning/hardening/check-table.ts';
import { buildImage } from '../build-image/build.ts';
import type { Host } from '../host.ts';
import { SPDX_TYPE } from '../image/describe-image.ts';
import { copyImage } from '../registry/copy.ts';
import { pushAttachments } from '../registry/push-attachments.ts';
import { withRegistries } from '../registry/registries.ts';
import type { RegistryServing } from '../registry/serve.ts';
import { serveRegistry } from '../registry/serve.ts';
import { textAttachments } from '../registry/text-attachments.ts';
import { readImageTree } from '../registry/tree.ts';
import { checkSubject } from './check.ts';
import type { CheckRequest } from './check-request.ts';
import { printMarkdown } from './print-markdown.ts';
import { printSarif } from './print-sarif.ts';

let place = '';
let host: Host;

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'stave-check-'));
  cpSync(fileURLToPath(new URL('../../../examples/quickstart', import.meta.url)), place, { recursive: true });
  const sound = readFileSync(join(place, 'image.yaml'), 'utf8');
  const flawed = sound.replace(/^paths:\n(?: .*\n)+/m, '');
  expect(flawed).not.toBe(sound);
  writeFileSync(join(place, 'image.yaml'), flawed);
  host = { cwd: place, env: {}, hostArch: 'amd64', homeDir: place, events: noEvents };
  mkdirSync(join(place, 'layout'));
  const build = { ...request('image.yaml'), tag: 'example/hello:1', sbom: false, sbomFormats: [] };
  await buildImage({ ...build, output: 'layout' }, host);
  await buildImage({ ...build, output: 'hello.tar' }, host);
  writeFileSync(join(place, 'hello.tar.gz'), gzipSync(readFileSync(join(place, 'hello.tar'))));
}, 60_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

function request(configPath: string, more: Partial<CheckRequest> = {}): CheckRequest {
  return {
    configPath,
    archs: [],
    keyringAppend: [],
    buildRepositoryAppend: [],
    repositoryAppend: [],
    packageAppend: [],
    includePaths: [],
    annotations: [],
    cacheDir: join(place, 'cache'),
    offline: true,
    ignoreSignatures: false,
    vcs: false,
    ...more,
  };
}

const check = async (subject: string, more: Partial<CheckRequest> = {}) =>
  await checkSubject(request(subject, more), host);

/** The quickstart's configuration with more in it. */
function configWith(text: string): string {
  const own = readFileSync(join(place, 'image.yaml'), 'utf8');
  writeFileSync(join(place, 'other.yaml'), `${own}\n${text}`);
  return 'other.yaml';
}

describe('an image is judged the same', () => {
  it.each(['layout', './layout', 'oci:layout', './hello.tar', 'hello.tar.gz', 'docker-archive:hello.tar'])(
    'as %s',
    async (subject) => {
      const { images, errors, warnings } = await check(subject);
      const expected = await check('image.yaml');
      expect({ images, errors, warnings }).toEqual({
        images: expected.images,
        errors: expected.errors,
        warnings: expected.warnings,
      });
      expect(images.map(({ arch }) => arch)).toEqual(['amd64', 'arm64']);
      expect(images[0]?.findings.map((finding) => finding.check)).toEqual(['locked/world-writable']);
    },
  );

  it('in a registry', async () => {
    const registry = await serveRegistry({ directory: 'registry', listen: '127.0.0.1:0', readOnly: false }, host);
    try {
      const target = `${registry.url.slice('http://'.length)}/hello:1`;
      await copyImage({ source: 'oci:layout', target, referrers: false }, host);
      const { images } = await check(target, { offline: false, archs: ['amd64'] });
      expect(images).toEqual((await check('image.yaml', { archs: ['amd64'] })).images);
    } finally {
      await registry.close();
    }
  });
});

describe('in a registry', () => {
  let registry: RegistryServing;
  let target = '';
  beforeAll(async () => {
    registry = await serveRegistry({ directory: 'attaching', listen: '127.0.0.1:0', readOnly: false }, host);
    target = `${registry.url.slice('http://'.length)}/hello:1`;
    await copyImage({ source: 'oci:layout', target, referrers: false }, host);
  });
  afterAll(() => registry.close());
  const online = { offline: false };

  it('the result is attached to each image, once', async () => {
    const { attached } = await check(target, { ...online, attach: true });
    expect((await check(target, { ...online, attach: true })).attached).toEqual(attached);
    const { root } = await readImageTree({ source: target, offline: false }, host);
    expect(root.attached).toEqual([]);
    expect(root.children.map((child) => child.attached.map(({ digest, type }) => [digest, type]))).toEqual(
      attached.map((digest) => [[digest, CHECK_RESULT_TYPE]]),
    );
    // biome-ignore lint/suspicious/noExplicitAny: what parsed JSON holds is what the test is about.
    const read = async (path: string): Promise<any> => await (await fetch(`${registry.url}/v2/hello/${path}`)).json();
    const manifest = await read(`manifests/${attached[1]}`);
    expect(manifest.layers[0]).toMatchObject({
      mediaType: CHECK_RESULT_TYPE,
      annotations: { 'org.opencontainers.image.title': 'check-aarch64.json' },
    });
    expect(await read(`blobs/${manifest.layers[0].digest}`)).toMatchObject({
      tool: { name: 'stave' },
      profile: 'default',
      architecture: 'arm64',
      verdict: 'kept',
      findings: [{ check: 'locked/world-writable', level: 'warning', path: 'var/tmp' }],
      score: { cis: expect.any(Array), chps: expect.any(Array) },
    });
  });

  it('a bad result is attached too', async () => {
    const { errors, attached } = await check(target, {
      ...online,
      attach: true,
      hardening: 'strict',
      archs: ['amd64'],
    });
    expect([errors, attached.length]).toEqual([1, 1]);
  });

  it.each(['image.yaml', 'layout', 'hello.tar'])('%s is not, and has nothing attached', async (subject) => {
    await expect(check(subject, { attach: true })).rejects.toMatchObject({ code: 'USAGE_FLAG' });
  });

  it('an SBOM that is attached has to cover the image', async () => {
    const attachSpdx = async (text: string) => {
      await withRegistries({ offline: false }, host, async (registries) => {
        const client = registries.client(parseReference(target));
        const { value } = await pullImage(client, '1');
        const subjects = value.kind === 'index' ? imagesOf(value) : [];
        const texts = subjects.map(({ descriptor: subject }) => ({ subject, name: 's', mediaType: SPDX_TYPE, text }));
        const { attachments, blobs } = textAttachments(texts);
        await pushAttachments(client, attachments, blobs, { events: noEvents });
      });
    };
    await attachSpdx(JSON.stringify({ spdxVersion: 'SPDX-2.3', packages: [{ name: 'hello', versionInfo: '0' }] }));
    const { images } = await check(target, { ...online, archs: ['amd64'] });
    expect(images[0]?.findings.find(({ check: id }) => id === 'accountable/not-in-sbom')?.message).toMatch(
      /^the SBOM lacks \d+ of \d+ packages: .*hello 1\.0\.0-r0/,
    );
  });
});

describe('architectures', () => {
  it.each([
    [['arm64'], ['arm64']],
    [['x86_64'], ['amd64']],
    [['host'], ['amd64']],
    [['all'], ['amd64', 'arm64']],
  ])('%j', async (archs, expected) => {
    expect((await check('layout', { archs })).images.map(({ arch }) => arch)).toEqual(expected);
  });

  it('that an image does not have', async () => {
    await expect(check('layout', { archs: ['s390x'] })).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      hint: 'it is for: linux/amd64, linux/arm64',
    });
  });
});

describe('a policy', () => {
  it('is taken from the configuration', async () => {
    const config = configWith('hardening:\n  profile: strict\n');
    const { profile, errors } = await check(config);
    expect([profile, errors]).toEqual(['strict', 2]);
  });

  it('is beaten by the flag', async () => {
    const config = configWith('hardening:\n  profile: strict\n');
    const { profile, errors } = await check(config, { hardening: 'off' });
    expect([profile, errors]).toEqual(['off', 0]);
    expect((await check('layout', { hardening: 'distroless' })).errors).toBe(2);
  });

  it('excuses, and finds what excuses nothing', async () => {
    const config = configWith(
      'hardening:\n  exceptions:\n' +
        '    - {check: locked/world-writable, path: /var/tmp, reason: the packages say so}\n' +
        '    - {check: minimal/shell, reason: none any more}\n',
    );
    const { images, findings, warnings } = await check(config);
    expect(images.map(({ excused }) => excused.map(({ exception }) => exception.reason))).toEqual([
      ['the packages say so'],
      ['the packages say so'],
    ]);
    expect(findings.map((finding) => finding.message)).toEqual(['the exception for minimal/shell excuses nothing']);
    expect(warnings).toBe(1);
  });
});

describe('what is no image', () => {
  it.each([
    ['none.yaml', 'CONFIG_NOT_FOUND'],
    ['./none.tar', 'USAGE_ARGUMENTS'],
    ['keys', 'NETWORK_OFFLINE'],
    ['Not A Name', 'IMAGE_INVALID'],
    ['oci:keys', 'IMAGE_INVALID'],
  ])('%s', async (subject, code) => {
    await expect(check(subject)).rejects.toMatchObject({ code });
  });
});

describe('a report', () => {
  const spoiled = () =>
    configWith(
      'cmd: "<b>*x*</b>"\nhardening:\n  exceptions: [{check: locked/world-writable, path: var/tmp, reason: "a | b"}]\n',
    );

  it('in SARIF has what code scanning asks for', async () => {
    const log = JSON.parse(printSarif(await check('image.yaml')));
    expect(log.version).toBe('2.1.0');
    expect(log.$schema).toMatch(/sarif-schema-2\.1\.0\.json$/);
    const [run] = log.runs;
    expect(run.tool.driver.name).toBe('stave');
    const rules = run.tool.driver.rules as { id: string; shortDescription: { text: string }; name: string }[];
    expect(rules.map(({ id }) => id)).toEqual(CHECK_IDS);
    for (const rule of rules) {
      expect(rule.name).toMatch(/^[A-Z][A-Za-z]+$/);
      expect(rule.shortDescription.text).toMatch(/\.$/);
    }
    expect(run.results).toHaveLength(2);
    const fingerprints = new Set<string>();
    for (const result of run.results) {
      expect(rules[result.ruleIndex]?.id).toBe(result.ruleId);
      expect(['none', 'note', 'warning', 'error']).toContain(result.level);
      const { uri, uriBaseId } = result.locations[0].physicalLocation.artifactLocation;
      expect([uri, uriBaseId]).toEqual(['var/tmp', 'ROOT']);
      expect(Object.keys(run.originalUriBaseIds)).toContain(uriBaseId);
      fingerprints.add(result.partialFingerprints['finding/v1']);
    }
    expect(fingerprints.size).toBe(2);
  });

  it('in SARIF keeps what is excused, suppressed', async () => {
    const [run] = JSON.parse(printSarif(await check(spoiled()))).runs;
    expect(run.results.map((result: { suppressions?: unknown }) => result.suppressions)).toEqual([
      [{ kind: 'external', status: 'accepted', justification: 'a | b' }],
      [{ kind: 'external', status: 'accepted', justification: 'a | b' }],
    ]);
  });

  it('is the same text every time', async () => {
    expect(printSarif(await check('layout'))).toBe(printSarif(await check('layout')));
  });

  it('in Markdown has a table, and no markup of strangers', async () => {
    const text = printMarkdown(await check('image.yaml'));
    expect(text).toMatch(/^## Hardening of image\.yaml: holds\n\n0 errors, 2 warnings; profile `default`\.\n/);
    expect(text).toContain('| warning | `locked/world-writable` | var/tmp is writable for everybody (mode 0o777) |');
    expect(text).toContain('- CHPs Minimalism: level 3 of 3');
    expect(printMarkdown(await check(spoiled()))).toContain('| a &#124; b |');
    expect(printMarkdown(await check('image.yaml', { hardening: 'strict' }))).toContain('does not hold');
  });
});
