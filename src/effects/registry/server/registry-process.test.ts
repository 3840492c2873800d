// A registry in a process of its own: killed at work, and fed more than its memory should ever hold.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openFaultyRegistry } from '../../../../test/support/faulty-registry.ts';
import { pushSmallImage, raw, sha256Of } from '../../../../test/support/raw-registry.ts';

let home: string;
let program: string;
let child: ChildProcess | undefined;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'stave-registry-process-'));
  program = join(home, 'registry-process.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('../../../../test/support/registry-process.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
});
afterEach(() => child?.kill('SIGKILL'));
afterAll(() => rmSync(home, { recursive: true }));

async function startProcess(directory: string, ...flags: readonly string[]): Promise<string> {
  const started = spawn(process.execPath, [...flags, program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  child = started;
  return await new Promise((resolve, reject) => {
    started.stdout.once('data', (data) => resolve(String(data).trim()));
    started.once('exit', (code) => reject(new Error(`the registry ended with ${code}`)));
  });
}

it('survives being killed while many push: what was answered is there, and every tag is whole', async () => {
  const directory = join(home, 'killed');
  const url = await startProcess(directory);
  const pushed: string[] = [];
  const pushing = [0, 1, 2, 3].map(async (worker) => {
    for (let round = 0; ; round++) {
      await pushSmallImage(url, `app${worker % 2}`, `${worker} ${round}`, `tag-${worker}`);
      pushed.push(sha256Of(`layer ${worker} ${round}`));
    }
  });
  const broken = Promise.allSettled(pushing);
  while (pushed.length < 40) await new Promise((resolve) => setTimeout(resolve, 5));
  child?.kill('SIGKILL');
  await broken;

  const registry = await openFaultyRegistry({ directory });
  for (const worker of [0, 1, 2, 3]) {
    const manifest = await raw(registry.url, 'GET', `/v2/app${worker % 2}/manifests/tag-${worker}`);
    expect(manifest.status).toBe(200);
    for (const { digest } of JSON.parse(manifest.body.toString()).layers) {
      const blob = await raw(registry.url, 'GET', `/v2/app${worker % 2}/blobs/${digest}`);
      expect(sha256Of(blob.body)).toBe(digest);
    }
  }
  for (const hex of readdirSync(join(directory, 'blobs/sha256'))) {
    if (!hex.startsWith('.'))
      expect(sha256Of(readFileSync(join(directory, 'blobs/sha256', hex)))).toBe(`sha256:${hex}`);
  }
  const have = new Set(readdirSync(join(directory, 'blobs/sha256')).map((hex) => `sha256:${hex}`));
  expect(pushed.filter((digest) => !have.has(digest))).toEqual([]);
  await registry.close();
});

// Only Linux says how much memory a process ever had.
it.skipIf(process.platform !== 'linux')('takes and gives blobs that are larger than its memory', async () => {
  const sizeBytes = 384 * 1024 * 1024;
  const url = await startProcess(join(home, 'small'), '--max-old-space-size=32');
  const pid = child?.pid ?? 0;
  const { location = '' } = (await raw(url, 'POST', '/v2/app/blobs/uploads/')).headers;
  const chunk = Buffer.alloc(1024 * 1024, 'bytes of a large blob ');
  const hash = createHash('sha256');
  await new Promise<void>((resolve, reject) => {
    const headers = { 'content-length': sizeBytes };
    const upload = httpRequest(`${url}${location}`, { method: 'PATCH', headers }, (response) => {
      response.resume();
      response.on('end', () => resolve());
    });
    upload.on('error', reject);
    void (async () => {
      for (let sent = 0; sent < sizeBytes; sent += chunk.length) {
        hash.update(chunk);
        if (!upload.write(chunk)) await new Promise((go) => upload.once('drain', go));
      }
      upload.end();
    })();
  });
  const digest = `sha256:${hash.digest('hex')}`;
  expect((await raw(url, 'PUT', `${location}?digest=${digest}`)).status).toBe(201);
  const back = createHash('sha256');
  await new Promise<void>((resolve, reject) => {
    httpRequest(`${url}/v2/app/blobs/${digest}`, (response) => {
      response.on('data', (data) => back.update(data));
      response.on('end', () => resolve());
    })
      .on('error', reject)
      .end();
  });
  expect(`sha256:${back.digest('hex')}`).toBe(digest);
  // The peak of resident memory: about 80 MiB are Node itself.
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  expect(Number(peak)).toBeLessThan(200 * 1024);
});
