// Wishes that can and cannot be fulfilled, and the questions why and why-not, on a configuration and on a lock
// (issue 3, "Resolve"). What the solver must find is for the conformance tests; here is what people get to read.

import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONFIG, failureOf, Place } from './place.ts';
import { RECIPES, type Recipe, smallRepository } from './small-repository.ts';

const MORE: readonly Recipe[] = [
  { name: 'mail-one', provides: ['mail=1'], depends: ['libsmall<1.5'] },
  { name: 'mail-two', provides: ['mail=2'], depends: ['libsmall=1.5-r0'] },
  { name: 'picky', depends: ['nowhere-to-be-found'] },
];
const REPOSITORY = smallRepository([...RECIPES, ...MORE]);

const place = (wishes: string, extra = '') =>
  new Place(CONFIG.replace(/ {2}packages:\n.*\n.*\n/, `  packages: [${wishes}]\n`) + extra, REPOSITORY);

describe('a configuration that cannot be fulfilled', () => {
  const rows: readonly (readonly [
    wishes: string,
    sentence: string,
    hint: string | undefined,
    tree: readonly string[],
  ])[] = [
    ['layout, ap', 'on amd64, nothing fulfils the wish "ap": nothing provides it', 'did you mean "app"?', ['- ap']],
    [
      'layout, libsmal',
      'on amd64, nothing fulfils the wish "libsmal": nothing provides it',
      'did you mean "libsmall"?',
      [],
    ],
    ['app=3', 'on amd64, nothing fulfils the wish "app=3"', undefined, ['2.0-r1']],
    ['libsmall<1', 'on amd64, nothing fulfils the wish "libsmall<1"', undefined, ['1.4-r0', '1.5-r0']],
    ['mail-one, mail-two', 'on amd64', undefined, ['mail-one', 'mail-two']],
    [
      'app, "!libsmall"',
      'on amd64',
      undefined,
      ['- !libsmall', '- needs so:libsmall.so.1, but libsmall-1.4-r0, libsmall-1.5-r0 is excluded'],
    ],
    ['picky', 'on amd64', undefined, ['needs nowhere-to-be-found']],
    ['"hello world"', 'on amd64, nothing fulfils the wish "hello world"', undefined, []],
    ['"../app"', 'on amd64, nothing fulfils the wish "../app"', undefined, []],
  ];
  it.each(rows)('%s', async (wishes, sentence, hint, tree) => {
    const answer = await place(wishes).tryBuild();
    const failure = failureOf(answer);
    expect([failure.code, failure.exitCode], failure.message).toEqual(['SOLVE_CONFLICT', 4]);
    const text = [failure.message, ...(failure.notes ?? []), failure.hint ?? ''].join('\n');
    expect(text).toContain(sentence);
    for (const line of tree) expect(text).toContain(line);
    if (hint !== undefined) expect(failure.hint).toContain(hint);
    expect(failure.data.wishes.length).toBeGreaterThan(0);
  });

  it('points at the wish, also where an included file has it, and at nothing where a flag has it', async () => {
    const { where } = failureOf(await place('layout, libsmal').tryBuild());
    expect(where).toMatchObject({ file: 'image.yaml', text: expect.stringContaining('libsmal') });
    expect(where.text.slice(where.column - 1)).toMatch(/^libsmal/);
    const including = place('layout');
    including.write('base.yaml', 'contents:\n  packages:\n    - libsmal\n');
    including.write('image.yaml', `include: base.yaml\n${including.text('image.yaml')}`);
    expect(failureOf(await including.tryBuild()).where).toMatchObject({ file: 'base.yaml', line: 3, column: 7 });
    expect(failureOf(await place('layout').tryBuild(['-p', 'libsmal'])).where).toBeUndefined();
  });

  it('an empty wish is a mistake of the configuration', async () => {
    const answer = await place('app, ""').tryBuild();
    expect([3, 4]).toContain(answer.exitCode);
    expect(failureOf(answer).message).not.toBe('');
  });

  it('names the architecture that has no such version', async () => {
    const one = place('app');
    const other = smallRepository([{ name: 'layout' }, { name: 'app', version: '2.1-r0', depends: [] }], {
      archs: ['aarch64'],
    });
    for (const [path, bytes] of other.files) one.write(`repository/${path}`, bytes);
    const failure = failureOf(await one.tryBuild());
    expect(failure).toMatchObject({ code: 'SOLVE_CONFLICT', exitCode: 4 });
    expect(failure.message).toContain(
      'on amd64, nothing fulfils the wish "app": app 2.0-r1 (in ./repository) does not exist for arm64',
    );
    expect(failure.hint).toContain('build only amd64');
  });

  it('is told as a tree to people', async () => {
    const { stderr } = await place('mail-one, app, libsmall>1.4-r0').stave([
      'build',
      'image.yaml',
      'example.com/app:1',
      'x.tar',
    ]);
    expect(stderr).toContain('[SOLVE_CONFLICT]');
    expect(stderr).toMatch(/\n {2}- .*libsmall>1\.4-r0/);
    expect(stderr).toMatch(/\n {2}- mail-one\n {4}- mail-one-1\.0-r0\n {6}- needs libsmall<1\.5, but libsmall-1\.4-r0/);
    expect(stderr).not.toContain('- app\n');
  });
});

