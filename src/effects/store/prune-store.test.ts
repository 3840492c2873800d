import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { oldestLease, takeLease } from './leases.ts';
import { pruneStore } from './prune-store.ts';
import { openStore, type Store } from './store.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.now();
let root: string;
let store: Store;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'stave-prune-'));
  store = openStore({ root, explicit: true, temporaryDirectory: root, events: () => {} });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const keyOf = (digit: string): string => digit.repeat(64);
const pathOf = (kind: string, digit: string): string => join(root, 'v1', kind, keyOf(digit));
const kept = (kind: string): string[] => readdirSync(join(root, 'v1', kind)).map((name) => name[0] as string);

/** A piece of 1,000 bytes, last used that many hours ago. */
function piece(digit: string, hoursAgo: number): void {
  store.files.write('pieces', keyOf(digit), [Buffer.alloc(1000)]);
  age('pieces', digit, hoursAgo);
}

function age(kind: string, digit: string, hoursAgo: number): void {
  const seconds = (NOW - hoursAgo * HOUR_MS) / 1000;
  utimesSync(pathOf(kind, digit), seconds, seconds);
}

describe('pruneStore', () => {
  it.each([
    [5000, 'abc', 0],
    [3000, 'abc', 0],
    [2999, 'ac', 1],
    [1000, 'a', 2],
    [0, '', 3],
  ])('to %i bytes leaves %j', (maxBytes, left, removedEntries) => {
    piece('a', 2);
    piece('b', 9);
    piece('c', 5);
    store.close();
    expect(pruneStore(root, maxBytes, NOW)).toEqual({
      root,
      beforeBytes: 3000,
      afterBytes: left.length * 1000,
      removedEntries,
    });
    expect(kept('pieces').sort().join('')).toBe(left);
    expect(readdirSync(join(root, 'v1', 'tmp'))).toEqual([]);
  });

  it('counts folders whole, and removes them whole', async () => {
    await store.publish('packages', keyOf('a'), async (folder) => {
      mkdirSync(join(folder, 'deep'));
      writeFileSync(join(folder, 'deep', 'file'), Buffer.alloc(500));
      writeFileSync(join(folder, 'file'), Buffer.alloc(500));
    });
    age('packages', 'a', 3);
    piece('b', 2);
    store.close();
    expect(pruneStore(root, 1000, NOW)).toMatchObject({ beforeBytes: 2000, afterBytes: 1000, removedEntries: 1 });
    expect([kept('packages'), kept('pieces')]).toEqual([[], ['b']]);
  });

  it('takes a use for a use: reading makes an old entry young', async () => {
    piece('a', 50);
    piece('b', 40);
    await store.publish('packages', keyOf('c'), async (folder) => writeFileSync(join(folder, 'f'), 'x'));
    store.writeRecord('results', keyOf('d'), 'text');
    age('packages', 'c', 60);
    age('results', 'd', 60);
    store.files.read('pieces', keyOf('a'), Buffer.alloc(2000));
    store.entry('packages', keyOf('c'));
    store.readRecord('results', keyOf('d'));
    store.close();
    pruneStore(root, 1500, NOW);
    expect([kept('pieces'), kept('packages'), kept('results')]).toEqual([['a'], ['c'], ['d']]);
  });

  it('spares what an open store may be using, and only that', () => {
    piece('a', 0.5); // Perhaps read by the open store: such uses are noted once an hour.
    piece('b', 3);
    expect(pruneStore(root, 0, NOW)).toMatchObject({ afterBytes: 1000, removedEntries: 1 });
    expect(kept('pieces')).toEqual(['a']);
    store.close();
    expect(pruneStore(root, 0, NOW)).toMatchObject({ afterBytes: 0 });
  });

  it('finds nothing in a folder that is not a cache', () => {
    const other = mkdtempSync(join(root, 'other-'));
    mkdirSync(join(other, 'v1', 'pieces'), { recursive: true });
    writeFileSync(join(other, 'v1', 'pieces', 'mine'), 'precious');
    expect(pruneStore(other, 0, NOW)).toMatchObject({ beforeBytes: 0, removedEntries: 0 });
    expect(readdirSync(join(other, 'v1', 'pieces'))).toEqual(['mine']);
    expect(pruneStore(join(root, 'missing'), 0, NOW)).toMatchObject({ beforeBytes: 0 });
  });
});

describe('a lease', () => {
  const directory = (): string => join(root, 'v1');
  const leases = (): string[] => readdirSync(join(directory(), 'leases'));

  it('lives until it is given back', () => {
    store.close();
    expect(oldestLease(directory(), NOW)).toBe(Number.POSITIVE_INFINITY);
    const giveBack = takeLease(directory());
    expect(Math.abs(oldestLease(directory(), NOW) - NOW)).toBeLessThan(HOUR_MS);
    giveBack();
    expect(leases()).toEqual([]);
  });

  it('of a killed process is dead, and is removed', async () => {
    store.close();
    takeLease(directory());
    const [name] = leases();
    const child = spawn('sleep', ['60']);
    const { pid } = child;
    child.kill('SIGKILL');
    await once(child, 'exit');
    renameSync(join(directory(), 'leases', name as string), join(directory(), 'leases', `${pid}-killed`));
    expect(oldestLease(directory(), NOW)).toBe(Number.POSITIVE_INFINITY);
    expect(leases()).toEqual([]);
  });

  it.each([
    [23, 1],
    [25, 0],
  ])('from another machine, %i hours old, counts: %i', (hours, count) => {
    store.close();
    const path = join(directory(), 'leases', '1-elsewhere');
    writeFileSync(path, 'another-host \n');
    utimesSync(path, (NOW - hours * HOUR_MS) / 1000, (NOW - hours * HOUR_MS) / 1000);
    oldestLease(directory(), NOW);
    expect(leases()).toHaveLength(count);
  });
});
