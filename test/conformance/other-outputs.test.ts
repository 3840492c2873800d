// What the other commands of the reference write: golden/apko/other (its README says what is there).

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { noEvents } from '../../src/base/events.ts';
import { buildCpio } from '../../src/operations/cpio.ts';
import { drawDependencies } from '../../src/operations/dot.ts';
import type { Host } from '../../src/operations/host.ts';
import { buildMinirootfs } from '../../src/operations/minirootfs.ts';
import { showConfig } from '../../src/operations/show-config.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stave-other-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const other = join(sharedDir ?? '', 'golden/apko/other');
const files = sharedDir === undefined ? [] : readdirSync(other);
const host: Host = { cwd: sharedDir ?? '', env: {}, hostArch: 'x86_64', homeDir: scratch, events: noEvents };

const request = (name: string) => ({
  configPath: `golden/apko/cases/${name}.yaml`,
  archs: [],
  keyringAppend: [],
  buildRepositoryAppend: [],
  repositoryAppend: [],
  packageAppend: [],
  includePaths: [],
  annotations: [],
  cacheDir: join(scratch, 'cache'),
  offline: true,
  ignoreSignatures: false,
  vcs: false,
});

const named = (suffix: string) => files.filter((f) => f.endsWith(suffix)).map((f) => f.slice(0, -suffix.length));

describe.skipIf(sharedDir === undefined)(`other outputs${sharedDir === undefined ? ` (${SHARED_ABSENT})` : ''}`, () => {
  const lines = sharedDir === undefined ? [] : readFileSync(join(other, 'outputs.txt'), 'utf8').trimEnd().split('\n');
  const outputs = lines.map((line) => line.split(' ') as [name: string, arch: string, kind: string, digest: string]);

  it('are all there', () => {
    expect([outputs.length, named('.dot').length, named('.show-config.yaml').length]).toEqual([18, 4, 4]);
  });

  it.each(outputs)('%s %s %s', async (name, arch, kind, digest) => {
    const output = join(scratch, `${name}-${arch}.${kind}`);
    const build = kind === 'cpio' ? buildCpio : buildMinirootfs;
    const report = await build({ ...request(name), archs: [arch], output }, host);
    expect(report.digest).toBe(`sha256:${digest}`);
    expect(createHash('sha256').update(readFileSync(output)).digest('hex')).toBe(digest);
  });

  it.each(named('.dot'))('dot of %s', async (name) => {
    const dot = await drawDependencies({ ...request(name), spanningTree: false }, host);
    expect(dot).toBe(readFileSync(join(other, `${name}.dot`), 'utf8'));
  });

  it.each(named('.show-config.yaml'))('show-config of %s', async (name) => {
    expect(await showConfig(request(name), host)).toBe(readFileSync(join(other, `${name}.show-config.yaml`), 'utf8'));
  });
});
