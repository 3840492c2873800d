// `stave publish` as a user meets it (issue 4; layer-and-oci.md 14), against our own registry in this process: what arrives, in which
// order, what is not sent twice, and that no fault leaves a tag that leads to half an image.

import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/effects/http/retry.ts';
import type { Fault } from '../../src/effects/registry/server/exchange.ts';
import { type FaultyRegistry, type FaultyRegistryOptions, openFaultyRegistry } from '../support/faulty-registry.ts';
import {
  after,
  answering,
  cuttingRequest,
  ecrLike,
  ghcrLike,
  losingAnswer,
  on,
  statefulUploads,
  times,
  tooManyRequests,
  wrongDigestHeader,
} from '../support/registry-faults.ts';
import { type Answer, CONFIG, failureOf, type Json, Place } from './place.ts';

const open: FaultyRegistry[] = [];
beforeEach(() => {
  // Retries wait for seconds, the registry's list of referrers for its settling: nothing here depends on that.
  vi.spyOn(systemClock, 'sleep').mockImplementation(async () => {});
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const one of open.splice(0)) await one.close();
});

async function registry(options: FaultyRegistryOptions = {}): Promise<FaultyRegistry> {
  const made = await openFaultyRegistry(options);
  open.push(made);
  return made;
}

const publish = (place: Place, ...words: readonly string[]): Promise<Answer> =>
  place.stave(['publish', 'image.yaml', ...words]);

async function published(place: Place, ...words: readonly string[]): Promise<Answer> {
  const answer = await publish(place, ...words);
  expect(answer.exitCode, answer.stderr).toBe(0);
  return answer;
}

const get = async (server: FaultyRegistry, path: string): Promise<Json> => {
  const accept = 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json';
  const answer = await fetch(`${server.url}/v2/${path}`, { headers: { accept } });
  return answer.status === 200 ? await answer.json() : undefined;
};

const digestOf = async (server: FaultyRegistry, path: string): Promise<string | null> =>
  (await fetch(`${server.url}/v2/${path}`, { method: 'HEAD' })).headers.get('docker-content-digest');

