// Other processes at work in the same store: several at once, and one that is killed at random points.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packagedFile, type TinyPackage, tinyPackage } from '../../../test/support/tiny-apk.ts';
import { hashHex } from '../../base/digest.ts';
import { parseChecksum } from '../../formats/apk/data-entries.ts';
import { expandPackage, openExpandedPackage } from './expand-package.ts';
import { openStore, type Store } from './store.ts';

let home: string;
let program: string;
const packages: TinyPackage[] = [];

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'processes-test-'));
  program = join(home, 'expand-in-a-loop.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('../../../test/support/expand-in-a-loop.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
  });
  mkdirSync(join(home, 'apks'));
  for (let i = 0; i < 5; i++) {
    const files = [packagedFile('random', randomBytes(1 << 20)), packagedFile('zeros', Buffer.alloc(1 << 20))];
    const p = tinyPackage(`p${i}`, { files });
    packages.push(p);
    writeFileSync(join(home, 'apks', parseChecksum(p.checksum) ?? ''), p.bytes);
  }
});
afterAll(() => rmSync(home, { recursive: true }));

function start(root: string, rounds: number, mode: 'keep' | 'discard') {
  const child = spawn(process.execPath, [program, root, join(home, 'apks'), `${rounds}`, mode], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  const ready = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  return { child: child as ChildProcess, ready, exit, errors: () => errors };
}

const open = (root: string): Store => openStore({ root, explicit: true, temporaryDirectory: root, events: () => {} });

/** What is visible under a package's key is that package. */
function assertRight(store: Store, p: TinyPackage): boolean {
  const handle = openExpandedPackage(store, { label: p.label, checksum: p.checksum });
  if (handle === undefined) return false;
  expect(handle.package.info.name).toBe(p.name);
  expect(hashHex('sha256', handle.read(0, handle.dataTarBytes))).toBe(hashHex('sha256', p.dataTar));
  handle.close();
  return true;
}

it('kill -9 at random points leaves nothing wrong', async () => {
  const root = join(home, 'killed');
  let present = 0;
  let leftovers = 0;
  for (let round = 0; round < 12; round++) {
    const { child, ready, exit } = start(root, 1e6, 'discard');
    await ready;
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
    child.kill('SIGKILL');
    await exit;
    const store = open(root);
    for (const p of packages) if (assertRight(store, p)) present++;
    leftovers += readdirSync(join(root, 'v1', 'tmp')).length;
  }
  // The kills did hit work in progress: otherwise this test proves nothing.
  expect(present + leftovers).toBeGreaterThan(0);
  const store = open(root);
  for (const p of packages) {
    async function* bytes() {
      yield p.bytes;
    }
    (await expandPackage(store, { label: p.label, checksum: p.checksum }, bytes())).close();
    expect(assertRight(store, p)).toBe(true);
  }
});

it('several processes fill one store at once', async () => {
  const root = join(home, 'shared');
  const running = [1, 2, 3].map(() => start(root, 3, 'keep'));
  for (const one of running) {
    expect(await one.exit, one.errors()).toBe(0);
  }
  const store = open(root);
  for (const p of packages) expect(assertRight(store, p)).toBe(true);
  expect(readdirSync(join(root, 'v1', 'tmp'))).toEqual([]);
});
