import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PieceStore } from './piece-store.ts';
import { openStore, type Store } from './store.ts';

const KEY = 'a'.repeat(64);
const PIECE = { compressed: Buffer.from('some deflated bytes'), crc: 0xcafebabe, sum: 0xfeedface };
let root: string;
let store: Store;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'stave-pieces-'));
  store = openStore({ root, explicit: true, temporaryDirectory: root, events: () => {} });
});
afterEach(() => rmSync(root, { recursive: true }));

const files = (): string[] => readdirSync(join(root, 'v1', 'pieces')).map((name) => join(root, 'v1', 'pieces', name));
const buffer = (): Buffer => Buffer.alloc(1000);

describe('PieceStore', () => {
  it('gives back what was written', () => {
    new PieceStore(store.files).write(KEY, PIECE);
    expect(new PieceStore(store.files).read(KEY, buffer())).toEqual(PIECE);
    expect(readdirSync(join(root, 'v1', 'tmp'))).toEqual([]);
  });

  it('notices every flipped bit and every cut, and removes the piece', () => {
    const pieces = new PieceStore(store.files);
    pieces.write(KEY, PIECE);
    const [file] = files() as [string];
    const sound = readFileSync(file);
    for (let bit = 0; bit < sound.length * 8; bit++) {
      const bad = Buffer.from(sound);
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
      writeFileSync(file, bad);
      expect(pieces.read(KEY, buffer())).toBeUndefined();
      expect(files()).toEqual([]);
    }
    for (let length = 0; length < sound.length; length++) {
      writeFileSync(file, sound.subarray(0, length));
      expect(pieces.read(KEY, buffer())).toBeUndefined();
    }
    writeFileSync(file, sound);
    expect(pieces.read(KEY, buffer())).toEqual(PIECE);
  });

  it('does not take one piece for another', () => {
    const pieces = new PieceStore(store.files);
    pieces.write(KEY, PIECE);
    const [first] = files() as [string];
    pieces.write('b'.repeat(64), { ...PIECE, crc: 7 });
    const second = files().find((file) => file !== first) as string;
    renameSync(second, first);
    expect(pieces.read(KEY, buffer())).toBeUndefined();
  });

  it('has no piece for a buffer that is too small', () => {
    const pieces = new PieceStore(store.files);
    pieces.write(KEY, PIECE);
    expect(pieces.read(KEY, Buffer.alloc(10))).toBeUndefined();
    expect(pieces.read(KEY, buffer())).toEqual(PIECE);
  });

  it('discards', () => {
    const pieces = new PieceStore(store.files);
    pieces.write(KEY, PIECE);
    pieces.discard(KEY);
    pieces.discard(KEY);
    expect(pieces.read(KEY, buffer())).toBeUndefined();
  });
});