describe('what arrives', () => {
  it('is the image that build makes, under every tag; stdout has its digest and nothing else', async () => {
    const server = await registry();
    const place = new Place();
    const digest = await place.build();
    const tags = [`${server.host}/team/app:1`, `${server.host}/team/app:latest`];
    const { stdout, stderr } = await published(place, ...tags);
    expect(stdout).toBe(`${server.host}/team/app@${digest}\n`);
    expect(stderr).toContain(tags[0]);
    for (const tag of ['1', 'latest', digest]) {
      expect(await digestOf(server, `team/app/manifests/${tag}`)).toBe(digest);
    }
    expect(await get(server, 'team/app/manifests/1')).toEqual(place.json('layout/index.json'));
  });

  it('has an SBOM attached to every image and to the index, with equal bytes each time', async () => {
    const [first, second] = [await registry(), await registry()];
    const place = new Place();
    await published(place, `${first.host}/app:1`, `${second.host}/app:1`, '--sbom-path', 'sboms');
    const index = await get(first, 'app/manifests/1');
    const digest = await digestOf(first, 'app/manifests/1');
    const subjects: [string, string][] = [
      [index.manifests[0].digest, 'sbom-x86_64.spdx.json'],
      [index.manifests[1].digest, 'sbom-aarch64.spdx.json'],
      [digest as string, 'sbom-index.spdx.json'],
    ];
    for (const [subject, name] of subjects) {
      const { manifests } = await get(first, `app/referrers/${subject}`);
      expect(manifests).toMatchObject([{ artifactType: 'application/spdx+json' }]);
      expect((await get(second, `app/referrers/${subject}`)).manifests).toEqual(manifests);
      const manifest = await get(first, `app/manifests/${manifests[0].digest}`);
      expect(manifest).toMatchObject({
        artifactType: 'application/spdx+json',
        config: { mediaType: 'application/vnd.oci.empty.v1+json', size: 2 },
        layers: [{ annotations: { 'org.opencontainers.image.title': name } }],
        subject: { digest: subject },
      });
      expect(Object.keys(manifest.subject)).toEqual(['mediaType', 'size', 'digest']);
      expect(await get(first, `app/blobs/${manifest.layers[0].digest}`)).toEqual(place.json(`sboms/${name}`));
    }
  });

  it('attaches through the tag of the subject where there is no referrers API', async () => {
    const server = await registry({ referrersApi: false });
    await published(new Place(), `${server.host}/app:1`);
    const digest = (await digestOf(server, 'app/manifests/1')) ?? '';
    const { manifests } = await get(server, `app/manifests/${digest.replace(':', '-')}`);
    expect(manifests).toMatchObject([{ artifactType: 'application/spdx+json' }]);
  });

  it('has no SBOM where nobody wants one, and leaves none lying about', async () => {
    const server = await registry();
    const place = new Place();
    for (const flag of ['--attach-sbom=false', '--sbom=false']) {
      await published(place, `${server.host}/app:1`, flag);
      const digest = await digestOf(server, 'app/manifests/1');
      expect((await get(server, `app/referrers/${digest}`)).manifests).toEqual([]);
    }
    expect(existsSync(place.path('sbom-index.spdx.json'))).toBe(false);
  });

  it('is written down by --image-refs: every image in the order of the index, then the index', async () => {
    const server = await registry();
    const place = new Place();
    await published(place, `${server.host}/app:1`, `${server.host}/other:1`, '--image-refs', 'refs.txt');
    const index = await get(server, 'app/manifests/1');
    const digests = [...index.manifests.map(({ digest }: Json) => digest), await digestOf(server, 'app/manifests/1')];
    expect(place.text('refs.txt')).toBe(digests.map((digest) => `${server.host}/app@${digest}\n`).join(''));
  });

  it('carries annotations, and only the architectures that were asked for', async () => {
    const server = await registry();
    await published(new Place(), `${server.host}/app:1`, '--annotations', 'org.example.a:b', '--arch', 'arm64');
    const index = await get(server, 'app/manifests/1');
    expect(index.annotations).toMatchObject({ 'org.example.a': 'b' });
    expect(index.manifests.map(({ platform }: Json) => platform.architecture)).toEqual(['arm64']);
  });

  it('is told as JSON with --json', async () => {
    const server = await registry();
    const { stdout, stderr } = await published(new Place(), `${server.host}/app:1`, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      reference: expect.stringMatching(/\/app@sha256:/),
      images: [{ arch: 'amd64', packages: [{ name: 'libsmall', version: '1.5-r0' }, {}, {}] }, { arch: 'arm64' }],
      repositories: [
        { repository: `${server.host}/app`, newSboms: 3, tags: [{ reference: `${server.host}/app:1`, moved: true }] },
      ],
      dryRun: false,
    });
    const progress = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type, phase }) => type === 'progress' && phase === 'push');
    expect(progress.length).toBeGreaterThan(1);
    expect(progress.every(({ done, total }) => done <= total)).toBe(true);
    expect(progress.at(-1).done).toBe(progress.at(-1).total);
  });

  it('is what the lock file says with --lockfile', async () => {
    const server = await registry();
    const place = new Place();
    await place.do(['lock', 'image.yaml']);
    // No index is read.
    place.write('repository/x86_64/APKINDEX.tar.gz', 'no index');
    place.write('repository/aarch64/APKINDEX.tar.gz', 'no index');
    await published(place, `${server.host}/app:1`, '--lockfile', 'image.lock.json');
    expect(await digestOf(server, 'app/manifests/1')).toBe(await place.build(['--lockfile', 'image.lock.json']));
  });

  it('is nothing with --dry-run', async () => {
    const server = await registry();
    const { stdout } = await published(new Place(), `${server.host}/app:1`, '--dry-run');
    expect(stdout).toMatch(/@sha256:[0-9a-f]{64}\n$/);
    expect(server.requests).toEqual([]);
  });
});

describe('the built command', () => {
  it('does the same as the sources, over the network too', async () => {
    const server = await registry();
    const place = new Place();
    const digest = await place.build();
    const answer = await place.spawnStave(['publish', 'image.yaml', `${server.host}/app:1`]).done;
    expect(answer.exitCode, answer.stderr).toBe(0);
    expect(answer.stdout).toBe(`${server.host}/app@${digest}\n`);
    expect(await digestOf(server, 'app/manifests/1')).toBe(digest);
  });
});

