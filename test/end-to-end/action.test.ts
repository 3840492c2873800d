// The action as the runner starts it (issue 6, "In CI"): the built bundle as a process of its own, against registries and a
// Sigstore on this machine. STAVE_SECOND_NODE names another Node, which then runs the same bundle in all of this.

import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { generateKeyPair } from '../../src/effects/signing/key-pair.ts';
import {
  FORK_PULL_REQUEST,
  PUSH,
  runStep,
  SCHEDULE,
  type Step,
  type StepRun,
  WORKFLOW_TOKEN,
} from '../support/actions-runner.ts';
import {
  type DockerRegistry,
  type DockerRegistryOptions,
  HTPASSWD_PASSWORD,
  HTPASSWD_USER,
  startDockerRegistry,
} from '../support/docker-registry.ts';
import { type FaultyRegistry, type FaultyRegistryOptions, openFaultyRegistry } from '../support/faulty-registry.ts';
import { type LoopbackServer, openLoopbackServer } from '../support/loopback-server.ts';
import { type LoopbackSigstore, openLoopbackSigstore, TEST_IDENTITY } from '../support/loopback-sigstore.ts';
import { missingPeers } from '../support/peers.ts';
import { answering, on } from '../support/registry-faults.ts';
import { selfSigned } from '../support/self-signed.ts';
import { SECRET_CANARY } from '../support/signing-keys.ts';
import { CONFIG, filesBelow, Place } from './place.ts';
import { RECIPES, smallRepository } from './small-repository.ts';

const UNSIGNED = { sign: 'false' };
const secondNode = process.env['STAVE_SECOND_NODE'];
const NODE = secondNode ?? process.execPath;
const missing = missingPeers('docker-registry');

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function registry(options: FaultyRegistryOptions = {}): Promise<FaultyRegistry> {
  const made = await openFaultyRegistry(options);
  open.push(made);
  return made;
}

async function dockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const made = await startDockerRegistry(options);
  open.push({ close: () => made.stop() });
  return made;
}

/** The step's own files lie beside the workspace, so that a scan of one is not one of the other. */
const run = (place: Place, step: Partial<Step> & Pick<Step, 'with'>): Promise<StepRun> =>
  runStep({ workspace: place.dir, scratch: `${place.dir}-runner`, event: PUSH, node: NODE, ...step });

async function ran(place: Place, step: Partial<Step> & Pick<Step, 'with'>): Promise<StepRun> {
  const result = await run(place, step);
  expect(result.exitCode, result.rawLog).toBe(0);
  return result;
}

const named = ({ commands }: StepRun, name: string) => commands.filter((command) => command.name === name);
const writes = ({ requests }: FaultyRegistry) => requests.filter(({ method }) => !['GET', 'HEAD'].includes(method));

/** Nothing that anybody can read later holds one of these. */
function expectNoSecrets(place: Place, result: StepRun, ...secrets: readonly string[]): void {
  const files = [place.dir, `${place.dir}-runner`].flatMap((folder) =>
    filesBelow(folder).map((name) => readFileSync(join(folder, name), 'latin1')),
  );
  for (const secret of secrets) {
    expect(result.log).not.toContain(secret);
    expect(files.filter((text) => text.includes(secret))).toEqual([]);
  }
}

