// What `stave publish` pushes, at registries of others and in the hands of others (issue 4, "Real parts, real tests"): Debian's
// docker-registry with its ways to ask who we are, and skopeo and umoci, which read and unpack what is there.

import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type DockerRegistry,
  type DockerRegistryOptions,
  HTPASSWD_PASSWORD,
  HTPASSWD_USER,
  startDockerRegistry,
} from '../support/docker-registry.ts';
import { openFaultyRegistry } from '../support/faulty-registry.ts';
import { missingPeers, runPeer, runSkopeo } from '../support/peers.ts';
import { selfSigned } from '../support/self-signed.ts';
import { openTokenServer, type TokenServer } from '../support/token-server.ts';
import { failureOf, type Json, Place } from './place.ts';

const peers = missingPeers('docker-registry', 'skopeo', 'umoci');

describe.skipIf(peers !== undefined)(`publish to docker-registry${peers ? ` (${peers})` : ''}`, () => {
  let running: DockerRegistry | undefined;
  let tokens: TokenServer | undefined;
  afterEach(async () => {
    await running?.stop();
    await tokens?.close();
    running = tokens = undefined;
  });

  async function start(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
    running = await startDockerRegistry(options);
    return running;
  }

  /** docker's config.json in the home of a place. */
  function logIn(place: Place, host: string, user: string, password: string): void {
    const auth = Buffer.from(`${user}:${password}`).toString('base64');
    place.write('home/.docker/config.json', JSON.stringify({ auths: { [host]: { auth } } }));
  }

  it('open, without referrers API: skopeo and umoci read what arrives', async () => {
    const { host } = await start();
    const place = new Place();
    const digest = await place.build();
    const { stdout } = await place.do(['publish', 'image.yaml', `${host}/team/app:1`, `${host}/team/app:latest`]);
    expect(stdout).toBe(`${host}/team/app@${digest}\n`);

    const skopeo = (...args: readonly string[]) => runSkopeo(place.dir, ...args);
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${host}/team/app:latest`);
    expect(raw.stdout, raw.stderr).toBe(place.text('layout/index.json'));
    const looked = await skopeo(
      'inspect',
      '--tls-verify=false',
      '--override-arch=arm64',
      `docker://${host}/team/app:1`,
    );
    expect(JSON.parse(looked.stdout)).toMatchObject({ Architecture: 'arm64', Os: 'linux' });

    const copied = await skopeo(
      '--insecure-policy',
      'copy',
      '--src-tls-verify=false',
      `docker://${host}/team/app:1`,
      `oci:${place.path('all')}:1`,
    );
    expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
  });

  it('unpacks with umoci to the files of the packages', async () => {
    const { host } = await start();
    const place = new Place();
    await place.do(['publish', 'image.yaml', `${host}/app:1`, '--arch', 'amd64']);
    const layout = `oci:${place.path('pulled')}:1`;
    const copied = await runSkopeo(
      place.dir,
      '--insecure-policy',
      'copy',
      '--src-tls-verify=false',
      `docker://${host}/app:1`,
      layout,
    );
    expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
    const run = await runPeer('umoci', [
      'unpack',
      '--rootless',
      '--image',
      `${place.path('pulled')}:1`,
      place.path('unpacked'),
    ]);
    expect(run, run.stderr).toMatchObject({ exitCode: 0 });
    expect(readFileSync(place.path('unpacked', 'rootfs', 'usr/bin/app'), 'utf8')).toBe('#!/bin/sh\necho app\n');
    expect(readdirSync(place.path('unpacked', 'rootfs', 'usr/lib/apk/db'))).toContain('installed');
  });

  it('keeps SBOMs where it has no API for them: tree and copy find them', async () => {
    const { host } = await start();
    const place = new Place();
    await place.do(['publish', 'image.yaml', `${host}/app:1`]);
    const { root } = JSON.parse((await place.do(['tree', `${host}/app:1`, '--json'])).stdout);
    expect(root.attached.map(({ type }: Json) => type)).toEqual(['application/spdx+json']);
    expect(root.children.map(({ attached }: Json) => attached.length)).toEqual([1, 1]);
    const copied = await place.do(['copy', `${host}/app:1`, `${host}/other:2`, '--json']);
    expect(JSON.parse(copied.stdout)).toMatchObject({ attachments: 3, pushed: { blobs: { sent: 0 } } });
  });

  it('reads a layout that skopeo wrote', async () => {
    const { host } = await start();
    const place = new Place();
    await place.do(['publish', 'image.yaml', `${host}/app:1`]);
    const source = `docker://${host}/app:1`;
    const layout = `oci:${place.path('layout')}:v1`;
    const copied = await runSkopeo(
      place.dir,
      '--insecure-policy',
      'copy',
      '--all',
      '--src-tls-verify=false',
      source,
      layout,
    );
    expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
    const [here, there] = await Promise.all(
      [`${host}/app:1`, 'oci:layout:v1'].map(async (name) =>
        JSON.parse((await place.do(['inspect', name, '--json'])).stdout),
      ),
    );
    // skopeo writes the index anew, without the types of what it lists; the images stay.
    expect(there.images).toEqual(here.images);
  });

  it('reads an archive that skopeo wrote', async () => {
    const { host } = await start();
    const place = new Place();
    await place.do(['publish', 'image.yaml', `${host}/app:1`]);
    const archive = `docker-archive:${place.path('saved.tar')}:example/app:3`;
    const copied = await runSkopeo(
      place.dir,
      '--insecure-policy',
      'copy',
      '--override-arch=amd64',
      '--src-tls-verify=false',
      `docker://${host}/app:1`,
      archive,
    );
    expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
    const looked = JSON.parse((await place.do(['inspect', './saved.tar', '--json'])).stdout);
    expect(looked.images[0].installed.packages.map(({ name }: Json) => name)).toContain('app');
    await place.do(['copy', 'docker-archive:saved.tar:example/app:3', `${host}/back:1`]);
  });

  it('with a password: ours where it is right, one sentence where it is not', async () => {
    const { host } = await start({ auth: 'htpasswd' });
    const place = new Place();
    const anonymous = failureOf(await place.stave(['publish', 'image.yaml', `${host}/app:1`, '--json']));
    expect(anonymous).toMatchObject({ code: 'REGISTRY_AUTH' });
    logIn(place, host, HTPASSWD_USER, 'wrong');
    const wrong = failureOf(await place.stave(['publish', 'image.yaml', `${host}/app:1`, '--json']));
    expect(`${wrong.message} ${wrong.hint}`).toContain('config.json');
    logIn(place, host, HTPASSWD_USER, HTPASSWD_PASSWORD);
    await place.do(['publish', 'image.yaml', `${host}/app:1`]);
  });

  it('with tokens, also for layers that are mounted', async () => {
    tokens = await openTokenServer({ users: { somebody: 'secret' } });
    const { host } = await start({ auth: tokens });
    const place = new Place();
    logIn(place, host, 'somebody', 'secret');
    const { stdout } = await place.do(['publish', 'image.yaml', `${host}/app:1`, `${host}/other:1`, '--json']);
    expect(JSON.parse(stdout).repositories).toMatchObject([
      { newSboms: 3 },
      { newSboms: 3, pushed: { blobs: { sent: 0 } } },
    ]);
  });

  it('over TLS with a certificate that we are told of, or not asked for', async () => {
    const tls = selfSigned('127.0.0.1');
    const { host } = await start({ tls });
    const place = new Place();
    place.write('ca.pem', tls.certificate);
    const https = ['--no-plain-http'];
    const unknown = failureOf(await place.stave(['publish', 'image.yaml', `${host}/app:1`, ...https, '--json']));
    expect(unknown.message).toMatch(/certificate/);
    await place.do(['publish', 'image.yaml', `${host}/app:1`, ...https, '--ca-cert', 'ca.pem']);
    await place.do(['publish', 'image.yaml', `${host}/app:2`, ...https, '--insecure-skip-verify']);
    await place.do(['tag', `${host}/app:1`, '3', ...https, '--ca-cert', 'ca.pem']);
  });

  it('copies between a registry with plain http and one with a certificate of its own', async () => {
    const tls = selfSigned('127.0.0.1');
    const { host } = await start({ tls });
    const plain = await openFaultyRegistry();
    try {
      const place = new Place();
      place.write('ca.pem', tls.certificate);
      // As if neither was on this machine.
      const elsewhere = ['--no-plain-http', '--plain-http-host', plain.host];
      const target = ['publish', 'image.yaml', `${host}/app:1`, `${plain.host}/app:1`, ...elsewhere];
      const digest = (await place.do([...target, '--ca-cert', 'ca.pem'])).stdout.trim().split('@')[1];
      const there = ['copy', `${plain.host}/app:1`, `${host}/other:1`, ...elsewhere];
      expect((await place.do([...there, '--ca-cert', 'ca.pem'])).stdout).toBe(`${digest}\n`);
      const back = ['copy', `${host}/other:1`, `${plain.host}/back:1`, ...elsewhere];
      expect(failureOf(await place.stave([...back, '--json'])).message).toMatch(/certificate/);
      expect((await place.do([...back, '--skip-verify-host', host])).stdout).toBe(`${digest}\n`);
      const wrong = failureOf(await place.stave(['tag', `${plain.host}/app:1`, '2', '--no-plain-http', '--json']));
      expect(wrong).toMatchObject({ code: 'NETWORK_UNREACHABLE', hint: expect.stringContaining('--plain-http') });
    } finally {
      await plain.close();
    }
  });

  it('that takes nothing: one failure', async () => {
    const { host } = await start({ readOnly: true });
    const failure = failureOf(await new Place().stave(['publish', 'image.yaml', `${host}/app:1`, '--json']));
    expect(failure).toMatchObject({ code: 'HTTP_STATUS', hint: expect.stringContaining('does not offer that') });
  });
});

const engines = missingPeers('skopeo');
describe.skipIf(engines !== undefined)(`the tar for docker load${engines ? ` (${engines})` : ''}`, () => {
  it('of a pull is one that skopeo takes', async () => {
    const place = new Place();
    await place.build();
    mkdirSync(place.path('out'));
    await place.do(['copy', 'oci:layout', 'docker-archive:out/app.tar:example.com/app:1']);
    const looked = await runSkopeo(
      place.dir,
      'inspect',
      `docker-archive:${place.path('out/app.tar')}:example.com/app:1-amd64`,
    );
    expect(looked, looked.stderr).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(looked.stdout)).toMatchObject({ Architecture: 'amd64' });
  });
});