describe('the order', () => {
  it('is: everything everywhere by digest, and then the tags', async () => {
    const seen: string[] = [];
    const log =
      (name: string): Fault =>
      async ({ method, path, ...request }, next) => {
        const answer = await next({ method, path, ...request });
        if (method === 'PUT') seen.push(`${name} ${path.replace(/.*\//, '').replace(/sha256:.*/, 'digest')}`);
        return answer;
      };
    const [slowOne, other] = [
      await registry({ faults: [on({ kind: 'upload' }, slowly(30)), log('slow')] }),
      await registry({ faults: [log('other')] }),
    ];
    await published(new Place(), `${other.host}/a/app:1`, `${other.host}/b/app:2`, `${slowOne.host}/app:3`);
    const isTag = (line: string) => / [123]$/.test(line);
    const firstTag = seen.findIndex(isTag);
    expect(seen.slice(firstTag).every(isTag)).toBe(true);
    expect(seen.slice(firstTag).sort()).toEqual(['other 1', 'other 2', 'slow 3']);
    // The second repository of a registry gets its layers from the first one.
    const mounts = other.requests.filter(({ path }) => path.includes('from=a%2Fapp'));
    expect(mounts.length).toBeGreaterThan(0);
    expect(mounts.every(({ status }) => status === 201)).toBe(true);
  });

  it('sends nothing again: a second time is looking only', async () => {
    const server = await registry();
    const place = new Place();
    const first = await published(place, `${server.host}/app:1`, `${server.host}/app:2`);
    const before = server.requests.length;
    const second = await published(place, `${server.host}/app:1`, `${server.host}/app:2`);
    expect(second.stdout).toBe(first.stdout);
    const requests = server.requests.slice(before);
    expect(requests.map(({ method }) => method).filter((method) => method !== 'HEAD' && method !== 'GET')).toEqual([]);
    // The index, two tags, and what is attached to three things.
    expect(requests.length).toBe(6);
    expect(requests.some(({ path }) => path.includes('/blobs/'))).toBe(false);
  });
});

function slowly(ms: number): Fault {
  return async (request, next) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return await next(request);
  };
}

describe('tags that follow a package', () => {
  it.each([
    ['{version:app}', '2.0'],
    ['{version:app|full}', '2.0-r1'],
    ['v{version:app|major}-{version:libsmall|minor}', 'v2-1.5'],
  ])('%s', async (template, tag) => {
    const server = await registry();
    await published(new Place(), `${server.host}/app:${template}`);
    expect(await digestOf(server, `app/manifests/${tag}`)).toMatch(/^sha256:/);
  });

  it.each([
    ['{version:ap}', 'which is not in the image', 'did you mean app?'],
    ['{version:app|patch}', 'needs the patch version of app, which is 2.0-r1', undefined],
    ['{version:app|mayor}', 'a placeholder that we do not know', 'did you mean {version:app|major}?'],
    ['{date}', 'a placeholder that we do not know: {date}', undefined],
    ['1@sha256:x', 'not a sha256 digest', undefined],
    ['-x', '"-x" is not a tag', undefined],
  ])('%s is refused before anything is built', async (template, message, hint) => {
    const server = await registry();
    const answer = await publish(new Place(), `${server.host}/app:${template}`, '--json');
    const failure = failureOf(answer);
    expect(failure).toMatchObject({ code: 'USAGE_ARGUMENTS', message: expect.stringContaining(message) });
    if (hint !== undefined) expect(failure.hint).toBe(hint);
    expect(answer.stderr).not.toContain('"phase":"fetch"');
    expect(server.requests).toEqual([]);
  });
});

