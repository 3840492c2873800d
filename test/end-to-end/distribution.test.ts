// Our client at registries of others (issue 4, "Real parts, real tests"): Debian's docker-registry in its four variants, and
// our own registry; skopeo and umoci read what we pushed.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Failure } from '../../src/base/failure.ts';
import { pullImage } from '../../src/effects/registry/client/pull-image.ts';
import { pushImageIndex } from '../../src/effects/registry/client/push-image.ts';
import { openRegistry, type RegistryClient } from '../../src/effects/registry/client/registry-client.ts';
import type { RegistryOptions } from '../../src/effects/registry/client/registry-connection.ts';
import { openVerified } from '../../src/formats/oci/blob-source.ts';
import { describeBytes } from '../../src/formats/oci/descriptor.ts';
import { HTPASSWD_PASSWORD, HTPASSWD_USER, startDockerRegistry } from '../support/docker-registry.ts';
import { openFaultyRegistry } from '../support/faulty-registry.ts';
import { missingPeers, runPeer, runSkopeo } from '../support/peers.ts';
import { IMAGE_TYPE, smallImage } from '../support/raw-registry.ts';
import { bytesOf, memoryBlobs } from '../support/registry-client.ts';
import { selfSigned } from '../support/self-signed.ts';
import { helloImages } from '../support/small-layout.ts';
import { openTokenServer } from '../support/token-server.ts';

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'stave-distribution-'));
});
afterEach(() => rm(place, { recursive: true, force: true }));

const skopeo = (...args: readonly string[]) => runSkopeo(place, ...args);

async function copies(...args: readonly string[]): Promise<void> {
  const run = await skopeo('--insecure-policy', 'copy', ...args);
  expect(run, run.stderr).toMatchObject({ exitCode: 0 });
}

/** A registry, how our client gets in, and what skopeo has to be told. */
interface Variant {
  readonly host: string;
  readonly options: Partial<RegistryOptions>;
  readonly credentials: string | undefined;
  readonly skopeo: readonly string[];
  stop(): Promise<void>;
}

const VARIANTS: Readonly<Record<string, () => Promise<Variant>>> = {
  'our own registry': async () => {
    const { host, close } = await openFaultyRegistry();
    return { host, options: {}, credentials: undefined, skopeo: ['--tls-verify=false'], stop: close };
  },
  'docker-registry, open': async () => {
    const { host, stop } = await startDockerRegistry();
    return { host, options: {}, credentials: undefined, skopeo: ['--tls-verify=false'], stop };
  },
  'docker-registry with a password': async () => {
    const { host, stop } = await startDockerRegistry({ auth: 'htpasswd' });
    const credentials = `${HTPASSWD_USER}:${HTPASSWD_PASSWORD}`;
    return { host, options: {}, credentials, skopeo: ['--tls-verify=false', `--creds=${credentials}`], stop };
  },
  'docker-registry with tokens': async () => {
    const tokens = await openTokenServer({ users: { somebody: 'secret' } });
    const { host, stop } = await startDockerRegistry({ auth: tokens });
    const credentials = 'somebody:secret';
    return {
      host,
      options: {},
      credentials,
      skopeo: ['--tls-verify=false', `--creds=${credentials}`],
      stop: async () => {
        await stop();
        await tokens.close();
      },
    };
  },
  'docker-registry with TLS and a certificate of its own': async () => {
    const tls = selfSigned('127.0.0.1');
    const { host, stop } = await startDockerRegistry({ tls });
    const folder = await mkdtemp(join(tmpdir(), 'stave-distribution-ca-'));
    await writeFile(join(folder, 'ca.crt'), tls.certificate);
    return {
      host,
      options: { plainHttp: false, caCertificates: tls.certificate },
      credentials: undefined,
      skopeo: [`--cert-dir=${folder}`],
      stop: async () => {
        await stop();
        await rm(folder, { recursive: true });
      },
    };
  },
};

/** Client options with no other credentials than these. */
async function optionsFor(variant: Variant, credentials: string | undefined): Promise<RegistryOptions> {
  const authFile = join(place, 'client-auth.json');
  const auth = Buffer.from(credentials ?? '').toString('base64');
  await writeFile(authFile, JSON.stringify({ auths: credentials === undefined ? {} : { [variant.host]: { auth } } }));
  return { environment: { REGISTRY_AUTH_FILE: authFile }, homeDir: place, version: '0.0.0', ...variant.options };
}

/** What comes of pushing something small; undefined when it works. */
async function failureOfPushing(variant: Variant, options: RegistryOptions): Promise<string | undefined> {
  const repository = openRegistry(`${variant.host}/team/tried`, options);
  const { index, blobs } = helloImages('tried');
  try {
    await pushImageIndex(repository, index, blobs, { tags: ['1'] });
    return undefined;
  } catch (error) {
    return (error as Failure).code;
  } finally {
    await repository.close();
  }
}