describe('a run for a push', () => {
  it('publishes the image that the command builds, and tells the outputs', async () => {
    const server = await registry();
    const place = new Place();
    const digest = await place.build();
    const tags = `${server.host}/app:1\n${server.host}/app:{version:app|major}, ${server.host}/other:1`;
    const { outputs } = await ran(place, { with: { ...UNSIGNED, tags } });
    const platforms = place.json('layout/index.json').manifests.map((one: { digest: string }) => one.digest);
    expect(outputs).toEqual({
      digest,
      ref: `${server.host}/app@${digest}`,
      'platform-refs': JSON.stringify({
        'linux/amd64': `${server.host}/app@${platforms[0]}`,
        'linux/arm64': `${server.host}/app@${platforms[1]}`,
      }),
      tags: [`${server.host}/app:1`, `${server.host}/app:2`, `${server.host}/other:1`].join('\n'),
      sboms: expect.stringMatching(/sbom-x86_64.spdx.json\n.*sbom-aarch64.spdx.json\n.*sbom-index.spdx.json$/),
      pushed: 'true',
      changed: 'true',
    });
    for (const path of outputs['sboms']?.split('\n') ?? []) expect(JSON.parse(readFileSync(path, 'utf8'))).toBeTruthy();
    for (const tag of ['app:1', 'app:2', 'other:1']) {
      const [name, reference] = tag.split(':');
      const answer = await fetch(`${server.url}/v2/${name}/manifests/${reference}`, { method: 'HEAD' });
      expect(answer.headers.get('docker-content-digest')).toBe(digest);
    }
  });

  it('says in the summary what was made, and what of it is new', async () => {
    const server = await registry();
    const place = new Place();
    const tags = `${server.host}/app:1`;
    const first = await ran(place, { with: { ...UNSIGNED, tags } });
    expect(first.summary).toMatch(/^## image\.yaml: published\n/);
    expect(first.summary).toContain(`\`${first.outputs['ref']}\``);
    expect(first.summary).toMatch(/\| linux\/amd64 \| `sha256:[0-9a-f]{64}` \| 3 \| [\d.]+ KiB \|/);
    expect(first.summary).toContain('libsmall 1.5-r0\n');
    expect(first.summary).not.toContain('until now');

    const again = await ran(place, { with: { ...UNSIGNED, tags }, event: SCHEDULE });
    expect(again.outputs).toMatchObject({ digest: first.outputs['digest'], pushed: 'true', changed: 'false' });
    expect(again.summary).toContain(`The same image as \`${tags}\` was until now.`);

    place.write('image.yaml', place.text('image.yaml').replace('- app', '- libsmall=1.4-r0\n    - docs'));
    const other = await ran(place, { with: { ...UNSIGNED, tags } });
    expect(other.outputs['changed']).toBe('true');
    expect(other.summary).toContain('| app | 2.0-r1 | - |\n| docs | - | 1.0-r0 |\n| libsmall | 1.5-r0 | 1.4-r0 |\n');
  });

  it('installs from the lock file beside the configuration, from another one, or from none', async () => {
    const server = await registry();
    const older = RECIPES.filter(({ name, version }) => `${name} ${version}` !== 'libsmall 1.5-r0');
    const place = new Place(CONFIG, smallRepository(older));
    await place.do(['lock', 'image.yaml', '--output', 'older.json']);
    for (const [path, bytes] of smallRepository().files) place.write(`repository/${path}`, bytes);
    const tags = `${server.host}/app:1`;
    const versions = async (more: Record<string, string>) => {
      const { summary } = await ran(place, { with: { ...UNSIGNED, tags, ...more } });
      return /^libsmall (.*)$/m.exec(summary)?.[1];
    };
    expect(await versions({ lockfile: 'older.json' })).toBe('1.4-r0');
    expect(await versions({})).toBe('1.5-r0');
    place.write('image.lock.json', place.read('older.json'));
    expect(await versions({})).toBe('1.4-r0');
    expect(await versions({ lockfile: 'none' })).toBe('1.5-r0');
  });

  it('works in a folder, for an architecture, with more flags, with a cache that it keeps small', async () => {
    const server = await registry();
    const place = new Place();
    for (const name of [
      'image.yaml',
      'small.rsa.pub',
      ...filesBelow(place.path('repository')).map((n) => `repository/${n}`),
    ]) {
      place.write(`images/${name}`, place.read(name));
    }
    const { outputs, log } = await ran(place, {
      with: {
        sign: 'false',
        tags: `${server.host}/app:1`,
        'working-directory': 'images',
        archs: 'arm64',
        flags: '--package-append=docs\n--annotations=org.example.a:b',
        'sbom-path': 'sboms',
        'cache-dir': '../cache',
        'cache-max-size': '0',
      },
    });
    expect(Object.keys(JSON.parse(outputs['platform-refs'] ?? ''))).toEqual(['linux/arm64']);
    expect(outputs['sboms']).toBe(
      ['sbom-aarch64.spdx.json', 'sbom-index.spdx.json'].map((n) => place.path('images/sboms', n)).join('\n'),
    );
    expect(place.text('images/sboms/sbom-aarch64.spdx.json')).toContain('"name": "docs"');
    expect(log).toContain('stave cache prune --max-size=0 --cache-dir=../cache');
    expect(filesBelow(place.path('cache')).filter((name) => name.endsWith('.data'))).toEqual([]);
    expect(existsSync(place.path('home/.cache'))).toBe(false);
  });

  it.skipIf(secondNode === undefined)('makes the same as on this Node (STAVE_SECOND_NODE)', async () => {
    const server = await registry();
    const place = new Place();
    const step = { with: { ...UNSIGNED, tags: `${server.host}/app:1` } };
    const first = await ran(place, { ...step, node: process.execPath });
    const second = await ran(place, { ...step, event: SCHEDULE });
    expect(second.outputs).toEqual({ ...first.outputs, changed: 'false', sboms: expect.any(String) });
  });
});

describe('a run that must not publish', () => {
  const merge = { name: 'merge_group', payload: { merge_group: {}, repository: { full_name: 'org/app' } } };
  it.each<[string, Partial<Step>, string]>([
    ['a pull request from a fork', { event: FORK_PULL_REQUEST }, 'this run is for a pull request from guest/app'],
    ['a merge queue', { event: merge }, 'this run is for a merge queue, and nothing is merged yet'],
    ['dry-run: true', { with: { tags: '', 'dry-run': 'true' } }, 'the input dry-run says so'],
  ])(
    '%s: builds, checks, asks for no token, pushes nothing, says so',
    async (_name, { event, with: given }, reason) => {
      const server = await registry();
      const place = new Place();
      const result = await ran(place, {
        ...(event && { event }),
        with: { ...given, tags: `${server.host}/app:1` },
      });
      expect(result.outputs).toMatchObject({
        digest: await place.build(),
        pushed: 'false',
        sboms: expect.stringContaining('sbom-index'),
      });
      expect(result.log).toContain(`nothing will be pushed: ${reason}\n`);
      expect(result.summary).toContain(`Not pushed, since ${reason}.`);
      expect(result.summary).toMatch(/^## image\.yaml: built, not published\n/);
      expect(named(result, 'warning').map(({ properties }) => properties['title'])).toContain('locked/root-user');
      expect(writes(server)).toEqual([]);
    },
  );

  it('shows what the change would do to the published image', async () => {
    const server = await registry();
    const place = new Place();
    const tags = `${server.host}/app:1`;
    await ran(place, { with: { ...UNSIGNED, tags } });
    place.write('image.yaml', place.text('image.yaml').replace('- app', '- app\n    - docs'));
    const { summary, outputs } = await ran(place, { with: { tags }, event: FORK_PULL_REQUEST });
    expect(summary).toContain(`### Other packages than \`${tags}\` was until now`);
    expect(summary).toContain('| docs | - | 1.0-r0 |');
    expect(outputs).toMatchObject({ pushed: 'false', changed: 'true' });
  });
});

describe('what is wrong', () => {
  it('in a line of the configuration becomes an annotation there, from the root of the repository', async () => {
    const place = new Place();
    place.write('images/app/image.yaml', 'contents:\n  packages: [app]\n  pakages: [x]\n');
    const result = await run(place, {
      with: { ...UNSIGNED, tags: 'r.example/app:1', 'working-directory': 'images/app' },
    });
    expect(result.exitCode).toBe(3);
    expect(named(result, 'error')).toEqual([
      {
        name: 'error',
        properties: { file: 'images/app/image.yaml', line: '3', col: '3', title: 'CONFIG_UNKNOWN_KEY' },
        message: 'unknown key "pakages" in contents\nhint: did you mean "packages"?',
      },
    ]);
    expect(result.log).toContain('--> image.yaml:3:3');
    expect(result.summary).toMatch(
      /^## image\.yaml: failed\n\n\*\*unknown key "pakages" in contents\*\* `CONFIG_UNKNOWN_KEY`/,
    );
    expect(result.outputs).toEqual({});
  });

  it('with a wish becomes an annotation on its line, and nothing is pushed', async () => {
    const server = await registry();
    const place = new Place();
    place.write('image.yaml', place.text('image.yaml').replace('- app', '- apq'));
    const result = await run(place, { with: { ...UNSIGNED, tags: `${server.host}/app:1` } });
    expect(result.exitCode).toBe(4);
    const line =
      place
        .text('image.yaml')
        .split('\n')
        .findIndex((text) => text.includes('apq')) + 1;
    expect(named(result, 'error')).toMatchObject([
      { properties: { file: 'image.yaml', line: String(line), col: '7', title: 'SOLVE_CONFLICT' } },
    ]);
    expect(writes(server)).toEqual([]);
  });

  it('for the hardening contract stops the run before anything is pushed, unless it is switched off', async () => {
    const server = await registry();
    const place = new Place();
    place.write('image.yaml', `${place.text('image.yaml')}entrypoint:\n  command: /usr/bin/nothing\n`);
    const tags = `${server.host}/app:1`;
    const lines = place.text('image.yaml').split('\n');
    const line = String(lines.findIndex((text) => text.includes('nothing')) + 1);
    const result = await run(place, { with: { ...UNSIGNED, tags } });
    expect(result.exitCode).toBe(7);
    expect(named(result, 'error')).toMatchObject([
      { properties: { file: 'image.yaml', line, title: 'runs/entrypoint-missing' } },
    ]);
    expect(result.summary).toContain('### Hardening of image.yaml: does not hold\n');
    expect(writes(server)).toEqual([]);
    const off = await ran(place, { with: { ...UNSIGNED, tags, hardening: 'off' } });
    expect([...named(off, 'error'), ...named(off, 'warning')]).toEqual([]);
    expect(off.outputs['pushed']).toBe('true');
  });

  it.each([
    [{ tags: '' }, 'USAGE_ARGUMENTS', 'the input "tags" names no reference'],
    [{ tags: 'r.example/app:1', 'dry-run': 'yes' }, 'USAGE_FLAG', 'the input "dry-run" takes auto, true, false'],
    [{ tags: 'r.example/app:1', hardening: 'strikt', ...UNSIGNED }, 'USAGE_FLAG', '--hardening takes'],
    [{ tags: 'r.example/app:1', sign: 'yes' }, 'USAGE_FLAG', 'the input "sign" takes true, false, not "yes"'],
    [{ tags: 'r.example/app:1', flags: '-p x' }, 'USAGE_FLAG', 'the line "-p x", which is no flag'],
    [{ tags: 'r.example/app:1', flags: '--pakage-append=x', ...UNSIGNED }, 'USAGE_FLAG', 'no flag --pakage-append=x'],
    [{ tags: 'r.example/app:1 b', ...UNSIGNED }, 'USAGE_ARGUMENTS', 'r.example/app:1 b'],
    [{ tags: 'r.example/app:1', 'registry-username': 'u' }, 'USAGE_ARGUMENTS', '"registry-password"'],
    [
      { tags: 'r.example/app:1, q.example/app:1', 'registry-password': SECRET_CANARY },
      'USAGE_ARGUMENTS',
      'the tags are in r.example and q.example',
    ],
  ])('with the inputs %j is a failure of its own', async (given, code, sentence) => {
    const place = new Place();
    const result = await run(place, { with: given });
    expect(result.exitCode).toBe(2);
    expect(named(result, 'error')).toMatchObject([
      { properties: { title: code }, message: expect.stringContaining(sentence) },
    ]);
    expect(result.summary).toContain(`\`${code}\``);
  });

  it('never becomes a command, whoever wrote it', async () => {
    const attack = '\\r\\n::add-path::/tmp/evil\\n##[add-path]/tmp/evil\\n::set-output name=x::y,title=z';
    const lie = attack.replaceAll('\\r', '\r').replaceAll('\\n', '\n');
    const server = await registry({ faults: [on({ method: 'POST' }, answering(403, {}, 'DENIED', `no${lie}`))] });
    const hostile = new Place();
    hostile.write('image.yaml', `${hostile.text('image.yaml')}annotations: { "a${attack}": "b${attack}" }\n`);
    const refused = await run(hostile, { with: { ...UNSIGNED, tags: `${server.host}/app:1` } });
    const unknown = new Place();
    unknown.write('::add-path::evil/image.yaml', `"key${attack}": 1\n`);
    const places = [
      refused,
      await run(unknown, { with: { ...UNSIGNED, tags: 'r.example/app:1', 'working-directory': '::add-path::evil' } }),
      await run(unknown, {
        with: { ...UNSIGNED, tags: `r.example/app:1${lie}`, config: '::add-path::evil/image.yaml' },
      }),
      await run(unknown, {
        with: { ...UNSIGNED, tags: 'r.example/app:1', config: `::add-path::/tmp ##[add-path]evil` },
      }),
    ];
    const allowed = ['group', 'endgroup', 'error', 'warning', 'add-mask'];
    for (const { commands, exitCode, log } of places) {
      expect(exitCode, log).toBeGreaterThan(1);
      expect(commands.filter(({ name }) => !allowed.includes(name))).toEqual([]);
      expect(commands.filter(({ name }) => name === 'error')).toHaveLength(1);
    }
    expect(named(refused, 'error')[0]?.properties).toEqual({ title: 'REGISTRY_AUTH' });
    expect(named(places[1] as StepRun, 'error')[0]?.properties['file']).toBe('::add-path::evil/image.yaml');
  });
});

describe('keys, identities and credentials', () => {
  let sigstore: LoopbackSigstore;
  let oidc: LoopbackServer;
  const requestToken = `${SECRET_CANARY}-request`;
  beforeAll(async () => {
    sigstore = await openLoopbackSigstore();
    oidc = await openLoopbackServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
      const knows = request.headers.authorization === `bearer ${requestToken}`;
      if (pathname !== '/token' || !knows) return void response.writeHead(401).end('{}');
      const audience = searchParams.get('audience');
      response.end(JSON.stringify({ value: audience === 'sigstore' ? sigstore.token() : 'x.y.z' }));
    });
  });
  afterAll(async () => {
    await sigstore?.close();
    await oidc?.close();
  });

  const withIdentity = () => ({
    ACTIONS_ID_TOKEN_REQUEST_URL: `${oidc.url}/token?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
  });
  const privateServices = { flags: '--signing-config=services.json\n--trusted-root=root.json' };

  function signingPlace(): Place {
    const place = new Place();
    place.write('services.json', sigstore.config({ rekor: 1, tsa: true }));
    place.write('root.json', sigstore.trustedRoot);
    return place;
  }

  describe.skipIf(missing !== undefined)(`in docker-registry${missing === undefined ? '' : ` (${missing})`}`, () => {
    it('signs index and platforms with the identity of the workflow, attests, and writes the trust file', async () => {
      const { host } = await dockerRegistry({ auth: 'htpasswd' });
      const place = signingPlace();
      const result = await ran(place, {
        with: {
          tags: `${host}/team/app:1`,
          'registry-username': HTPASSWD_USER,
          'registry-password': HTPASSWD_PASSWORD,
          flags: `${privateServices.flags}\n--no-attach-sbom`,
        },
        env: withIdentity(),
      });
      expect(result.summary).toMatch(
        /- .*\/team\/app: signed 3 manifests \(bundle and legacy\)\n- attested 3 manifests/,
      );
      expect(result.summary).toContain(`- by ${TEST_IDENTITY}`);
      expect(result.summary).toContain('Commit this as `stave.trust.yaml`');
      expect(result.summary).toContain(place.text('stave.trust.yaml').trimEnd());
      expectNoSecrets(place, result, SECRET_CANARY, WORKFLOW_TOKEN, BASIC);
      logIn(place, host);
      const references = [
        result.outputs['ref'] ?? '',
        ...Object.values(JSON.parse(result.outputs['platform-refs'] ?? '')),
      ];
      for (const reference of references as string[]) {
        expect((await place.do(['verify', reference])).stdout).toContain(TEST_IDENTITY);
      }
      const { stdout } = await place.do(['verify-attestation', references[0] as string, '--type', 'slsaprovenance1']);
      // One for each form, with the same statement.
      const { payload } = JSON.parse(stdout.split('\n')[0] ?? '');
      const { predicate } = JSON.parse(Buffer.from(payload, 'base64').toString('utf8'));
      expect(predicate.runDetails).toMatchObject({
        builder: { id: TEST_IDENTITY },
        metadata: { invocationId: 'https://github.com/org/app/actions/runs/42/attempts/2' },
      });
    });

    it('signs with a key whose text is an input, and with one in the environment', async () => {
      const { host } = await dockerRegistry();
      const password = `${SECRET_CANARY}-key`;
      const { privatePem, publicPem } = await generateKeyPair(password);
      const place = new Place();
      place.write('cosign.pub', publicPem);
      const tags = `${host}/team/app:1`;
      const sealed = await ran(place, {
        with: { attest: 'false', tags, flags: '--no-attach-sbom', key: privatePem, 'key-password': password },
      });
      expect(sealed.summary).toMatch(/signed 3 manifests/);
      expect(sealed.summary).not.toContain('attested');
      const byKey = ['--insecure-ignore-tlog', '--key'];
      await place.do(['verify', sealed.outputs['ref'] ?? '', ...byKey, 'cosign.pub']);
      const secretLine = privatePem.split('\n')[2] ?? '';
      expect(secretLine.length).toBeGreaterThan(40);
      expectNoSecrets(place, sealed, secretLine, SECRET_CANARY);

      const plain = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      const pem = plain.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      const other = new Place();
      other.write('other.pub', plain.publicKey.export({ type: 'spki', format: 'pem' }).toString());
      const { outputs } = await ran(other, {
        with: { attest: 'false', tags: `${host}/team/other:1`, flags: '--no-attach-sbom', key: 'env://SIGNING_KEY' },
        env: { SIGNING_KEY: pem },
      });
      await other.do(['verify', outputs['ref'] ?? '', ...byKey, 'other.pub']);
    });

    it("opens GitHub's own registry with the token of the workflow, and no other", async () => {
      const { certificate, key } = selfSigned('ghcr.io');
      const { host, log } = await dockerRegistry({ auth: 'htpasswd', tls: { certificate, key } });
      const place = new Place();
      place.write('ca.pem', certificate);
      const proxy = await openTunnel('ghcr.io:443', host);
      const step = {
        with: {
          ...UNSIGNED,
          tags: 'ghcr.io/org/app:1',
          token: HTPASSWD_PASSWORD,
          flags: '--ca-cert=ca.pem\n--no-attach-sbom',
        },
        env: { GITHUB_ACTOR: HTPASSWD_USER, HTTPS_PROXY: proxy },
      };
      const { outputs } = await ran(place, step);
      expect(outputs['ref']).toBe(`ghcr.io/org/app@${outputs['digest']}`);
      expect(log.length).toBeGreaterThan(0);
      const denied = await run(place, { ...step, with: { ...step.with, token: 'another' } });
      expect(denied.exitCode).not.toBe(0);
      expect(named(denied, 'error')).toMatchObject([{ message: expect.stringContaining('GITHUB_TOKEN') }]);
    });
  });

  it('needs the permission to ask for an identity, says which, and pushes nothing without it', async () => {
    const server = await registry();
    const result = await run(signingPlace(), { with: { tags: `${server.host}/app:1`, ...privateServices } });
    expect(result.exitCode).not.toBe(0);
    expect(named(result, 'error')).toMatchObject([{ message: expect.stringContaining('id-token: write') }]);
    expect(writes(server)).toEqual([]);
  });

  it('asks for no identity in a run for a pull request', async () => {
    const server = await registry();
    const before = oidc.requests.length;
    const result = await ran(signingPlace(), {
      with: { tags: `${server.host}/app:1`, ...privateServices },
      event: FORK_PULL_REQUEST,
    });
    expect(result.outputs['pushed']).toBe('false');
    expect(oidc.requests.length).toBe(before);
  });
});

const BASIC = Buffer.from(`${HTPASSWD_USER}:${HTPASSWD_PASSWORD}`).toString('base64');

/** docker's config.json, for whoever verifies later. */
function logIn(place: Place, host: string): void {
  place.write('home/.docker/config.json', JSON.stringify({ auths: { [host]: { auth: BASIC } } }));
}

/** A proxy that leads one host to another; the URL of the proxy. */
async function openTunnel(from: string, to: string): Promise<string> {
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on('connect', (request, socket: Socket) => {
    if (request.url !== from) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const [host, port] = to.split(':');
    const target = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(target).pipe(socket);
    });
    for (const one of [socket, target]) {
      sockets.add(one);
      one.on('error', () => one.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