describe('faults', () => {
  /** Each ends in success after another try. */
  const MENDED: Readonly<Record<string, () => FaultyRegistryOptions>> = {
    'an upload that is cut': () => ({ faults: [on({ kind: 'upload', method: 'PUT' }, times(2, cuttingRequest(100)))] }),
    'an answer that is lost': () => ({ faults: [on({ kind: 'manifest', method: 'PUT' }, times(1, losingAnswer()))] }),
    'a server that stumbles': () => ({ faults: [times(2, answering(500))] }),
    'too many requests': () => ({ faults: [on({ kind: 'uploads' }, times(2, tooManyRequests(1)))] }),
    'a tag that does not move at once': () => ({
      faults: [on({ method: 'PUT', path: '/manifests/1' }, times(2, answering(503)))],
    }),
    'uploads with state': () => ({ faults: [statefulUploads()] }),
    'no referrers': () => ({ referrersApi: false }),
    'a redirect instead of referrers': () => ({ faults: ghcrLike('http://127.0.0.1:9') }),
  };

  it.each(Object.keys(MENDED))('%s: the image arrives whole', async (name) => {
    const server = await registry(MENDED[name]?.());
    const place = new Place();
    const digest = await place.build();
    await published(place, `${server.host}/app:1`);
    expect(await digestOf(server, 'app/manifests/1')).toBe(digest);
  });

  /** Each ends in one Failure. */
  const FATAL: Readonly<Record<string, [faults: () => readonly Fault[], code: string]>> = {
    'a server that stays down': [() => [on({ kind: 'upload' }, answering(500))], 'HTTP_STATUS'],
    'uploads that are always cut': [() => [on({ kind: 'upload' }, cuttingRequest(10))], 'NETWORK_UNREACHABLE'],
    'a full disk': [() => [on({ kind: 'upload' }, answering(413))], 'HTTP_STATUS'],
    'no right to push': [() => [on({ kind: 'uploads' }, answering(403, {}, 'DENIED', 'no'))], 'REGISTRY_AUTH'],
    'manifests that are refused': [
      () => [on({ kind: 'manifest', method: 'PUT' }, answering(400, {}, 'MANIFEST_INVALID'))],
      'HTTP_STATUS',
    ],
    'the second manifest refused': [
      () => [on({ kind: 'manifest', method: 'PUT' }, after(1, answering(400)))],
      'HTTP_STATUS',
    ],
    'a registry that stores something else': [
      () => [on({ kind: 'manifest', method: 'PUT' }, wrongDigestHeader())],
      'CHECKSUM_MISMATCH',
    ],
    'no tag may move': [() => [on({ method: 'PUT', path: '/manifests/1' }, answering(403))], 'REGISTRY_AUTH'],
  };

  it.each(Object.keys(FATAL))('%s: one failure, and the tag stays what it was', async (name) => {
    const [faults, code] = FATAL[name] ?? [];
    let broken = false;
    const switches = (faults?.() ?? []).map(
      (fault): Fault =>
        (request, next) =>
          broken ? fault(request, next) : next(request),
    );
    const server = await registry({ faults: switches });
    const place = new Place();
    await published(place, `${server.host}/app:1`);
    const before = await digestOf(server, 'app/manifests/1');
    broken = true;
    const answer = await publish(place, `${server.host}/app:1`, `${server.host}/new:1`, '-p', 'docs', '--json');
    expect(failureOf(answer)).toMatchObject({ code });
    expect(answer.stdout).toBe('');
    broken = false;
    expect(await digestOf(server, 'app/manifests/1')).toBe(before);
    expect(await digestOf(server, 'new/manifests/1')).toBe(null);
  });

  it('in one registry keep the tags of the other where they were', async () => {
    const good = await registry();
    const bad = await registry({ faults: [on({ kind: 'upload' }, answering(400))] });
    const answer = await publish(new Place(), `${good.host}/app:1`, `${bad.host}/app:1`, '--json');
    expect(failureOf(answer)).toMatchObject({ code: 'HTTP_STATUS' });
    expect(await digestOf(good, 'app/manifests/1')).toBe(null);
  });

  it('at the last step say which tags are in place', async () => {
    const server = await registry({ faults: [on({ method: 'PUT', path: '/manifests/2' }, answering(403))] });
    const tags = ['1', '2'].map((tag) => `${server.host}/app:${tag}`);
    const failure = failureOf(await publish(new Place(), ...tags, '--json'));
    expect(failure.notes).toContain(`this tag is in place: ${tags[0]}`);
  });

  it('with SBOMs say how to do without', async () => {
    const server = await registry({ faults: ecrLike(['app']) });
    const place = new Place();
    const failure = failureOf(await publish(place, `${server.host}/app:1`, '--json'));
    expect(failure.hint).toContain('--attach-sbom=false');
    expect(await digestOf(server, 'app/manifests/1')).toBe(null);
    await published(place, `${server.host}/app:1`, '--attach-sbom=false');
  });

  it('a certificate that nobody knows', async () => {
    const answer = await publish(new Place(), 'localhost:1/app:1', '--no-plain-http', '--json');
    expect(failureOf(answer)).toMatchObject({ code: 'NETWORK_UNREACHABLE' });
    const missing = await publish(new Place(), 'localhost:1/app:1', '--ca-cert', 'nowhere.pem', '--json');
    expect(failureOf(missing)).toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining('nowhere.pem'),
    });
  });
});

