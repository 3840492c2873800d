// Images on their way between registries, layouts and archives, and what people see of them: `stave copy`, `pull`, `tag`, `tree`,
// `inspect`, `load` (issue 4). Digests must survive every trip, and so must what is attached.

import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/effects/http/retry.ts';
import { openRegistry } from '../../src/effects/registry/client/registry-client.ts';
import { EMPTY_CONFIG, makeArtifact } from '../../src/formats/oci/artifact.ts';
import { type Descriptor, describeBytes } from '../../src/formats/oci/descriptor.ts';
import { printTarHeader, TAR_END, tarPadding } from '../../src/formats/tar/write.ts';
import { type FaultyRegistry, type FaultyRegistryOptions, openFaultyRegistry } from '../support/faulty-registry.ts';
import { testBlob } from '../support/registry-client.ts';
import { answering, on, wrongBytes } from '../support/registry-faults.ts';
import { CONFIG, failureOf, type Json, Place, warningsOf } from './place.ts';
import { RECIPES, smallRepository } from './small-repository.ts';

const SIGSTORE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** A registry with one image of two platforms, its SBOMs, a signature of an SBOM, and a signature and attestation of older tools. */
interface Stage {
  readonly place: Place;
  readonly server: FaultyRegistry;
  readonly digest: string;
  /** `HOST/team/app:1` */
  readonly ref: string;
}

let stage: Stage;
beforeAll(async () => {
  const server = await openFaultyRegistry();
  const place = new Place();
  const ref = `${server.host}/team/app:1`;
  const { stdout } = await place.do(['publish', 'image.yaml', ref]);
  const digest = stdout.trim().split('@')[1] ?? '';
  await attachMore(server, digest);
  stage = { place, server, digest, ref };
});
afterAll(() => stage.server.close());

