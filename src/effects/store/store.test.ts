import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StaveEvent } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import { openStore, type Store } from './store.ts';
import { defaultStoreRoot } from './store-layout.ts';
import { cacheStatus, removeStore } from './store-status.ts';

const KEY = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
let home: string;
let root: string;
const events: StaveEvent[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'store-test-'));
  root = join(home, 'cache', 'stave');
  events.length = 0;
});
afterEach(() => rmSync(home, { recursive: true }));

const store = (over: { root?: string | undefined; explicit?: boolean } = {}): Store =>
  openStore({ root, explicit: true, temporaryDirectory: home, events: (e) => events.push(e), ...over });
const put = (s: Store, key: string, text: string) =>
  s.publish('packages', key, async (folder) => writeFileSync(join(folder, 'f'), text));
const leftovers = () => readdirSync(join(root, 'v1', 'tmp'));

describe('entries', () => {
  it('appear whole under their key', async () => {
    const s = store();
    expect(s.entry('packages', KEY)).toBeUndefined();
    const folder = await put(s, KEY, 'one');
    expect(folder).toBe(join(root, 'v1', 'packages', KEY));
    expect(s.entry('packages', KEY)).toBe(folder);
    expect(store().entry('packages', KEY)).toBe(folder);
    expect(s.entry('indexes', KEY)).toBeUndefined();
    expect(leftovers()).toEqual([]);
  });

  it('stay those of the quicker build', async () => {
    const s = store();
    const slow = s.publish('packages', KEY, async (folder) => {
      writeFileSync(join(folder, 'f'), 'slow');
      await put(store(), KEY, 'quick');
    });
    expect(readFileSync(join(await slow, 'f'), 'utf8')).toBe('quick');
    expect(leftovers()).toEqual([]);
  });

  it('do not appear when filling them fails', async () => {
    const s = store();
    const filling = s.publish('packages', KEY, async (folder) => {
      writeFileSync(join(folder, 'f'), 'half');
      throw new Failure('ARCHIVE_INVALID', 'broken');
    });
    await expect(filling).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
    expect(s.entry('packages', KEY)).toBeUndefined();
    expect(leftovers()).toEqual([]);
  });

  it('turn errors of the disk into CACHE_UNUSABLE', async () => {
    const filling = store().publish('packages', KEY, async (folder) => writeFileSync(join(folder, 'no', 'f'), ''));
    await expect(filling).rejects.toMatchObject({ code: 'CACHE_UNUSABLE' });
  });

  it('can be taken out, twice too, and put in again', async () => {
    const s = store();
    await put(s, KEY, 'one');
    s.discard('packages', KEY);
    s.discard('packages', KEY);
    expect(s.entry('packages', KEY)).toBeUndefined();
    expect(readFileSync(join(await put(s, KEY, 'two'), 'f'), 'utf8')).toBe('two');
  });

  it('refuse keys that are not digests', () => {
    for (const key of ['../../etc', 'https://u:p@h', 'A'.repeat(64), '', 'abc']) {
      expect(() => store().entry('packages', key)).toThrow(/not a digest/);
    }
  });
});

describe('records', () => {
  it('are read as they were written, and replaced whole', () => {
    const s = store();
    expect(s.readRecord('heads', KEY)).toBeUndefined();
    for (const text of ['one', 'two', '']) {
      s.writeRecord('heads', KEY, text);
      expect(Buffer.from(store().readRecord('heads', KEY) ?? 'missing').toString()).toBe(text);
    }
    expect(leftovers()).toEqual([]);
  });

  it('are not there when a bit is flipped', () => {
    const s = store();
    s.writeRecord('heads', KEY, 'text');
    const path = join(root, 'v1', 'heads', KEY);
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    writeFileSync(path, bytes);
    expect(s.readRecord('heads', KEY)).toBeUndefined();
  });
});