describe('--local', () => {
  /** A container engine that keeps what it is given. */
  function engine(place: Place, name: string, script: string): Record<string, string> {
    mkdirSync(place.path('bin'), { recursive: true });
    place.write(`bin/${name}`, `#!/bin/sh\n${script}`);
    chmodSync(place.path('bin', name), 0o755);
    return { PATH: `${place.path('bin')}:/usr/bin:/bin` };
  }
  const KEEPING = 'case $1 in version) ;; load) cat > "$0.tar" ;; esac\n';

  it('loads the image for this machine under the names that were asked for', async () => {
    const place = new Place();
    const env = engine(place, 'docker', KEEPING);
    const answer = await place.stave(['publish', 'image.yaml', 'example/app:1', 'ghcr.io/x/y:2', '--local'], env);
    expect(answer.exitCode, answer.stderr).toBe(0);
    expect(answer.stdout).toBe('docker.io/example/app:1\n');
    const looked = await place.do(['inspect', './bin/docker.tar', '--json']);
    expect(JSON.parse(looked.stdout).images).toMatchObject([{ platform: 'linux/amd64' }]);
    expect(place.text('bin/docker.tar')).toContain('"RepoTags":["docker.io/example/app:1","ghcr.io/x/y:2"]');
  });

  it('GOARCH chooses another image', async () => {
    const place = new Place();
    const env = { ...engine(place, 'podman', KEEPING), GOARCH: 'arm64' };
    // docker is there, but has no daemon.
    engine(place, 'docker', 'exit 1\n');
    const answer = await place.stave(['publish', 'image.yaml', 'example/app:1', '--local', '--json'], env);
    expect(JSON.parse(answer.stdout).loaded).toMatchObject({ engine: 'podman', platform: 'linux/arm64' });
  });

  it('fails clearly without an engine, and with one that does not take it', async () => {
    const place = new Place();
    engine(place, 'docker', 'echo "no daemon" >&2; exit 1\n');
    const env = { PATH: place.path('bin') };
    engine(place, 'docker', '[ "$1" = version ] && { echo "no daemon" >&2; exit 1; }\n');
    const none = await place.stave(['publish', 'image.yaml', 'example/app:1', '--local', '--json'], env);
    expect(failureOf(none)).toMatchObject({
      code: 'FEATURE_UNSUPPORTED',
      notes: ['docker: no daemon', 'podman: not installed (or not in PATH)'],
    });
    const full = engine(place, 'docker', '[ "$1" = version ] || { echo "disk full" >&2; exit 3; }\n');
    const refused = await place.stave(['publish', 'image.yaml', 'example/app:1', '--local', '--json'], full);
    expect(failureOf(refused)).toMatchObject({ code: 'ENGINE_FAILED', notes: ['disk full'] });
  });
});

describe('arguments', () => {
  it('a tag is needed', async () => {
    const failure = failureOf(await publish(new Place(), '--json'));
    expect(failure).toMatchObject({ code: 'USAGE_ARGUMENTS', hint: 'usage: stave publish <config> <tag...>' });
  });

  it('a broken configuration is told before a registry is asked', async () => {
    const server = await registry();
    const place = new Place(CONFIG.replace('packages', 'pakages'));
    expect(failureOf(await publish(place, `${server.host}/app:1`, '--json'))).toMatchObject({
      code: 'CONFIG_UNKNOWN_KEY',
    });
    expect(server.requests).toEqual([]);
  });
});
