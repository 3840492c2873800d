import { describe, expect, it } from 'vitest';
import { buildElf, rangeOf } from '../../../test/support/tiny-elf.ts';
import { readFileFacts } from './file-facts.ts';

const factsOf = (path: string, content: Buffer | string) => {
  const bytes = Buffer.from(content as string);
  return readFileFacts(path, bytes.length, rangeOf(bytes));
};

describe('a script', () => {
  it.each([
    ['#!/bin/sh\n', '/bin/sh', ''],
    ['#! /usr/bin/env  python3 -u \necho', '/usr/bin/env', 'python3 -u'],
    ['#!/bin/sh', '/bin/sh', ''],
    ['#!\t/bin/awk -f\r\n', '/bin/awk', '-f'],
  ])('%j', (content, interpreter, argument) => {
    expect(factsOf('bin/x', content)).toEqual({ script: { interpreter, argument } });
  });

  it.each(['#!', '#!\n', '# !/bin/sh\n', ' #!/bin/sh\n', ''])('is not %j', (content) => {
    expect(factsOf('bin/x', content)).toBeUndefined();
  });
});

describe('an ELF file', () => {
  it('tells its links', () => {
    const facts = factsOf(
      'usr/bin/app',
      buildElf({
        interpreter: '/lib/ld.so',
        needed: ['liba.so'],
        rpath: '/a:/b',
        runpath: '/c',
        needs: { 'liba.so': ['V1', '?V2'], 'libw.so': ['?W'] },
      }),
    );
    expect(facts?.elf).toMatchObject({
      bits: 64,
      machine: 62,
      interpreter: '/lib/ld.so',
      isDynamic: true,
      needed: ['liba.so'],
      rpath: ['/a', '/b'],
      runpath: ['/c'],
      wants: [{ library: 'liba.so', versions: ['V1'] }],
    });
    expect(facts?.elf).not.toHaveProperty('offers');
  });

  it('offers its versions and its own name', () => {
    const elf = buildElf({ soname: 'liba.so', definitions: ['liba.so', 'V1'] });
    expect(factsOf('lib/liba.so', elf)?.elf?.offers).toEqual(['V1', 'liba.so']);
  });

  it('without a dynamic section has no links', () => {
    expect(factsOf('bin/x', buildElf({ dynamic: false }))?.elf).toMatchObject({ isDynamic: false, needed: [] });
  });

  it('that is damaged is nothing', () => {
    expect(factsOf('bin/x', buildElf({}).subarray(0, 40))).toBeUndefined();
  });
});

describe('a glibc loader', () => {
  const directories = '\0/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0/usr/lib/\0\0/etc/\0';
  it.each([
    ['lib/ld-linux-x86-64.so.2', ['/lib/x86_64-linux-gnu/', '/usr/lib/x86_64-linux-gnu/', '/lib/', '/usr/lib/']],
    ['lib/ld-2.31.so', ['/lib/x86_64-linux-gnu/', '/usr/lib/x86_64-linux-gnu/', '/lib/', '/usr/lib/']],
    ['lib/libx.so.2', undefined],
  ])('%s names the directories that it was built for', (path, expected) => {
    const elf = Buffer.concat([buildElf({ soname: 'ld' }), Buffer.from(directories)]);
    expect(factsOf(path, elf)?.elf?.loaderDirectories).toEqual(expected);
  });

  it('of another distribution', () => {
    const elf = Buffer.concat([buildElf({}), Buffer.from('\0/lib64/\0/usr/lib64/\0')]);
    expect(factsOf('lib64/ld-linux-x86-64.so.2', elf)?.elf?.loaderDirectories).toEqual(['/lib64/', '/usr/lib64/']);
  });
});

describe('a text', () => {
  const token = `ghp_q8Zr4Lw0pXvN2t9KbTgY6mHs3dJfUe5cRa1i`;
  it('is searched for secrets', () => {
    expect(factsOf('srv/notes', `a\n${token}\n`)).toEqual({
      secrets: [{ kind: 'secret', what: 'a GitHub token', line: 2 }],
    });
  });

  it.each([
    ['etc/app.conf', 1],
    ['srv/.env', 1],
    ['srv/app.env', 1],
    ['root/.npmrc', 1],
    ['srv/app.js', 0],
    ['usr/share/app/app.conf', 0],
    ['usr/lib/python3/config.ini', 0],
  ])('%s is a configuration: %s', (path, hits) => {
    expect(factsOf(path, 'api_key = q8Zr4Lw0pXvN2t9K\n')?.secrets ?? []).toHaveLength(hits);
  });

  it('of more than a mebibyte, or with a NUL, is data', () => {
    expect(factsOf('srv/notes', `${token}\n${'x'.repeat(2 ** 20)}`)).toBeUndefined();
    expect(factsOf('srv/notes', `\0${token}\n`)).toBeUndefined();
  });

  it('of some size is read to its end', () => {
    expect(factsOf('srv/notes', `${'x\n'.repeat(20_000)}${token}\n`)?.secrets).toHaveLength(1);
  });
});
