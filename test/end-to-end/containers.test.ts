// Images in the hands of engines: podman pulls and loads what we push and write, umoci unpacks it, and the program in it runs
// (issue 4, "Real clients"). The program is that of the quickstart.

import { cpSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { podmanIn, runningTrouble, runWithCrun } from '../support/container-runs.ts';
import { type FaultyRegistry, openFaultyRegistry } from '../support/faulty-registry.ts';
import { missingPeers, runPeer, runSkopeo } from '../support/peers.ts';
import { type Json, Place } from './place.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/quickstart', import.meta.url));
const GREETING = /^Hello from an image/;
const LAYERED = '\nlayering:\n  strategy: origin\n  budget: 3\n';

let registry: FaultyRegistry;
beforeEach(async () => {
  registry = await openFaultyRegistry();
});
afterEach(() => registry.close());

/** A folder with the quickstart's configuration, and more of it. */
function quickstart(more = ''): Place {
  const place = new Place('', undefined);
  cpSync(EXAMPLE, place.dir, { recursive: true });
  place.write('image.yaml', `${place.text('image.yaml')}${more}`);
  return place;
}

const podmanTrouble = missingPeers('podman', 'crun', 'unshare') ?? runningTrouble();
describe.skipIf(podmanTrouble !== undefined)(`podman${podmanTrouble ? ` (${podmanTrouble})` : ''}`, () => {
  const idOf = async (podman: ReturnType<typeof podmanIn>, name: string): Promise<string> => {
    const looked = await podman.do('image', 'inspect', '--format', '{{.Id}}', name);
    expect(looked, looked.stderr).toMatchObject({ exitCode: 0 });
    return `sha256:${looked.stdout.trim()}`;
  };
  const greets = async (podman: ReturnType<typeof podmanIn>, name: string): Promise<void> => {
    const ran = await podman.run(name);
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(GREETING) });
  };

  it.each([
    ['one layer', ''],
    ['several layers', LAYERED],
  ])('pulls what publish pushed, and runs it: %s', async (_name, more) => {
    const place = quickstart(more);
    const podman = podmanIn(place.path('podman'));
    await place.do(['publish', 'image.yaml', `${registry.host}/team/hello:1`]);
    const pulled = await podman.do('pull', '--tls-verify=false', `${registry.host}/team/hello:1`);
    expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
    await greets(podman, `${registry.host}/team/hello:1`);
  });

  it('has what load and publish --local gave it, under exactly the names that were asked for', async () => {
    const place = quickstart();
    const podman = podmanIn(place.path('podman'));
    await place.do(['publish', 'image.yaml', `${registry.host}/team/hello:1`]);
    const loaded = await place.do(
      ['load', `${registry.host}/team/hello:1`, '--name', 'example.com/mine:dev'],
      podman.env,
    );
    expect(loaded.stdout).toBe('example.com/mine:dev\n');
    await place.do(['publish', 'image.yaml', 'example.org/hello:local', 'hello:other', '--local'], podman.env);
    const { stdout } = await podman.do('images', '--format', '{{.Repository}}:{{.Tag}}');
    expect(stdout.trim().split('\n').toSorted()).toEqual([
      'docker.io/library/hello:other',
      'example.com/mine:dev',
      'example.org/hello:local',
    ]);
    // The id of an image is the digest of its config, wherever it comes from.
    const { images } = JSON.parse((await place.do(['inspect', `${registry.host}/team/hello:1`, '--json'])).stdout);
    const own = images.find(
      ({ platform }: Json) => platform === (process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64'),
    );
    const manifest: Json = await (
      await fetch(`${registry.url}/v2/team/hello/manifests/${own.digest}`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      })
    ).json();
    expect(await idOf(podman, 'example.com/mine:dev')).toBe(manifest.config.digest);
    expect(await idOf(podman, 'example.org/hello:local')).toBe(manifest.config.digest);
    await greets(podman, 'example.com/mine:dev');
  });

  it('loads the archives of build, pull and copy', async () => {
    const place = quickstart();
    const podman = podmanIn(place.path('podman'));
    await place.do(['build', 'image.yaml', 'example.com/built:1', 'built.tar', '--arch', 'host', '--sbom=false']);
    await place.do(['publish', 'image.yaml', `${registry.host}/hello:1`, '--arch', 'host']);
    await place.do(['pull', `${registry.host}/hello:1`, 'pulled.tar']);
    await place.do(['copy', `${registry.host}/hello:1`, 'docker-archive:copied.tar:example.com/copied:1']);
    for (const [archive, name] of [
      // With the architecture appended, as the reference names what is in an archive.
      ['built.tar', `example.com/built:1-${process.arch === 'arm64' ? 'arm64' : 'amd64'}`],
      ['pulled.tar', `${registry.host}/hello:1`],
      ['copied.tar', 'example.com/copied:1'],
    ] as const) {
      const loaded = await podman.do('load', '--input', place.path(archive));
      expect(loaded, loaded.stderr).toMatchObject({ exitCode: 0 });
      expect(loaded.stdout, archive).toContain(name);
      await greets(podman, name);
    }
  });

  it('says through load what is wrong with it', async () => {
    const place = quickstart();
    const podman = podmanIn(place.path('podman'));
    await place.do(['build', 'image.yaml', 'example.com/built:1', 'built.tar', '--arch', 'host', '--sbom=false']);
    place.write('podman/storage.conf', place.text('podman/storage.conf').replace('vfs', 'no-such-driver'));
    const answer = await place.stave(['load', './built.tar', '--json'], podman.env);
    expect(answer.exitCode).not.toBe(0);
    expect(answer.stderr).toMatch(/podman.*no-such-driver/);
  });
});

const crunTrouble = missingPeers('skopeo', 'umoci', 'crun', 'unshare') ?? runningTrouble();
describe.skipIf(crunTrouble !== undefined)(`crun${crunTrouble ? ` (${crunTrouble})` : ''}`, () => {
  it.each([
    ['one architecture', '', ['--arch', 'host']],
    ['all architectures', '', []],
    ['several layers', LAYERED, []],
    ['several layers of one architecture', LAYERED, ['--arch', 'host']],
  ] as const)('runs what skopeo copied and umoci unpacked: %s', async (_name, more, flags) => {
    const place = quickstart(more);
    await place.do(['publish', 'image.yaml', `${registry.host}/hello:1`, ...flags]);
    const source = `docker://${registry.host}/hello:1`;
    const layout = place.path('copied');
    mkdirSync(layout);
    const copy = ['--insecure-policy', 'copy', '--src-tls-verify=false', source, `oci:${layout}:1`];
    const copied = await runSkopeo(place.dir, ...copy);
    expect(copied, copied.stderr).toMatchObject({ exitCode: 0 });
    const listed = await runPeer('umoci', ['list', '--layout', layout]);
    expect(listed).toMatchObject({ stdout: '1\n' });
    const ran = await runWithCrun(layout, '1', place.path('bundle'));
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(GREETING) });
  });
});
