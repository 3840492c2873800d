import { describe, expect, it } from 'vitest';
import { FileTree } from '../rootfs/file-tree.ts';
import { listTexts, readTextFile } from './text-file.ts';

function tree(): FileTree {
  const made = new FileTree(() => new Uint8Array(0));
  made.mkdirAll('etc', 0o755);
  made.writeFile('etc/ascii', 'root:x:0:0\n', 0o644);
  made.writeFile('etc/utf8', 'Zoë, 東京, 🦊\n', 0o644);
  made.writeFile('etc/latin1', Uint8Array.of(0x5a, 0xeb, 0x0a), 0o644);
  made.writeFile('etc/empty', '', 0o644);
  made.symlink('etc/utf8', 'link');
  return made;
}

describe('a small text file', () => {
  it.each([
    ['etc/ascii', 'root:x:0:0\n'],
    ['etc/utf8', 'Zoë, 東京, 🦊\n'],
    ['etc/latin1', 'Z\ufffd\n'],
    ['etc/empty', ''],
    ['link', 'Zoë, 東京, 🦊\n'],
    ['etc', undefined],
    ['etc/none', undefined],
  ])('%s is read as UTF-8', (path, text) => {
    expect(readTextFile(tree(), path, 1000)).toBe(text);
  });

  it('is cut at the bound, in the middle of a character, too', () => {
    expect(readTextFile(tree(), 'etc/ascii', 4)).toBe('root');
    expect(readTextFile(tree(), 'etc/utf8', 3)).toBe('Zo\ufffd');
  });

  it('is found by its name in a directory', () => {
    expect(listTexts(tree(), 'etc', /^(utf8|ascii|none)$/, 4)).toEqual([
      ['ascii', 'root'],
      ['utf8', 'Zoë'],
    ]);
    expect(listTexts(tree(), 'etc/ascii', /./, 4)).toEqual([]);
  });
});