const open: FaultyRegistry[] = [];
beforeEach(() => {
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

async function attachMore(server: FaultyRegistry, digest: string): Promise<void> {
  const client = openRegistry(`${server.host}/team/app`, { environment: {}, homeDir: '/nonexistent', version: '0' });
  const push = async (bytes: Uint8Array, mediaType: string): Promise<Descriptor> => {
    const descriptor = describeBytes(bytes, mediaType);
    await client.pushBlob(descriptor, {
      open: async function* () {
        yield bytes;
      },
    });
    return descriptor;
  };
  await push(EMPTY_CONFIG.bytes, EMPTY_CONFIG.descriptor.mediaType);
  const [sbom] = await client.referrers(digest as `sha256:${string}`);
  const bundle = await push(Buffer.from('{"bundle":1}'), SIGSTORE);
  const nested = makeArtifact({
    artifactType: SIGSTORE,
    layers: [bundle],
    subject: sbom!,
    annotations: { of: 'the SBOM' },
  });
  await client.attachReferrer(sbom!, nested.descriptor.mediaType, nested.manifestBytes);
  // Manifests of older tools have the config of an image.
  const payload = await push(Buffer.from('{"critical":{}}'), 'application/vnd.dev.cosign.simplesigning.v1+json');
  const config = { architecture: '', os: '', rootfs: { type: 'layers', diff_ids: [payload.digest] }, config: {} };
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const legacy = {
    schemaVersion: 2,
    mediaType: type,
    config: described(await push(Buffer.from(JSON.stringify(config)), 'application/vnd.oci.image.config.v1+json')),
    layers: [described(payload)],
  };
  for (const suffix of ['sig', 'att']) {
    await client.putManifest(
      `sha256-${digest.slice(7)}.${suffix}`,
      type,
      Buffer.from(JSON.stringify({ ...legacy, annotations: { suffix } })),
    );
  }
  await client.close();
}

const described = ({ mediaType, sizeBytes, digest }: Descriptor) => ({ mediaType, size: sizeBytes, digest });

const digestOf = async (server: FaultyRegistry, path: string): Promise<string | null> =>
  (await fetch(`${server.url}/v2/${path}`, { method: 'HEAD' })).headers.get('docker-content-digest');

/** The tree as lines of `what tag?`, indented, without digests: what hangs where. */
async function treeOf(source: string): Promise<string[]> {
  const { root } = JSON.parse((await stage.place.do(['tree', source, '--json'])).stdout);
  const lines = (node: Json, indent: string): string[] => [
    `${indent}${node.type ?? node.platform ?? node.kind}${node.tag === undefined ? '' : ` .${node.tag.split('.')[1]}`}`,
    ...[...node.attached, ...node.children].flatMap((child: Json) => lines(child, `${indent}  `)),
  ];
  return lines(root, '');
}

const WHOLE_TREE = [
  'index',
  '  application/spdx+json',
  `    ${SIGSTORE}`,
  '  application/vnd.dev.cosign.simplesigning.v1+json .sig',
  '  application/vnd.dev.cosign.simplesigning.v1+json .att',
  '  linux/amd64',
  '    application/spdx+json',
  '  linux/arm64',
  '    application/spdx+json',
];

describe('stave tree', () => {
  it('shows what is attached to the image and to what is attached', async () => {
    expect(await treeOf(stage.ref)).toEqual(WHOLE_TREE);
  });

  it('draws it', async () => {
    const { stdout } = await stage.place.do(['tree', stage.ref]);
    expect(stdout.replaceAll(/sha256:[0-9a-f]{64}/g, 'DIGEST').replaceAll(/\d+(\.\d+)? (Ki)?B/g, 'SIZE')).toBe(
      [
        stage.ref,
        'index  DIGEST',
        '├─ SBOM (SPDX)  DIGEST  SIZE  sbom-index.spdx.json',
        '│  └─ signature or attestation (Sigstore bundle)  DIGEST  SIZE',
        `├─ signature  DIGEST  SIZE  (tag sha256-${stage.digest.slice(7)}.sig)`,
        `├─ signature  DIGEST  SIZE  (tag sha256-${stage.digest.slice(7)}.att)`,
        '├─ linux/amd64  DIGEST  SIZE',
        '│  └─ SBOM (SPDX)  DIGEST  SIZE  sbom-x86_64.spdx.json',
        '└─ linux/arm64  DIGEST  SIZE',
        '   └─ SBOM (SPDX)  DIGEST  SIZE  sbom-aarch64.spdx.json',
        '',
      ].join('\n'),
    );
  });

  it('believes no registry that lists what is not attached', async () => {
    const lying = on({ kind: 'referrers' }, async () => ({
      status: 200,
      headers: { 'content-type': 'application/vnd.oci.image.index.v1+json' },
      body: Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', size: 1, digest: children[0] }],
        }),
      ),
    }));
    const server = await registry({ directory: stage.server.directory, faults: [lying] });
    const children = JSON.parse((await stage.place.do(['inspect', stage.ref, '--json'])).stdout).images.map(
      ({ digest }: Json) => digest,
    );
    const answer = await stage.place.do(['tree', `${server.host}/team/app:1`, '--json']);
    const { root } = JSON.parse(answer.stdout);
    expect(root.attached.every(({ tag }: Json) => tag !== undefined)).toBe(true);
    expect(warningsOf(answer)[0]).toMatchObject({ code: 'REFERRER_IGNORED' });
  });
});

