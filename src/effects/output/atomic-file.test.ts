import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failingUnwritable, makeFolder, refuseUnplaceable, writeFileAtomically, writeThenName } from './atomic-file.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stave-atomic-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const text = (content: string) => (write: (chunk: Uint8Array) => Promise<void>) => write(Buffer.from(content));

describe('writeFileAtomically', () => {
  it('writes what it is given, in order, and returns what the producer returns', async () => {
    const path = join(directory, 'out');
    const result = await writeFileAtomically(path, async (write) => {
      await write(Buffer.from('one '));
      await write(Buffer.alloc(0));
      await write(Buffer.from('two'));
      return 42;
    });
    expect(result).toBe(42);
    expect(await readFile(path, 'utf8')).toBe('one two');
    expect(await readdir(directory)).toEqual(['out']);
  });

  it.each([0o000, 0o022, 0o077])('gives mode 0644 under umask %o', async (umask) => {
    const path = join(directory, 'out');
    const before = process.umask(umask);
    try {
      await writeFileAtomically(path, text('x'));
    } finally {
      process.umask(before);
    }
    expect((await stat(path)).mode & 0o7777).toBe(0o644);
  });

  it('replaces a file in one step: readers of the old one keep it', async () => {
    const path = join(directory, 'out');
    await writeFile(path, 'old');
    await link(path, join(directory, 'kept'));
    await writeFileAtomically(path, async (write) => {
      await write(Buffer.from('new'));
      expect(await readFile(path, 'utf8')).toBe('old');
    });
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await readFile(join(directory, 'kept'), 'utf8')).toBe('old');
  });

  it('writes through a symbolic link', async () => {
    await mkdir(join(directory, 'real'));
    await writeFile(join(directory, 'real', 'file'), 'old');
    await symlink('real/file', join(directory, 'out'));
    await writeFileAtomically(join(directory, 'out'), text('new'));
    expect(await readFile(join(directory, 'real', 'file'), 'utf8')).toBe('new');
    expect((await readdir(join(directory, 'real'))).length).toBe(1);
  });

  it('writes to a device without replacing it', async () => {
    await writeFileAtomically('/dev/null', text('x'));
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  it('passes what the producer throws, keeps the old file and leaves nothing behind', async () => {
    const path = join(directory, 'out');
    await writeFile(path, 'old');
    const mistake = new Error('mine');
    await expect(
      writeFileAtomically(path, async (write) => {
        await write(Buffer.from('half'));
        throw mistake;
      }),
    ).rejects.toBe(mistake);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(directory)).toEqual(['out']);
  });

  it.each([
    ['a folder that is not there', 'no/out', 'cannot write', 'Create the folder first.'],
    ['a path through a file', 'file/out', 'cannot write', 'A part of the path is a file, not a folder.'],
    ['a folder', 'folder', 'it is a folder', 'Name a file.'],
    ['a name that is too long', 'n'.repeat(300), 'ENAMETOOLONG', 'The name is too long for that file system.'],
  ])('refuses %s', async (_name, path, message, hint) => {
    await writeFile(join(directory, 'file'), '');
    await mkdir(join(directory, 'folder'));
    await expect(writeFileAtomically(join(directory, path), text('x'))).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_UNWRITABLE', message: expect.stringContaining(message), hint }),
    );
    expect((await readdir(directory)).sort()).toEqual(['file', 'folder']);
  });

  it.skipIf(process.getuid?.() === 0)('refuses a folder without permission', async () => {
    await chmod(directory, 0o500);
    await expect(writeFileAtomically(join(directory, 'out'), text('x'))).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_UNWRITABLE', hint: 'You have no permission to write there.' }),
    );
    await chmod(directory, 0o700);
  });
});

describe('writeThenName', () => {
  it('names the file after its content', async () => {
    const size = await writeThenName(
      directory,
      async (write) => {
        await write(Buffer.from('abc'));
        return 3;
      },
      (result) => join(directory, `size-${result}`),
    );
    expect(size).toBe(3);
    expect(await readFile(join(directory, 'size-3'), 'utf8')).toBe('abc');
  });
});

describe('makeFolder', () => {
  it.each([0o000, 0o077])(
    'gives all that it makes mode 0755 under umask %o, and leaves what is there',
    async (umask) => {
      await mkdir(join(directory, 'a'), { mode: 0o700 });
      const before = process.umask(umask);
      try {
        await makeFolder(join(directory, 'a/b/c'));
        await makeFolder(join(directory, 'a'));
      } finally {
        process.umask(before);
      }
      const modes = ['a', 'a/b', 'a/b/c'].map(async (name) => (await stat(join(directory, name))).mode & 0o777);
      expect(await Promise.all(modes)).toEqual([0o700, 0o755, 0o755]);
    },
  );

  it.each(['file', 'file/below'])('refuses %s', async (name) => {
    await writeFile(join(directory, 'file'), '');
    await expect(makeFolder(join(directory, name))).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_UNWRITABLE' }),
    );
  });
});

describe('refuseUnplaceable', () => {
  it('lets through what could be written, new or not', async () => {
    await writeFile(join(directory, 'file'), '');
    await refuseUnplaceable(join(directory, 'file'));
    await refuseUnplaceable(join(directory, 'new'));
  });

  it.each([
    ['missing/new', 'ENOENT', 'Create the folder first.'],
    ['file/new', 'file is not a folder', undefined],
    ['file/x/new', 'ENOTDIR', 'A part of the path is a file, not a folder.'],
  ])('refuses %s', async (name, why, hint) => {
    await writeFile(join(directory, 'file'), '');
    const failure = { code: 'FILE_UNWRITABLE', message: expect.stringContaining(why), hint };
    await expect(refuseUnplaceable(join(directory, name))).rejects.toThrow(expect.objectContaining(failure));
  });
});

describe('failingUnwritable', () => {
  it('says what it cannot explain too', async () => {
    const error = Object.assign(new Error('x'), { code: 'EIO' });
    await expect(failingUnwritable('/p', () => Promise.reject(error))).rejects.toThrow(
      expect.objectContaining({ code: 'FILE_UNWRITABLE', message: 'cannot write /p: EIO', hint: undefined }),
    );
  });

  it.each([
    ['ENOSPC', 'The disk is full.'],
    ['EDQUOT', 'Your disk quota is used up.'],
    ['EROFS', 'That file system is read-only.'],
    ['EPERM', 'You have no permission to write there.'],
  ])('explains %s', async (code, hint) => {
    const error = Object.assign(new Error('x'), { code });
    await expect(failingUnwritable('/p', () => Promise.reject(error))).rejects.toThrow(
      expect.objectContaining({ hint }),
    );
  });
});