describe('what is wished away', () => {
  it('is not installed, and a wish without it is as before', async () => {
    const { stdout } = await place('layout, "!docs", app').do(['show-packages', 'image.yaml', '--arch', 'amd64']);
    expect(stdout).toBe('libsmall 1.5-r0\napp 2.0-r1\nlayout 1.0-r0\n');
  });
});

describe('why', () => {
  const rows: readonly (readonly [name: string, lines: readonly string[]])[] = [
    ['app', ['wish app', '  app-2.0-r1']],
    ['libsmall', ['wish app', '  app-2.0-r1', '    needs so:libsmall.so.1: libsmall-1.5-r0']],
    ['so:libsmall.so.1', ['"so:libsmall.so.1" is libsmall-1.5-r0', 'wish app']],
    ['libsmall=1.5-r0', ['"libsmall=1.5-r0" is libsmall-1.5-r0']],
    ['lbsmall', ['"lbsmall" is not installed', 'hint: did you mean "libsmall"?']],
    ['docs', ['"docs" is not installed', 'hint: stave why-not image.yaml docs says what it would take']],
    ['libsmall=1.4-r0', ['"libsmall=1.4-r0" is not installed', 'hint: stave why-not']],
  ];
  it.each(rows)('%s, from the configuration and from the lock', async (name, lines) => {
    const one = place('layout, app');
    await one.do(['lock', 'image.yaml']);
    const fromConfig = await one.do(['why', 'image.yaml', name]);
    const fromLock = await one.do(['why', 'image.yaml', name, '--lockfile', 'image.lock.json']);
    for (const line of lines) expect(fromConfig.stdout).toContain(line);
    expect(fromLock.stdout).toBe(fromConfig.stdout);
    const { stdout } = await one.do(['why', 'image.yaml', name, '--json']);
    expect(JSON.parse(stdout).map((answer: { installed: boolean }) => answer.installed)).toEqual(
      Array(2).fill(!fromConfig.stdout.includes('is not installed')),
    );
  });

  it('reads no index with a lock', async () => {
    const one = place('layout, app');
    await one.do(['lock', 'image.yaml']);
    for (const arch of ['x86_64', 'aarch64']) rmSync(one.path('repository', arch, 'APKINDEX.tar.gz'));
    await one.do(['why', 'image.yaml', 'app', '--lockfile', 'image.lock.json']);
  });
});

describe('why-not', () => {
  const rows: readonly (readonly [name: string, sentence: RegExp])[] = [
    ['docs', /on amd64, nothing wishes for or needs "docs"; it would fit/],
    ['libsmall=1.4-r0', /on amd64, libsmall-1\.5-r0 is preferred to "libsmall=1\.4-r0"/],
    ['libsmall=9', /on amd64, "libsmall=9" cannot be installed: there (is|are) only libsmall 1\.\d-r0/],
    ['libsmal', /on amd64, "libsmal" cannot be installed: nothing provides it\nhint: did you mean "libsmall"\?/],
    ['app', /on amd64, app-2\.0-r1 is installed/],
    ['picky', /on amd64, "picky" cannot be installed/],
  ];
  it.each(rows)('%s', async (name, sentence) => {
    const { stdout } = await place('layout, app').do(['why-not', 'image.yaml', name]);
    expect(stdout).toMatch(sentence);
  });

  it('with a lock says which locked package stands in the way', async () => {
    const one = place('layout, app');
    await one.do(['lock', 'image.yaml']);
    const { stdout } = await one.do(['why-not', 'image.yaml', 'mail-one', '--lockfile', 'image.lock.json']);
    expect(stdout).toContain('"mail-one" is ruled out by the wish "libsmall=1.5-r0"');
  });
});

describe('a question about what is no package name', () => {
  const names = ['', ' ', 'a b', '!app', 'app>>>1', 'app~=2', 'app=', '=1', 'app@', 'app@edge@x', 'app=1=2'];
  it.each(names)('%j', async (name) => {
    for (const question of ['why', 'why-not']) {
      const failure = failureOf(await place('app').stave([question, 'image.yaml', '--json', '--', name]));
      expect(failure).toMatchObject({ code: 'USAGE_ARGUMENTS', exitCode: 2 });
      expect(failure.message).toBe(`"${name}" is not the name of a package`);
    }
  });
});