describe('stave copy', () => {
  it.each([[true], [false]])('to another registry takes everything along (referrers API: %s)', async (referrersApi) => {
    const server = await registry({ referrersApi });
    const ref = `${server.host}/deep/er/app:2`;
    const { stdout } = await stage.place.do(['copy', stage.ref, ref]);
    expect(stdout).toBe(`${stage.digest}\n`);
    expect(await digestOf(server, 'deep/er/app/manifests/2')).toBe(stage.digest);
    expect(await treeOf(ref)).toEqual(WHOLE_TREE);
    const puts = server.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/'));
    expect(puts.at(-1)?.path).toMatch(/manifests\/2$/);
  });

  it('a second time sends nothing', async () => {
    const server = await registry();
    await stage.place.do(['copy', stage.ref, `${server.host}/app:2`]);
    const before = server.requests.length;
    await stage.place.do(['copy', stage.ref, `${server.host}/app:2`]);
    const methods = new Set(server.requests.slice(before).map(({ method }) => method));
    expect([...methods].sort()).toEqual(['GET', 'HEAD']);
  });

  it('within a registry mounts instead of sending', async () => {
    const { stdout } = await stage.place.do(['copy', stage.ref, `${stage.server.host}/other/app:1`, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      attachments: 6,
      pushed: { sentBytes: 0, blobs: { sent: 0, mounted: 4 } },
    });
  });

  it('leaves attachments behind where nobody wants them', async () => {
    const server = await registry();
    await stage.place.do(['copy', stage.ref, `${server.host}/app:2`, '--referrers=false']);
    expect(await treeOf(`${server.host}/app:2`)).toEqual(['index', '  linux/amd64', '  linux/arm64']);
  });

  it('through a layout and back gives the same', async () => {
    const server = await registry();
    const place = new Place();
    await place.do(['copy', stage.ref, 'oci:carry']);
    await place.do(['copy', 'oci:carry:1', `${server.host}/app:1`]);
    expect(await digestOf(server, 'app/manifests/1')).toBe(stage.digest);
    expect(await treeOf(`${server.host}/app:1`)).toEqual(WHOLE_TREE);
  });

  it('a layout holds any number of images by name', async () => {
    const server = await registry();
    const place = new Place();
    await place.do(['copy', stage.ref, 'oci:carry']);
    await place.do(['copy', `${stage.ref}`, 'oci:carry:again']);
    await place.do(['publish', 'image.yaml', `${server.host}/app:other`, '-p', 'docs']);
    await place.do(['copy', `${server.host}/app:other`, 'oci:carry:other']);
    for (const name of ['again', 'other'])
      expect(JSON.parse((await place.do(['inspect', `oci:carry:${name}`, '--json'])).stdout).images.length).toBe(2);
    const missing = failureOf(await place.stave(['inspect', 'oci:carry:never', '--json']));
    expect(missing).toMatchObject({ code: 'IMAGE_NOT_FOUND', hint: 'it has again, other' });
    const which = failureOf(await place.stave(['inspect', 'carry', '--json']));
    expect(which).toMatchObject({ code: 'IMAGE_INVALID', hint: expect.stringContaining('again, other') });
    const built = await place.build();
    const refused = failureOf(await place.stave(['copy', stage.ref, 'oci:layout', '--json']));
    expect(refused).toMatchObject({ code: 'FILE_UNWRITABLE' });
    expect(JSON.parse((await place.do(['inspect', 'layout', '--json'])).stdout).digest).toBe(built);
  });

  it('through an archive gives the same image, and says what had no room', async () => {
    const server = await registry();
    const place = new Place();
    const answer = await place.do(['copy', stage.ref, 'docker-archive:app.tar:example/app:9', '--json']);
    expect(warningsOf(answer)).toMatchObject([{ code: 'ATTACHMENTS_LEFT_OUT' }]);
    await place.do(['copy', 'docker-archive:app.tar', `${server.host}/app:1`]);
    expect(await digestOf(server, 'app/manifests/1')).toBe(stage.digest);
    expect(
      JSON.parse((await place.do(['inspect', 'docker-archive:app.tar:example/app:9-arm64', '--json'])).stdout),
    ).toMatchObject({
      images: [{ platform: 'linux/arm64' }],
    });
  });

  it('reads the archives of build, with the digest of the layout', async () => {
    const place = new Place();
    const digest = await place.build();
    await place.do(['build', 'image.yaml', 'example.com/app:1', 'app.tar', '--sbom=false']);
    expect(JSON.parse((await place.do(['inspect', './app.tar', '--json'])).stdout).digest).toBe(digest);
  });

  it('reads archives of docker save, whose layers are plain and whose manifests are gone', async () => {
    const place = new Place();
    const server = await registry();
    await place.build(['--arch', 'amd64']);
    const index = place.json('layout/index.json');
    const blob = (digest: string) => place.read(`layout/blobs/sha256/${digest.slice(7)}`);
    const manifest = JSON.parse(blob(index.manifests[0].digest).toString());
    const layer = gunzipSync(blob(manifest.layers[0].digest));
    const config = blob(manifest.config.digest);
    writeFileSync(
      place.path('saved.tar'),
      tar([
        [`${manifest.config.digest.slice(7)}.json`, config],
        ['abc/layer.tar', layer],
        [
          'manifest.json',
          Buffer.from(
            JSON.stringify([
              { Config: `${manifest.config.digest.slice(7)}.json`, RepoTags: ['app:1'], Layers: ['abc/layer.tar'] },
            ]),
          ),
        ],
      ]),
    );
    await place.do(['copy', 'docker-archive:saved.tar', `${server.host}/app:1`]);
    const looked = JSON.parse((await place.do(['inspect', `${server.host}/app:1`, '--json'])).stdout);
    expect(looked.images[0].layers).toMatchObject([
      { mediaType: 'application/vnd.oci.image.layer.v1.tar', sizeBytes: layer.length },
    ]);
    expect(looked.images[0].installed.packages.map(({ name }: Json) => name).sort()).toEqual([
      'app',
      'layout',
      'libsmall',
    ]);
  });

  it('of what is damaged fails, and moves no tag', async () => {
    const damaged = await registry({
      directory: stage.server.directory,
      faults: [on({ kind: 'blob', method: 'GET' }, wrongBytes())],
    });
    const server = await registry();
    const answer = await stage.place.stave(['copy', `${damaged.host}/team/app:1`, `${server.host}/app:1`, '--json']);
    expect(failureOf(answer)).toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    expect(await digestOf(server, 'app/manifests/1')).toBe(null);
  });

  it('whose attachments are refused moves no tag', async () => {
    const server = await registry({ faults: [on({ method: 'PUT', path: '.sig' }, answering(403))] });
    const answer = await stage.place.stave(['copy', stage.ref, `${server.host}/app:1`, '--json']);
    expect(failureOf(answer)).toMatchObject({ code: 'REGISTRY_AUTH' });
    expect(await digestOf(server, 'app/manifests/1')).toBe(null);
  });

  it.each([
    [['docker-archive:nowhere.tar', 'oci:x'], 'FILE_UNREADABLE', 'nowhere.tar'],
    [['oci:nowhere', 'oci:x'], 'IMAGE_INVALID', 'is not an OCI layout'],
    [['./nowhere', 'oci:x'], 'USAGE_ARGUMENTS', 'neither an OCI layout nor an archive'],
    [['oci:', 'oci:x'], 'USAGE_ARGUMENTS', 'names no folder'],
    [['REF', './out'], 'USAGE_ARGUMENTS', 'looks like a path'],
    [['REF', `example.com/app@sha256:${'a'.repeat(64)}`], 'USAGE_ARGUMENTS', 'names a digest'],
    [['REGISTRY/team/none:1', 'oci:x'], 'IMAGE_NOT_FOUND', 'team/none:1'],
  ])('%j', async (words, code, message) => {
    const argv = words.map((word) => word.replace(/^REF$/, stage.ref).replace('REGISTRY', stage.server.host));
    const failure = failureOf(await new Place().stave(['copy', ...argv, '--json']));
    expect(failure).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

function tar(files: readonly (readonly [string, Uint8Array])[]): Buffer {
  const fixed = {
    type: '0',
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: '',
    gname: '',
    mtime: 0,
    linkname: '',
    devmajor: 0,
    devminor: 0,
    pax: {},
  };
  return Buffer.concat([
    ...files.flatMap(([name, bytes]) => [
      printTarHeader({ ...fixed, name, size: bytes.length }),
      bytes,
      Buffer.alloc(tarPadding(bytes.length)),
    ]),
    TAR_END,
  ]);
}

describe('stave pull', () => {
  it('writes a layout with everything, or an archive under the name of the image', async () => {
    const place = new Place();
    await place.do(['pull', stage.ref, 'app/']);
    expect(await treeOf(place.path('app'))).toEqual(WHOLE_TREE);
    const { stdout } = await place.do(['pull', stage.ref, 'app.tar', '--referrers=false']);
    expect(stdout).toBe(`${stage.digest}\n`);
    expect(place.text('app.tar')).toContain(`"RepoTags":["${stage.ref}-amd64"]`);
    const one = JSON.parse((await place.do(['inspect', stage.ref, '--arch', 'arm64', '--json'])).stdout).images[0]
      .digest;
    await place.do(['pull', `${stage.ref.slice(0, -2)}@${one}`, 'one.tar']);
    expect(JSON.parse((await place.do(['inspect', './one.tar', '--json'])).stdout).digest).toBe(one);
    expect(readdirSync(place.dir)).not.toContain('sbom-index.spdx.json');
  });

  it('refuses an archive that is compressed as a whole', async () => {
    const place = new Place();
    await place.do(['pull', stage.ref, 'app.tar', '--referrers=false']);
    place.write('app.tar.gz', gzipSync(place.read('app.tar')));
    expect(failureOf(await place.stave(['inspect', 'docker-archive:app.tar.gz', '--json']))).toMatchObject({
      code: 'IMAGE_INVALID',
      hint: expect.stringContaining('gunzip'),
    });
  });
});

describe('stave tag', () => {
  it('moves tags of the same repository, and nothing else', async () => {
    const before = stage.server.requests.length;
    const { stdout, stderr } = await stage.place.do(['tag', stage.ref, '1.0', 'latest', '1']);
    expect(stdout).toBe(`${stage.digest}\n`);
    expect(stderr).toContain(':1 (was there already)');
    for (const tag of ['1.0', 'latest'])
      expect(await digestOf(stage.server, `team/app/manifests/${tag}`)).toBe(stage.digest);
    expect(stage.server.requests.slice(before).some(({ path }) => path.includes('/blobs/'))).toBe(false);
  });

  it.each([
    ['example.com/a:1', 'use `stave copy`'],
    ['-x', 'a tag has 1 to 128'],
  ])('%s is not a tag', async (tag, hint) => {
    const failure = failureOf(await stage.place.stave(['tag', '--json', stage.ref, '--', tag]));
    expect(failure).toMatchObject({ code: 'USAGE_ARGUMENTS', hint: expect.stringContaining(hint) });
  });
});

describe('stave inspect', () => {
  it('shows platforms, sizes, settings, annotations and packages, the same wherever the image is', async () => {
    const place = new Place();
    await place.do(['pull', stage.ref, 'app/']);
    await place.do(['pull', stage.ref, 'app.tar']);
    const [here, layout, archive] = await Promise.all(
      [stage.ref, 'app', './app.tar'].map(async (source) =>
        JSON.parse((await place.do(['inspect', source, '--json'])).stdout),
      ),
    );
    expect(here).toMatchObject({
      name: stage.ref,
      digest: stage.digest,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      images: [
        {
          platform: 'linux/amd64',
          run: { env: expect.arrayContaining([expect.stringMatching(/^PATH=/)]) },
          installed: {
            verified: true,
            packages: expect.arrayContaining([{ name: 'app', version: '2.0-r1', license: 'MIT' }]),
          },
        },
        { platform: 'linux/arm64' },
      ],
    });
    expect({ ...layout, name: '' }).toEqual({ ...here, name: '' });
    expect({ ...archive, name: '' }).toEqual({ ...here, name: '' });
  });

  it('says it to people, with one list for platforms that have the same', async () => {
    const { stdout } = await stage.place.do(['inspect', stage.ref]);
    expect(stdout).toContain(`  digest  ${stage.digest}\n`);
    expect(stdout).toContain('3 packages (linux/amd64, linux/arm64)\n');
    expect(stdout).toContain('  app 2.0-r1\n');
  });

  it('reads nothing of the layers where nobody wants packages', async () => {
    const before = stage.server.requests.length;
    await stage.place.do(['inspect', stage.ref, '--packages=false', '--arch', 'amd64']);
    // The configs of both images are documents, not layers.
    expect(stage.server.requests.slice(before).filter(({ path }) => path.includes('/blobs/')).length).toBe(2);
  });

  it('finds the packages of a large image with ranges, and the same where the registry gives none', async () => {
    const large = (name: string, seed: number): Record<string, Uint8Array> =>
      Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${name}${i}`, testBlob(150_000, seed + i).bytes]));
    const recipes = [...RECIPES, { name: 'large', files: { ...large('usr/bin/p', 1), ...large('usr/share/s', 100) } }];
    const place = new Place(`${CONFIG.replace('[amd64, arm64]', '[amd64]')}`, smallRepository(recipes));
    const server = await registry();
    const ref = `${server.host}/large:1`;
    await place.do(['publish', 'image.yaml', ref, '-p', 'large', '--sbom=false']);
    const inspected = async (source: string, ...more: string[]) =>
      JSON.parse((await place.do(['inspect', source, '--json', ...more])).stdout).images[0];
    const before = server.requests.length;
    const { layers, installed } = await inspected(ref);
    const asked = server.requests.slice(before).filter(({ path }) => path.endsWith(layers[0].digest));
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([206]));
    expect(installed.verified).toBe(false);
    const proven = await inspected(ref, '--verify');
    expect(installed.packages).toEqual(proven.installed.packages);
    expect(proven.installed.verified).toBe(true);
    const stubborn = await registry({
      directory: server.directory,
      faults: [
        on({ kind: 'blob' }, ({ headers: { range: _unheard, ...headers }, ...request }, next) =>
          next({ ...request, headers }),
        ),
      ],
    });
    expect((await inspected(`${stubborn.host}/large:1`)).installed).toEqual(installed);
  });

  it('names the platforms where one is missing', async () => {
    const failure = failureOf(await stage.place.stave(['inspect', stage.ref, '--arch', 's390x', '--json']));
    expect(failure).toMatchObject({ code: 'IMAGE_INVALID', hint: expect.stringContaining('linux/amd64, linux/arm64') });
  });
});

describe('stave load', () => {
  function engine(place: Place): Record<string, string> {
    mkdirSync(place.path('bin'), { recursive: true });
    place.write('bin/docker', '#!/bin/sh\ncase $1 in version) ;; load) cat > "$0.tar" ;; esac\n');
    chmodSync(place.path('bin', 'docker'), 0o755);
    return { PATH: `${place.path('bin')}:/usr/bin:/bin` };
  }

  it('takes the image for this machine under the name it has', async () => {
    const place = new Place();
    const { stdout } = await place.do(['load', stage.ref], engine(place));
    expect(stdout).toBe(`${stage.ref}\n`);
    expect(place.text('bin/docker.tar')).toContain(`"RepoTags":["${stage.ref}"]`);
    expect(JSON.parse((await place.do(['inspect', './bin/docker.tar', '--json'])).stdout).images).toMatchObject([
      { platform: 'linux/amd64' },
    ]);
  });

  it('takes a layout under the name that is asked for, and needs one', async () => {
    const place = new Place();
    await place.build();
    const env = engine(place);
    const { stdout } = await place.do(['load', 'layout', '--name', 'app:dev', '--arch', 'aarch64', '--json'], env);
    expect(JSON.parse(stdout)).toMatchObject({
      names: ['docker.io/library/app:dev'],
      platform: 'linux/arm64',
      engine: 'docker',
    });
    const failure = failureOf(await place.stave(['load', 'layout', '--json'], env));
    expect(failure).toMatchObject({ code: 'USAGE_ARGUMENTS', hint: expect.stringContaining('--name') });
  });
});
