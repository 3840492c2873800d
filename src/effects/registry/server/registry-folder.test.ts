// The folder: what is taken for one, what is swept, and what a damaged disk leaves.

import { mkdir, mkdtemp, readdir, readFile, rm, truncate, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../../../../test/support/faulty-registry.ts';
import { pushBlob, pushSmallImage, putManifest, raw, sha256Of } from '../../../../test/support/raw-registry.ts';
import { LIMITS } from '../../../base/limits.ts';
import { createRegistryServer } from './registry-server.ts';

let directory: string;
let registry: FaultyRegistry | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stave-registry-folder-'));
});
afterEach(async () => {
  await registry?.close();
  registry = undefined;
  await rm(directory, { recursive: true, force: true });
});

const start = async (): Promise<FaultyRegistry> => {
  await registry?.close();
  registry = await openFaultyRegistry({ directory });
  return registry;
};
const blobFile = (digest: string): string => join(directory, 'blobs', digest.replace(':', '/'));
const status = async (path: string): Promise<number> => (await raw(registry?.url ?? '', 'GET', path)).status;
/** Makes a file look as if nothing had happened to it for too long. */
const age = async (path: string): Promise<void> => {
  const then = (Date.now() - LIMITS.registryIdleMs - 1000) / 1000;
  await utimes(path, then, then);
};

describe('opening', () => {
  it('makes a folder that is absent, and one that is empty a registry', async () => {
    const inner = join(directory, 'new', 'registry');
    await (await openFaultyRegistry({ directory: inner })).close();
    expect(await readFile(join(inner, 'stave-registry.json'), 'utf8')).toBe('{"version":1}\n');
  });

  it('keeps everything for the next process', async () => {
    const image = await pushSmallImage((await start()).url, 'team/app', 'kept', '1.0');
    await start();
    const answer = await raw(registry?.url ?? '', 'GET', '/v2/team/app/manifests/1.0');
    expect(answer.body).toEqual(image.bytes);
    expect(await status('/v2/team/app/tags/list')).toBe(200);
    expect(await status('/v2/team/tags/list')).toBe(404);
  });

  const rows: [what: string, prepare: () => Promise<unknown>, readOnly: boolean, code: string, hint: RegExp][] = [
    [
      'another kind of folder',
      () => writeFile(join(directory, 'notes.txt'), ''),
      false,
      'USAGE_ARGUMENTS',
      /empty or a new/,
    ],
    ['an empty folder to read', async () => {}, true, 'USAGE_ARGUMENTS', /must be there already/],
    ['no folder to read', () => rm(directory, { recursive: true }), true, 'USAGE_ARGUMENTS', /must be there already/],
    [
      'a registry of the future',
      () => writeFile(join(directory, 'stave-registry.json'), '{"version":2}'),
      false,
      'FEATURE_UNSUPPORTED',
      /./,
    ],
    ['a marker that is a folder', () => mkdir(join(directory, 'stave-registry.json')), false, 'FILE_UNREADABLE', /./],
  ];
  it.each(rows)('refuses %s', async (_what, prepare, readOnly, code, hint) => {
    await prepare();
    const failing = openFaultyRegistry({ directory, readOnly });
    await expect(failing).rejects.toMatchObject({ code });
    await failing.catch(({ hint: text = 'none' }: { hint?: string }) => expect(text).toMatch(hint));
  });

  it('refuses a folder that cannot be made', async () => {
    await writeFile(join(directory, 'file'), '');
    const failing = openFaultyRegistry({ directory: join(directory, 'file', 'inner') });
    await expect(failing).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  });
});

