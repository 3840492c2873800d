import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { discoverVersion } from './git-version.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const OTHER = 'f'.repeat(40);
const TAG = 'a'.repeat(40);
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'git-version-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function version(files: Readonly<Record<string, string | Uint8Array>>, start = 'a/b'): string | undefined {
  for (const [path, content] of Object.entries({ HEAD: COMMIT, ...files })) {
    mkdirSync(dirname(join(root, '.git', path)), { recursive: true });
    writeFileSync(join(root, '.git', path), content);
  }
  mkdirSync(join(root, start), { recursive: true });
  return discoverVersion(join(root, start));
}

const tagObject = (id: string) => deflateSync(`tag 100\0object ${id}\ntype commit\ntag v1\n`);

it.each<[name: string, files: Record<string, string | Uint8Array>, expected: string | undefined]>([
  ['no tag', {}, '0~0123456789ab'],
  ['a tag', { 'refs/tags/v1.2.3': COMMIT }, '1.2.3'],
  ['a tag without v', { 'refs/tags/1.2.3-rc.1': COMMIT }, '1.2.3-rc.1'],
  ['a tag with a folder', { 'refs/tags/shop/v2': COMMIT }, '2'],
  ['a tag of another commit', { 'refs/tags/v1': OTHER }, '0~0123456789ab'],
  ['a tag that is no version', { 'refs/tags/latest': COMMIT }, '0~0123456789ab'],
  ['several tags', { 'refs/tags/v1': COMMIT, 'refs/tags/v1.0.2': COMMIT, 'refs/tags/stable': COMMIT }, '1.0.2'],
  ['tags with large numbers', { 'refs/tags/v1.9.0': COMMIT, 'refs/tags/v1.10.0': COMMIT }, '1.10.0'],
  ['an annotated tag', { 'refs/tags/v1': TAG, [`objects/aa/${TAG.slice(2)}`]: tagObject(COMMIT) }, '1'],
  [
    'one of another commit',
    { 'refs/tags/v1': TAG, [`objects/aa/${TAG.slice(2)}`]: tagObject(OTHER) },
    '0~0123456789ab',
  ],
  ['a damaged tag object', { 'refs/tags/v1': TAG, [`objects/aa/${TAG.slice(2)}`]: 'x' }, '0~0123456789ab'],
  ['packed tags', { 'packed-refs': `# x\n${OTHER} refs/tags/v0\n${COMMIT} refs/tags/v1\n` }, '1'],
  ['packed annotated tags', { 'packed-refs': `${TAG} refs/tags/v3\n^${COMMIT}\n${OTHER} refs/tags/v4\n` }, '3'],
  ['a packed branch', { 'packed-refs': `${COMMIT} refs/heads/1.0\n` }, '0~0123456789ab'],
  ['no commit', { HEAD: 'ref: refs/heads/new' }, undefined],
])('%s', (_name, files, expected) => {
  expect(version(files)).toBe(expected);
});

it('is nothing without a repository', () => {
  expect(discoverVersion(root)).toBeUndefined();
});
