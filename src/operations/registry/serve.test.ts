import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StaveEvent } from '../../base/events.ts';
import type { Host } from '../host.ts';
import { type RegistryServing, type ServeRequest, serveRegistry } from './serve.ts';

let cwd: string;
let events: StaveEvent[];
let serving: RegistryServing | undefined;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'stave-serve-'));
  events = [];
});
afterEach(async () => {
  await serving?.close();
  serving = undefined;
  await rm(cwd, { recursive: true, force: true });
});

const serve = async (request: Partial<ServeRequest> = {}): Promise<RegistryServing> => {
  const host: Host = { cwd, env: {}, hostArch: 'amd64', homeDir: cwd, events: (event) => events.push(event) };
  serving = await serveRegistry({ directory: 'images', listen: '127.0.0.1:0', readOnly: false, ...request }, host);
  return serving;
};

describe('serveRegistry', () => {
  it('serves a folder below the working directory', async () => {
    const { url, directory } = await serve();
    expect(directory).toBe(join(cwd, 'images'));
    expect((await fetch(`${url}/v2/`)).status).toBe(200);
    expect((await fetch(`${url}/v2/app/blobs/uploads/`, { method: 'POST' })).status).toBe(202);
    expect(events.filter((event) => event.type === 'warning')).toEqual([]);
  });

  it('takes nothing when it is read-only', async () => {
    await (await serve()).close();
    const { url } = await serve({ readOnly: true });
    expect((await fetch(`${url}/v2/app/blobs/uploads/`, { method: 'POST' })).status).toBe(405);
  });

  it.each(['localhost:0', '[::1]:0', '127.0.0.2:0'])('knows that %s is this machine alone', async (listen) => {
    await serve({ listen }).catch((error: { code?: string }) => {
      // Some machines have no IPv6.
      expect(error.code).toBe('ADDRESS_UNUSABLE');
    });
    expect(events.filter((event) => event.type === 'warning')).toEqual([]);
  });

  it.each(['', '5000', ':5000', '127.0.0.1', '127.0.0.1:', '127.0.0.1:65536', '::1:5000', 'http://127.0.0.1:5000'])(
    'refuses to listen on %j',
    async (listen) => {
      await expect(serve({ listen })).rejects.toMatchObject({
        code: 'USAGE_FLAG',
        message: `--listen takes a host and a port, not "${listen}"`,
      });
    },
  );

  it('refuses a folder of another kind, before it listens', async () => {
    await writeFile(join(cwd, 'notes.txt'), '');
    await expect(serve({ directory: '.' })).rejects.toMatchObject({
      code: 'USAGE_ARGUMENTS',
      message: `${cwd} is not the folder of a registry`,
    });
  });
});
