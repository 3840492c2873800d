import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashHex } from '../../base/digest.ts';
import type { FileSource } from '../../planning/config/file-group.ts';
import { collectTree } from './collect-tree.ts';
import type { CollectionBudget } from './collection-budget.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stave-collect-'));
const root = join(scratch, 'config');
afterAll(() => rmSync(scratch, { recursive: true }));

function put(path: string, text = path, mode = 0o644): void {
  const file = join(scratch, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
}

beforeAll(() => {
  put('config/app', 'app', 0o711);
  put('config/tree/a.js');
  put('config/tree/b.ts', 'b', 0o666);
  put('config/tree/deep/c.js');
  put('config/tree/[slug].js');
  put('config/.hidden/x');
  put('outside/secret');
  mkdirSync(join(root, 'tree/empty'));
  symlinkSync('tree/a.js', join(root, 'named'));
  symlinkSync('../a.js', join(root, 'tree/deep/up'));
  symlinkSync('/usr/bin/python3', join(root, 'tree/python'));
  symlinkSync('../outside', join(root, 'way-out'));
  symlinkSync('nowhere', join(root, 'broken'));
});

function collect(source: Partial<FileSource>, budget: CollectionBudget = { files: 100, bytes: 10_000 }) {
  const full = {
    from: '',
    inline: undefined,
    url: '',
    sha256: '',
    to: '/x',
    mode: undefined,
    owner: '',
    exclude: [],
    archs: [],
    ...source,
  };
  return collectTree(full, root, budget);
}

const linesOf = (source: Partial<FileSource>) =>
  collect(source)
    .map((e) =>
      e.kind === 'symlink'
        ? `${e.path} -> ${e.target}`
        : `${e.path}${e.kind === 'directory' ? '/' : ''} ${e.mode.toString(8)}`,
    )
    .sort();

describe('collectTree', () => {
  it.each<[name: string, source: Partial<FileSource>, lines: string[]]>([
    ['a file', { from: 'app' }, ['x 755']],
    ['a file into a folder', { from: './app', to: '/x/' }, ['x/app 755']],
    ['a file with a mode', { from: 'app', mode: 0o640 }, ['x 640']],
    ['what a link leads to, when it is named', { from: 'named' }, ['x 644']],
    [
      'a folder',
      { from: 'tree' },
      [
        'x/ 755',
        'x/[slug].js 644',
        'x/a.js 644',
        'x/b.ts 644',
        'x/deep/ 755',
        'x/deep/c.js 644',
        'x/deep/up -> ../a.js',
        'x/empty/ 755',
        'x/python -> /usr/bin/python3',
      ],
    ],
    [
      'a folder but not all of it',
      { from: 'tree/', exclude: ['*.js', 'python', 'empty/', 'up', '!c.js'] },
      ['x/ 755', 'x/b.ts 644', 'x/deep/ 755', 'x/deep/c.js 644'],
    ],
    ['a folder to the root', { from: 'tree/deep', to: '/', exclude: ['up'] }, ['c.js 644']],
    ['a pattern', { from: 'tree/*.js', to: '/x/' }, ['x/[slug].js 644', 'x/a.js 644']],
    ['a deep pattern', { from: 'tree/**/*.js', to: '/x/' }, ['x/[slug].js 644', 'x/a.js 644', 'x/deep/c.js 644']],
    [
      'a pattern with exclusion',
      { from: '**/*.js', to: '/', exclude: ['deep'] },
      ['tree/[slug].js 644', 'tree/a.js 644'],
    ],
    ['a name with brackets', { from: 'tree/[slug].js' }, ['x 644']],
    ['an absolute path', { from: join(scratch, 'outside/secret') }, ['x 644']],
    ['an absolute pattern', { from: join(scratch, 'outside/*'), to: '/x/' }, ['x/secret 644']],
  ])('takes %s', (_name, source, lines) => {
    // A pattern over the whole folder meets links that only other rows are about.
    const exclude = source.from === '**/*.js' ? [...(source.exclude ?? []), 'way-out', 'broken'] : source.exclude;
    expect(linesOf({ ...source, ...(exclude && { exclude }) })).toEqual(lines);
  });

  it('digests contents and remembers where they are', () => {
    expect(collect({ from: 'app', owner: 'web', archs: ['amd64'] })).toEqual([
      {
        kind: 'file',
        path: 'x',
        owner: 'web',
        archs: ['amd64'],
        mode: 0o755,
        sizeBytes: 3,
        sha1: hashHex('sha1', 'app'),
        sha256: hashHex('sha256', 'app'),
        content: { kind: 'disk', file: join(root, 'app'), name: 'app' },
      },
    ]);
  });

  it.each<[name: string, source: Partial<FileSource>, code: string, message: string]>([
    ['nothing', { from: 'missing' }, 'CONFIG_NOT_FOUND', '"missing" does not exist'],
    ['below a file', { from: 'app/x' }, 'CONFIG_NOT_FOUND', '"app/x" does not exist'],
    ['a broken link', { from: 'broken' }, 'CONFIG_NOT_FOUND', '"broken" does not exist'],
    ['no match', { from: '*.zip', to: '/x/', exclude: [] }, 'CONFIG_NOT_FOUND', 'no file fits "*.zip"'],
    ['a missing folder of a pattern', { from: 'no/*.zip', to: '/x/' }, 'CONFIG_NOT_FOUND', '"no" does not exist'],
    ['a pattern to one file', { from: 'tree/*', to: '/x' }, 'CONFIG_INVALID', 'must be a folder'],
    ['the folder above', { from: '..' }, 'CONFIG_INVALID', '".." leads out of the folder'],
    ['a path above', { from: '../outside/secret' }, 'CONFIG_INVALID', 'leads out of the folder'],
    ['a link out', { from: 'way-out/secret' }, 'CONFIG_INVALID', 'leads out of the folder'],
    ['a pattern out', { from: 'way-out/*', to: '/x/' }, 'CONFIG_INVALID', '"way-out" leads out of the folder'],
    [
      'a relative link out of what is copied',
      { from: 'tree/deep' },
      'CONFIG_INVALID',
      'tree/deep/up is a link to "../a.js"',
    ],
  ])('refuses %s', (_name, source, code, message) => {
    expect(() => collect(source)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  it('knows programs by how they begin where the file system does not know them', () => {
    put('config/plain/script', '#!/bin/sh\n', 0o666);
    put('config/plain/elf', '\x7fELF...', 0o666);
    put('config/plain/text', 'x', 0o777);
    put('config/plain/empty', '', 0o777);
    const modes = (hasBits: boolean, mode?: number) => {
      const source = { from: 'plain', inline: undefined, url: '', sha256: '', to: '/x', mode, owner: '' };
      const entries = collectTree({ ...source, exclude: [], archs: [] }, root, { files: 9, bytes: 99 }, hasBits);
      return entries.flatMap((e) => (e.kind === 'file' ? `${e.path} ${e.mode.toString(8)}` : []));
    };
    expect(modes(true)).toEqual(['x/elf 644', 'x/empty 755', 'x/script 644', 'x/text 755']);
    expect(modes(false)).toEqual(['x/elf 755', 'x/empty 644', 'x/script 755', 'x/text 644']);
    expect(new Set(modes(false, 0o640).map((line) => line.split(' ')[1]))).toEqual(new Set(['640']));
  });

  it('refuses pipes without waiting for them', () => {
    mkdirSync(join(root, 'odd'));
    execFileSync('mkfifo', [join(root, 'odd/pipe')]);
    expect(() => collect({ from: 'odd' })).toThrow('odd/pipe is a pipe');
    expect(() => collect({ from: 'odd/pipe' })).toThrow('odd/pipe is a pipe');
    expect(collect({ from: 'odd', exclude: ['pipe'] })).toHaveLength(1);
  });

  it('keeps to its bounds', () => {
    expect(() => collect({ from: 'tree' }, { files: 3, bytes: 1000 })).toThrow(
      expect.objectContaining({ code: 'ARCHIVE_LIMIT' }),
    );
    expect(() => collect({ from: 'tree' }, { files: 100, bytes: 5 })).toThrow(
      expect.objectContaining({ code: 'ARCHIVE_LIMIT' }),
    );
    put(`config/far/${'d/'.repeat(200)}x`);
    expect(() => collect({ from: 'far' }, { files: 1000, bytes: 1000 })).toThrow('folders deep');
  });

  it.skipIf(process.getuid?.() === 0)('says what it may not read', () => {
    put('config/private', 'x', 0o000);
    expect(() => collect({ from: 'private' })).toThrow('cannot read "private": EACCES');
  });
});