describe('openStore', () => {
  it('sweeps leftovers of killed builds after a day', () => {
    store();
    const [old, young] = ['1-old', '2-young'].map((name) => join(root, 'v1', 'tmp', name)) as [string, string];
    for (const folder of [old, young]) {
      mkdirSync(folder);
      writeFileSync(join(folder, 'half'), 'x');
    }
    const yesterday = Date.now() / 1000 - 25 * 60 * 60;
    utimesSync(old, yesterday, yesterday);
    store();
    expect([existsSync(old), existsSync(young)]).toEqual([false, true]);
  });

  it('survives that somebody empties the cache meanwhile', async () => {
    const s = store();
    rmSync(root, { recursive: true });
    await put(s, KEY, 'one');
    s.writeRecord('heads', OTHER, 'text');
    expect(s.entry('packages', KEY)).toBeDefined();
  });

  it('fails when the folder that the user named does not work', () => {
    writeFileSync(join(home, 'file'), '');
    expect(() => store({ root: join(home, 'file', 'cache') })).toThrow(
      expect.objectContaining({ code: 'CACHE_UNUSABLE' }),
    );
  });

  it.each([
    ['the default does not work', () => join(home, 'file', 'cache'), /ENOTDIR/],
    ['there is no default', () => undefined, /HOME/],
  ])('warns and works for this run alone when %s', async (_name, where, reason) => {
    writeFileSync(join(home, 'file'), '');
    const s = store({ root: where(), explicit: false });
    expect(events).toMatchObject([{ type: 'warning', code: 'CACHE_UNUSABLE', message: expect.stringMatching(reason) }]);
    const folder = await put(s, KEY, 'one');
    expect(folder.startsWith(home)).toBe(true);
    s.close();
    expect(readdirSync(home)).toEqual(['file']);
  });

  it('keeps a lasting store when closed', async () => {
    const s = store();
    await put(s, KEY, 'one');
    s.close();
    expect(store().entry('packages', KEY)).toBeDefined();
  });
});

describe('defaultStoreRoot', () => {
  it.each([
    [{ XDG_CACHE_HOME: '/x', HOME: '/h' }, '/x/stave'],
    [{ XDG_CACHE_HOME: 'relative', HOME: '/h' }, '/h/.cache/stave'],
    [{ XDG_CACHE_HOME: '', HOME: '/h' }, '/h/.cache/stave'],
    [{ USERPROFILE: '/u' }, '/u/.cache/stave'],
    [{ HOME: '' }, undefined],
    [{}, undefined],
  ])('%o: %s', (environment, expected) => {
    expect(defaultStoreRoot(environment)).toBe(expected);
  });
});

describe('cacheStatus and removeStore', () => {
  it('tell and remove what is there', async () => {
    const s = store();
    await put(s, KEY, 'x'.repeat(1000));
    await put(s, OTHER, 'x'.repeat(500));
    s.writeRecord('heads', KEY, '');
    const status = cacheStatus(root);
    expect(status.kinds.map((k) => [k.kind, k.entries])).toEqual([
      ['heads', 1],
      ['packages', 2],
      ['tmp', 0],
    ]);
    expect(status.kinds[1]?.sizeBytes).toBe(1500);
    expect(status.sizeBytes).toBe(1500 + (status.kinds[0]?.sizeBytes ?? 0));
    expect(removeStore(root, { dryRun: true })).toEqual(status);
    expect(existsSync(join(root, 'v1'))).toBe(true);
    expect(removeStore(root, { dryRun: false })).toEqual(status);
    expect(existsSync(root)).toBe(false);
  });

  it('say that there is nothing where there is nothing', () => {
    expect(cacheStatus(root)).toEqual({ root, sizeBytes: 0, kinds: [] });
    expect(removeStore(root, { dryRun: false }).sizeBytes).toBe(0);
  });

  it('leave what is not ours', () => {
    mkdirSync(join(root, 'v1', 'packages'), { recursive: true });
    writeFileSync(join(root, 'v1', 'packages', 'precious'), 'x');
    removeStore(root, { dryRun: false });
    expect(existsSync(join(root, 'v1', 'packages', 'precious'))).toBe(true);
    writeFileSync(join(root, 'mine.txt'), 'x');
    rmSync(join(root, 'v1'), { recursive: true });
    store();
    removeStore(root, { dryRun: false });
    expect(readdirSync(root)).toEqual(['mine.txt']);
  });

  it('finish a removal that was interrupted', () => {
    store();
    mkdirSync(join(root, 'removing-12345678-1234-1234-1234-123456789abc', 'packages', KEY), { recursive: true });
    expect(cacheStatus(root).kinds.map((k) => k.kind)).toEqual(['packages', 'tmp']);
    removeStore(root, { dryRun: false });
    expect(existsSync(root)).toBe(false);
  });

  it('fail with CACHE_UNUSABLE where the folder cannot be read', () => {
    store();
    symlinkSync('loop', join(root, 'v1', 'loop'));
    const unusable = expect.objectContaining({ code: 'CACHE_UNUSABLE' });
    expect(() => cacheStatus(root)).toThrow(unusable);
    expect(() => removeStore(root, { dryRun: false })).toThrow(unusable);
  });
});