const peers = missingPeers('docker-registry', 'skopeo', 'umoci');
describe.skipIf(peers !== undefined).each(Object.keys(VARIANTS))(
  `our client at %s${peers ? ` (${peers})` : ''}`,
  (name) => {
    let variant: Variant;
    const opened: RegistryClient[] = [];
    beforeAll(async () => {
      variant = await (VARIANTS[name] as () => Promise<Variant>)();
    });
    afterEach(async () => {
      for (const client of opened.splice(0)) await client.close();
    });
    afterAll(() => variant.stop());

    const client = async (repository: string): Promise<RegistryClient> => {
      const made = openRegistry(`${variant.host}/${repository}`, await optionsFor(variant, variant.credentials));
      opened.push(made);
      return made;
    };

    it('pushes an index, which comes back byte for byte', async () => {
      const { index, layers, blobs } = helloImages('round trip');
      const repository = await client('team/app');
      const report = await pushImageIndex(repository, index, blobs, { tags: ['1.0', 'latest'] });
      expect(report.blobs).toEqual({ present: 0, mounted: 0, sent: 4 });
      for (const reference of ['1.0', 'latest', index.descriptor.digest]) {
        const pulled = await pullImage(repository, reference);
        expect(pulled.value).toEqual(index);
        for (const { descriptor, bytes } of layers) {
          expect((await bytesOf(openVerified(pulled.blobs, descriptor))).equals(bytes)).toBe(true);
        }
      }
      const tags: string[] = [];
      for await (const tag of repository.listTags()) tags.push(tag);
      expect(tags.toSorted()).toEqual(['1.0', 'latest']);
    });

    it('sends no blob that is there, and mounts from a neighbour', async () => {
      const { index, blobs } = helloImages('twice');
      await pushImageIndex(await client('team/first'), index, blobs, { tags: ['1'] });
      const { bytes } = blobs.given;
      const again = await pushImageIndex(await client('team/first'), index, blobs, { tags: ['1', '2'] });
      expect(again.blobs.sent).toBe(0);
      const second = await client('team/second');
      const mounted = await pushImageIndex(second, index, blobs, { tags: ['1'], mountFrom: 'team/first' });
      expect(mounted.blobs).toEqual({ present: 0, mounted: 4, sent: 0 });
      expect(blobs.given.bytes).toBe(bytes);
    });

    it('attaches referrers, and finds them with type and annotations', async () => {
      const { index, blobs } = helloImages('attached');
      const repository = await client('team/referrers');
      await pushImageIndex(repository, index, blobs, { tags: ['1'] });
      const empty = Buffer.from('{}');
      const descriptor = describeBytes(empty, 'application/vnd.oci.empty.v1+json');
      await repository.pushBlob(descriptor, memoryBlobs({ descriptor, bytes: empty }));
      const named = { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.sizeBytes };
      for (const artifactType of ['text/sbom', 'text/signature']) {
        const { mediaType, digest, sizeBytes: size } = index.descriptor;
        const { bytes } = smallImage('', {
          artifactType,
          config: named,
          layers: [named],
          subject: { mediaType, digest, size },
          annotations: { made: artifactType },
        });
        await repository.attachReferrer(index.descriptor, IMAGE_TYPE, bytes);
      }
      const found = await repository.referrers(index.descriptor.digest);
      expect(found.map(({ artifactType }) => artifactType).toSorted()).toEqual(['text/sbom', 'text/signature']);
      expect(await repository.referrers(index.descriptor.digest, 'text/sbom')).toMatchObject([
        { artifactType: 'text/sbom', annotations: { made: 'text/sbom' } },
      ]);
    });

    it('deletes', async () => {
      const { index, blobs } = helloImages('deleted');
      const repository = await client('team/deleted');
      await pushImageIndex(repository, index, blobs, { tags: ['1'] });
      expect(await repository.deleteManifest(index.descriptor.digest)).toBe(true);
      expect(await repository.deleteManifest(index.descriptor.digest)).toBe(false);
      expect(await repository.resolve('1')).toBeUndefined();
    });

    it('pushes what skopeo reads and umoci unpacks', async () => {
      const { index, blobs } = helloImages('for others');
      await pushImageIndex(await client('team/others'), index, blobs, { tags: ['1'] });
      const source = `docker://${variant.host}/team/others:1`;
      const looked = await skopeo('inspect', ...variant.skopeo, '--raw', source);
      expect(looked, looked.stderr).toMatchObject({ stdout: Buffer.from(index.manifestBytes).toString() });
      const flags = variant.skopeo.map((flag) => flag.replace('--', '--src-'));
      const layout = join(place, 'copied');
      await copies('--all', ...flags, source, `oci:${layout}:all`);
      await copies('--override-arch=arm64', '--override-os=linux', ...flags, source, `oci:${layout}:1`);
      const unpacked = join(place, 'unpacked');
      const run = await runPeer('umoci', ['unpack', '--rootless', '--image', `${layout}:1`, unpacked]);
      expect(run, run.stderr).toMatchObject({ exitCode: 0 });
      expect(await readFile(join(unpacked, 'rootfs', 'hello.txt'), 'utf8')).toBe('for others arm64\n');
    });
  },
);

describe.skipIf(peers !== undefined)(`docker-registry lets our client in${peers ? ` (${peers})` : ''}`, () => {
  let variant: Variant;
  afterEach(() => variant.stop());
  const start = async (name: string): Promise<void> => {
    variant = await (VARIANTS[name] as () => Promise<Variant>)();
  };

  it.each(['docker-registry with a password', 'docker-registry with tokens'])(
    '%s: with the right ones',
    async (name) => {
      await start(name);
      const outcomes: [credentials: string | undefined, code: string | undefined][] = [
        [undefined, 'REGISTRY_AUTH'],
        ['somebody:wrong', 'REGISTRY_AUTH'],
        [variant.credentials, undefined],
      ];
      for (const [credentials, code] of outcomes) {
        expect(await failureOfPushing(variant, await optionsFor(variant, credentials))).toBe(code);
      }
    },
  );

  it('over TLS when it knows the certificate, or is told not to look', async () => {
    await start('docker-registry with TLS and a certificate of its own');
    const { caCertificates: _ca, ...strict } = await optionsFor(variant, undefined);
    expect(await failureOfPushing(variant, strict)).toBe('NETWORK_UNREACHABLE');
    expect(await failureOfPushing(variant, { ...strict, insecureSkipVerify: true })).toBeUndefined();
    expect(await failureOfPushing(variant, await optionsFor(variant, undefined))).toBeUndefined();
  });
});