describe('sweeping', () => {
  it('removes uploads and half-written files that are old, and leaves young ones', async () => {
    const { url } = await start();
    const [old = '', young = ''] = await Promise.all(
      [1, 2].map(async () => (await raw(url, 'POST', '/v2/app/blobs/uploads/')).headers.location?.split('/').at(-1)),
    );
    await pushSmallImage(url, 'app', 'image', '1');
    await writeFile(join(directory, 'repositories/app/_tags/.stave-0.partial'), 'half');
    await age(join(directory, 'repositories/app/_tags/.stave-0.partial'));
    await age(join(directory, 'repositories/app/_uploads', old));
    await start();
    expect(await readdir(join(directory, 'repositories/app/_uploads'))).toEqual([young]);
    expect(await readdir(join(directory, 'repositories/app/_tags'))).toEqual(['1']);
  });

  it('removes bytes that no repository has any more, when they are old', async () => {
    const { url } = await start();
    const [gone, young, shared] = [
      await pushBlob(url, 'app', 'gone'),
      await pushBlob(url, 'app', 'young'),
      await pushBlob(url, 'app', 'shared'),
    ];
    await pushBlob(url, 'other', 'shared');
    const image = await pushSmallImage(url, 'app', 'image', '1');
    for (const digest of [gone, young, shared]) await raw(url, 'DELETE', `/v2/app/blobs/${digest}`);
    for (const digest of [gone, shared, image.digest]) await age(blobFile(digest));
    await start();
    const left = await readdir(join(directory, 'blobs/sha256'));
    expect(left).not.toContain(gone.slice(7));
    expect(left).toEqual(expect.arrayContaining([young, shared, image.digest].map((digest) => digest.slice(7))));
    expect(await status('/v2/app/manifests/1')).toBe(200);
    expect(await status(`/v2/other/blobs/${shared}`)).toBe(200);
  });

  it('is not done by a registry that only reads', async () => {
    await pushSmallImage((await start()).url, 'app', 'image', '1');
    const temporary = join(directory, 'repositories/app/_tags/.stave-0.partial');
    await writeFile(temporary, 'half');
    await age(temporary);
    await registry?.close();
    registry = await openFaultyRegistry({ directory, readOnly: true });
    expect(await readFile(temporary, 'utf8')).toBe('half');
    expect(JSON.parse((await raw(registry.url, 'GET', '/v2/app/tags/list')).body.toString()).tags).toEqual(['1']);
  });
});

describe('damage', () => {
  it('a manifest with other bytes is as good as none, until it is pushed again', async () => {
    const image = await pushSmallImage((await start()).url, 'app', 'image', '1');
    await truncate(blobFile(image.digest), 10);
    expect(await status('/v2/app/manifests/1')).toBe(404);
    expect((await putManifest(registry?.url ?? '', 'app', '1', image.bytes)).status).toBe(201);
    expect(await status('/v2/app/manifests/1')).toBe(200);
  });

  it('a blob that is gone is not there, until it is pushed again', async () => {
    const digest = await pushBlob((await start()).url, 'app', 'bytes');
    await unlink(blobFile(digest));
    expect(await status(`/v2/app/blobs/${digest}`)).toBe(404);
    await pushBlob(registry?.url ?? '', 'app', 'bytes');
    expect(await status(`/v2/app/blobs/${digest}`)).toBe(200);
  });

  it('a tag without sense is none', async () => {
    await pushSmallImage((await start()).url, 'app', 'image', '1');
    await writeFile(join(directory, 'repositories/app/_tags/1'), '../../../etc/passwd');
    expect(await status('/v2/app/manifests/1')).toBe(404);
  });

  it('of the disk is answered with 500, and explained to us, not to the client', async () => {
    const { url, warnings } = await start();
    await pushBlob(url, 'app', 'bytes');
    await rm(join(directory, 'blobs'), { recursive: true });
    await writeFile(join(directory, 'blobs'), 'not a folder');
    const answer = await raw(url, 'POST', `/v2/app/blobs/uploads/?digest=${sha256Of('more')}`, { body: 'more' });
    expect(answer.status).toBe(500);
    expect(answer.body.toString()).not.toContain(directory);
    expect(warnings).toEqual([expect.stringContaining('could not answer POST /v2/app/blobs/uploads/')]);
  });
});

describe('listening', () => {
  const events = (): void => {};

  it('fails where something else listens', async () => {
    const { url } = await start();
    const { port } = new URL(url);
    const failing = createRegistryServer({ directory, events }).listen(Number(port), '127.0.0.1');
    await expect(failing).rejects.toMatchObject({
      code: 'ADDRESS_UNUSABLE',
      message: `cannot listen on 127.0.0.1:${port}: something else listens there already`,
    });
  });

  it('fails at an address of another machine', async () => {
    const failing = createRegistryServer({ directory, events }).listen(0, '192.0.2.1');
    await expect(failing).rejects.toMatchObject({ code: 'ADDRESS_UNUSABLE' });
  });

  it('ends after requests under way have ended', async () => {
    const slow = await openFaultyRegistry({
      directory,
      faults: [
        async (request, next) => {
          await new Promise((resolve) => setTimeout(resolve, 200));
          return await next(request);
        },
      ],
    });
    const answer = raw(slow.url, 'GET', '/v2/');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await slow.close();
    expect((await answer).status).toBe(200);
    await expect(raw(slow.url, 'GET', '/v2/')).rejects.toThrow();
  });
});
