// How long `stave publish` takes for an image that is there already, beside the requests that it cannot do without. The
// registry is our own, in this process, with the delay of one in another country.
// Run: npm run bench -- publish

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StaveEvent } from '../src/base/events.ts';
import { createRegistryServer } from '../src/effects/registry/server/registry-server.ts';
import { publishImage } from '../src/operations/publish-image/publish.ts';

const DELAY_MS = 30;
const ROUNDS = 5;

const scratch = mkdtempSync(join(tmpdir(), 'stave-bench-'));
let requests: string[] = [];
const server = createRegistryServer({
  directory: join(scratch, 'registry'),
  events: () => {},
  faults: [
    async (request, next) => {
      requests.push(request.method);
      await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
      return await next(request);
    },
  ],
});
const { url } = await server.listen(0, '127.0.0.1');
const place = `${new URL(url).host}/bench/app`;

/** Milliseconds of the whole, and of the push alone. */
async function publish(tags: readonly string[]): Promise<{ wallMs: number; pushMs: number }> {
  let pushStart = 0;
  let pushMs = 0;
  const events = (event: StaveEvent) => {
    if (!('phase' in event) || event.phase !== 'push') return;
    if (event.type === 'phase-started') pushStart = performance.now();
    if (event.type === 'phase-finished') pushMs = performance.now() - pushStart;
  };
  const start = performance.now();
  await publishImage(
    {
      configPath: 'image.yaml',
      tags: tags.map((tag) => `${place}:${tag}`),
      archs: [],
      keyringAppend: [],
      buildRepositoryAppend: [],
      repositoryAppend: [],
      packageAppend: [],
      includePaths: [],
      annotations: [],
      offline: true,
      ignoreSignatures: false,
      vcs: false,
      sbom: true,
      sbomFormats: ['spdx'],
      attachSbom: true,
      local: false,
      dryRun: false,
      cacheDir: join(scratch, 'cache'),
    },
    {
      cwd: join(process.env['STAVE_BENCH_ROOT'] ?? '.', 'examples/quickstart'),
      env: {},
      hostArch: 'amd64',
      homeDir: scratch,
      events,
    },
  );
  return { wallMs: performance.now() - start, pushMs };
}

async function oneHead(): Promise<number> {
  const start = performance.now();
  await fetch(`http://${place.replace('/bench', '/v2/bench')}/manifests/1`, { method: 'HEAD' });
  return performance.now() - start;
}

try {
  for (const tags of [['1'], ['1', '1.0', '1.0.0', 'latest']]) {
    await publish(tags);
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) {
      requests = [];
      const times = await publish(tags);
      rounds.push({ ...times, methods: [...requests], headMs: await oneHead() });
    }
    const best = rounds.reduce((a, b) => (a.pushMs < b.pushMs ? a : b));
    const sending = best.methods.filter((method) => method !== 'HEAD' && method !== 'GET').length;
    console.log(
      [
        `${tags.length} tags, two platforms, three SBOMs, ${DELAY_MS} ms a request:`,
        `push ${best.pushMs.toFixed(0)} ms`,
        `whole publish ${best.wallMs.toFixed(0)} ms`,
        `${best.methods.length} requests, ${sending} of them send something`,
        `one HEAD ${best.headMs.toFixed(0)} ms`,
        `so ${(best.pushMs / best.headMs).toFixed(1)} HEADs, one after the other`,
      ].join(', '),
    );
  }
} finally {
  await server.close();
  rmSync(scratch, { recursive: true, force: true });
}
