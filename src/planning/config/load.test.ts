import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { type LoadedConfig, loadImageConfig } from './load.ts';

const encode = (text: string) => new TextEncoder().encode(text);

function load(files: Record<string, string> | string, includePaths: string[] = [], path = 'a.yaml'): LoadedConfig {
  const all = typeof files === 'string' ? { 'a.yaml': files } : files;
  return loadImageConfig(
    path,
    (name) => (Object.hasOwn(all, name) ? encode(all[name] as string) : undefined),
    includePaths,
  );
}

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const FULL = `
contents:
  build_repositories: [b/]
  runtime_repositories: [https://r.example.test/os//]
  repositories: [./r, '@t https://t.example.test/']
  keyring: [k.rsa.pub/]
  runtime_keyring: [{name: extra.rsa.pub, content: PEM}]
  packages: [a=1, 2, !!str true]
  baseimage: {image: layout, apkindex: meta}
entrypoint:
  type: service-bundle
  command: c
  shell-fragment: s
  services: {web: w, 1: x}
cmd: 007
stop-signal: SIGTERM
work-dir: /w
accounts:
  run-as: 0755
  users:
    - {username: u, uid: 0x10, gid: 0, shell: /bin/sh, homedir: /h}
    - {username: v, uid: 1_000}
  groups: [{groupname: g, gid: 0o17, members: [u]}, {groupname: h}]
archs: [x86_64, 386, armv7]
environment: {A: 1.20, B: no, C: ~, D: "~"}
paths:
  - {path: /p, type: directory, uid: 0, permissions: 0755, recursive: yes}
  - {path: /q, type: symlink, source: /p, gid: ~}
vcs-url: u@r
annotations: {a: 1}
volumes: [/v2, ~, /v1]
layering: {strategy: origin, budget: 3}
format: erofs
certificates: {additional: [{name: c, content: PEM}], providers: [p]}
files:
  - {name: app, version: 1.0, license: MIT, files: [{from: dist/, to: /srv, mode: 0755, owner: u:g, exclude: ['*.map'], archs: [x86_64]}]}
ports: [8080, 53/udp]
labels: {l: x}
`;

describe('loadImageConfig', () => {
  it('reads every key', () => {
    expect(load(FULL).config).toEqual({
      contents: {
        buildRepositories: ['b'],
        runtimeRepositories: ['https://r.example.test/os'],
        repositories: ['./r', '@t https://t.example.test'],
        keyring: ['k.rsa.pub/'],
        runtimeKeyring: [{ name: 'extra.rsa.pub', content: 'PEM' }],
        packages: ['a=1', '2', 'true'],
        baseImage: { image: 'layout', apkIndex: 'meta' },
      },
      entrypoint: { type: 'service-bundle', command: 'c', shellFragment: 's', services: { web: 'w', 1: 'x' } },
      cmd: '007',
      stopSignal: 'SIGTERM',
      workDir: '/w',
      accounts: {
        runAs: '0755',
        users: [
          { username: 'u', uid: 16, gid: 0, shell: '/bin/sh', homedir: '/h' },
          { username: 'v', uid: 1000, gid: undefined, shell: '', homedir: '' },
        ],
        groups: [
          { groupname: 'g', gid: 15, members: ['u'] },
          { groupname: 'h', gid: 0, members: [] },
        ],
      },
      archs: ['amd64', '386', 'arm/v7'],
      environment: { A: '1.20', B: 'no', C: '', D: '~' },
      paths: [
        { path: '/p', type: 'directory', uid: 0, gid: undefined, permissions: 0o755, source: '', recursive: true },
        { path: '/q', type: 'symlink', uid: undefined, gid: undefined, permissions: 0, source: '/p', recursive: false },
      ],
      vcsUrl: 'u@r',
      annotations: { a: '1' },
      include: '',
      volumes: ['/v2', '/v1'],
      layering: { strategy: 'origin', budget: 3 },
      format: 'erofs',
      certificates: { additional: [{ name: 'c', content: 'PEM' }], providers: ['p'] },
      files: [
        {
          name: 'app',
          version: '1.0',
          versionFrom: '',
          license: 'MIT',
          image: '',
          paths: [],
          folder: '.',
          files: [
            {
              from: 'dist/',
              inline: undefined,
              url: '',
              sha256: '',
              to: '/srv',
              mode: 0o755,
              owner: 'u:g',
              exclude: ['*.map'],
              archs: ['amd64'],
            },
          ],
        },
      ],
      ports: ['8080/tcp', '53/udp'],
      labels: { l: 'x' },
    });
  });

  it('reads an empty map as a configuration that says nothing', () => {
    const { config } = load('{}');
    expect(config).toMatchObject({ cmd: '', archs: [], layering: undefined, certificates: undefined });
    expect(config.contents).toMatchObject({ packages: [], baseImage: undefined });
    expect(load('contents:\nlayering: ~\narchs:').config).toEqual(config);
  });

  const mistakes: [yaml: string, place: string, message: string, hint?: string][] = [
    ['pakages: [a]', '1:1', 'unknown key "pakages"', 'did you mean "packages" inside "contents"?'],
    ['packages: [a]', '1:1', 'unknown key "packages"', 'did you mean "packages" inside "contents"?'],
    ['something: [a]', '1:1', 'unknown key "something"', 'the keys here are contents, entrypoint'],
    ['contents: {pakages: [a]}', '1:12', 'unknown key "pakages" in contents', 'did you mean "packages"?'],
    ['contents:\n  repository: [a]', '2:3', 'unknown key "repository" in contents', 'did you mean "repositories"?'],
    ['WorkDir: /', '1:1', 'unknown key "WorkDir"', 'did you mean "work-dir"?'],
    ['constructor: 1', '1:1', 'unknown key "constructor"'],
    ['paths:\n  - path: /a\n    type: directory\n    owner: 1', '4:5', 'unknown key "owner" in paths[0]'],
    ['cmd: [a]', '1:6', 'cmd must be a text, not a list'],
    ['cmd: {a: b}', '1:6', 'cmd must be a text, not a map'],
    ['archs: amd64', '1:8', 'archs must be a list, not the text "amd64"', 'each after "- "'],
    ['contents: x', '1:11', 'contents must be a map, not the text "x"'],
    ['environment: [A=b]', '1:14', 'environment must be a map, not a list'],
    ['environment: {A: [b]}', '1:18', 'environment.A must be a text, not a list'],
    ['contents: {packages: [[a]]}', '1:23', 'contents.packages[0] must be a text, not a list'],
    ['contents: {packages: [""]}', '1:23', 'contents.packages[0] is empty'],
    ['contents: {repositories: ["@x"]}', '1:27', 'contents.repositories[0] "@x" must be a URL or path, or "@tag URL"'],
    [
      'layering: {budget: "3"}',
      '1:20',
      'layering.budget must be a whole number, not the text "3"',
      'leave out the quotes: 3',
    ],
    ['layering: {budget: "x"}', '1:20', 'layering.budget must be a whole number, not the text "x"'],
    ['layering: {budget: 08}', '1:20', 'layering.budget must be a whole number, not "08"', 'octal'],
    ['layering: {budget: 1.5}', '1:20', 'layering.budget must be a whole number, not "1.5"'],
    ['layering: {budget: 1e3}', '1:20', 'layering.budget must be a whole number, not "1e3"'],
    ['layering: {budget: -1}', '1:20', 'layering.budget -1 is too small; the least is 0'],
    ['layering: {budget: [1]}', '1:20', 'layering.budget must be a whole number, not a list'],
    ['paths: [{path: /a, type: directory, uid: 4294967296}]', '1:42', 'paths[0].uid 4294967296 is too large'],
    [
      'paths: [{path: /a, type: directory, recursive: "true"}]',
      '1:48',
      'paths[0].recursive must be true or false',
      'quotes',
    ],
    [
      'paths: [{path: /a, type: directory, recursive: 1}]',
      '1:48',
      'paths[0].recursive must be true or false, not the text "1"',
    ],
    ['paths: [{type: directory}]', '1:9', 'paths[0].path is missing'],
    ['paths: [{path: , type: directory}]', '1:10', 'paths[0].path is empty'],
    ['archs: [sparc]', '1:9', 'unknown architecture "sparc"; it must be "386", "x86", "amd64"'],
    ['archs: [arm46]', '1:9', 'unknown architecture "arm46"', 'did you mean "arm64"?'],
    ['archs: [all]', '1:9', 'unknown architecture "all"', 'leave out "archs"'],
    ['archs: [host]', '1:9', 'unknown architecture "host"', '--arch host'],
    ['format: zip', '1:9', 'unknown layer format "zip"; it must be "tar" or "erofs"'],
    ['accounts: {users: [{username: a, uid: 0}]}', '1:39', 'accounts.users[0].uid 0 is too small', 'use "run-as: 0"'],
    ['accounts: {users: [{uid: 1}]}', '1:20', 'accounts.users[0].username is missing'],
    ['accounts: {users: [{username: a}]}', '1:20', 'accounts.users[0].uid is missing'],
    [
      'accounts: {users: [{username: "a:b", uid: 1}]}',
      '1:31',
      'accounts.users[0].username "a:b" must be a name without',
    ],
    [
      'accounts: {users: [{username: a, uid: 1, shell: "a\\nb:c"}]}',
      '1:49',
      'accounts.users[0].shell "a…" must be one line',
    ],
    ['accounts: {groups: [{gid: 1}]}', '1:21', 'accounts.groups[0].groupname is missing'],
    ['entrypoint: {services: {../x: y}}', '1:25', 'the key "../x" in entrypoint.services must be a file name'],
    ['certificates: {additional: [{name: /a}]}', '1:36', 'certificates.additional[0].name "/a" must be letters'],
    ['contents: {runtime_keyring: [{name: a}]}', '1:30', 'contents.runtime_keyring[0].content is missing'],
    ['contents: {baseimage: {image: a}}', '1:23', 'contents.baseimage.apkindex is missing'],
  ];
  it.each(mistakes)('refuses %j', (yaml, place, message, hint = '') => {
    const failure = failureOf(() => load(yaml));
    expect(`${failure.where?.line}:${failure.where?.column}`).toBe(place);
    expect(failure.code).toBe(message.startsWith('unknown key') ? 'CONFIG_UNKNOWN_KEY' : 'CONFIG_INVALID');
    expect(failure.message).toContain(message);
    expect(failure.hint ?? '').toContain(hint);
  });

  it('refuses a root that is no map', () => {
    expect(failureOf(() => load('- a'))).toMatchObject({ code: 'CONFIG_SYNTAX', hint: 'leave out the leading "- "' });
    expect(failureOf(() => load('x'))).toMatchObject({ code: 'CONFIG_SYNTAX' });
  });

  it('reports all mistakes at once, the first in the file as the failure', () => {
    const failure = failureOf(() => load('cmd: [a]\narchs: [sparc]\nentrypont: {}\n'));
    expect(failure).toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'cmd must be a text, not a list',
      where: { file: 'a.yaml', line: 1, column: 6, text: 'cmd: [a]' },
    });
    expect(failure.notes).toEqual([
      expect.stringMatching(/^2:9 unknown architecture "sparc"/),
      '3:1 unknown key "entrypont" (did you mean "entrypoint"?)',
    ]);
    const many = failureOf(() => load(`volumes: [${'[a], '.repeat(50)}]`));
    expect(many.notes).toHaveLength(LIMITS.listedProblems + 1);
    expect(many.notes.at(-1)).toBe('and 29 more');
  });

  it('never shows credentials in a mistake', () => {
    const failure = failureOf(() => load('contents: {repositories: [https://u:hunter2@h/o], pakages: []}'));
    expect(JSON.stringify({ ...failure, message: failure.message })).not.toContain('hunter2');
    expect(failure.where?.text?.slice((failure.where.column ?? 0) - 1)).toBe('pakages: []}');
  });

  it('says where values are', () => {
    const loaded = load('contents:\n  packages:\n    - a\n    - ~\n    - b\n');
    expect(loaded.place(['contents', 'packages', 1])).toEqual({ file: 'a.yaml', line: 5, column: 7, text: '    - b' });
    expect(loaded.place(['cmd'])).toBeUndefined();
  });
});

describe('include', () => {
  const sha = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`;

  it('joins lists, included ones first, and fills in only what is empty', () => {
    const files = {
      'a.yaml': [
        'include: b.yaml',
        'contents: {packages: [a], repositories: []}',
        'environment: {X: own}',
        'archs: [amd64]',
        'cmd: ""',
        'work-dir: /own',
        'accounts: {users: [{username: a, uid: 1}]}',
        'layering: {}',
        'entrypoint: {services: {s: x}}',
      ].join('\n'),
      'b.yaml': [
        'vcs-url: nobody',
        'contents: {packages: [b], repositories: [r/], keyring: [k], baseimage: {image: i, apkindex: x}}',
        'environment: {X: included, Y: included}',
        'archs: [arm64, s390x]',
        'cmd: included',
        'work-dir: /included',
        'accounts: {users: [{username: b, uid: 2}], run-as: b}',
        'layering: {strategy: origin, budget: 2}',
        'entrypoint: {command: included}',
        'stop-signal: SIGINT',
        'paths: [{path: /x, type: directory}]',
        'annotations: {a: b}',
        'certificates: {providers: [p]}',
      ].join('\n'),
    };
    const loaded = load(files);
    expect(loaded.config).toMatchObject({
      contents: {
        packages: ['b', 'a'],
        repositories: ['r'],
        keyring: ['k'],
        baseImage: { image: 'i', apkIndex: 'x' },
      },
      environment: { X: 'own', Y: 'included' },
      archs: ['amd64'],
      cmd: 'included',
      workDir: '/own',
      stopSignal: 'SIGINT',
      accounts: { runAs: 'b', users: [{ username: 'b' }, { username: 'a' }] },
      layering: { strategy: '', budget: 0 },
      entrypoint: { command: '', services: { s: 'x' } },
      paths: [{ path: '/x' }],
      annotations: { a: 'b' },
      certificates: { providers: ['p'] },
      vcsUrl: '',
      include: 'b.yaml',
    });
    expect(loaded.files).toEqual(['a.yaml', 'b.yaml']);
    expect(loaded.checksum).toBe(sha(files['a.yaml'] + files['b.yaml']));
    expect(loaded.place(['contents', 'packages', 0])).toMatchObject({ file: 'b.yaml', line: 2 });
    expect(loaded.place(['contents', 'packages', 1])).toMatchObject({ file: 'a.yaml', line: 2 });
    expect(loaded.place(['environment', 'Y'])).toMatchObject({ file: 'b.yaml' });
  });

  it('takes the whole entrypoint, layering and lists where the includer says nothing', () => {
    const included =
      'entrypoint: {command: c, services: {a: b}}\narchs: [s390x]\nlayering: {budget: 2, strategy: origin}';
    const { config } = load({
      'a.yaml': 'include: b\nentrypoint: {type: "", services: {}}\narchs: [~]\nlayering:',
      b: included,
    });
    expect(config).toMatchObject({
      entrypoint: { command: 'c', services: { a: 'b' } },
      archs: ['s390x'],
      layering: { budget: 2 },
    });
  });

  it('nests, and looks in the include paths', () => {
    const files = {
      'dir/a.yaml': 'include: b\ncmd: a',
      'dir/b': 'include: c/d\nvolumes: [b]',
      'e/c/d': 'volumes: [d]',
    };
    const loaded = load(files, ['nowhere', 'dir/', 'e'], 'a.yaml');
    expect(loaded.files).toEqual(['dir/a.yaml', 'dir/b', 'e/c/d']);
    expect(loaded.config).toMatchObject({ cmd: 'a', volumes: ['d', 'b'], include: 'b' });
  });

  it('takes a null or empty include for none', () => {
    for (const include of ['', '~', 'null', '""']) expect(load(`include: ${include}`).files).toEqual(['a.yaml']);
  });

  it('refuses missing files, cycles and endless chains', () => {
    expect(failureOf(() => load({}, ['x', 'y']))).toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      message: 'configuration "a.yaml" does not exist',
      notes: ['nor is it in x', 'nor is it in y'],
      where: undefined,
    });
    expect(failureOf(() => load('cmd: x\ninclude: nope.yaml'))).toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      message: 'included file "nope.yaml" does not exist',
      where: { file: 'a.yaml', line: 2, column: 10 },
    });
    expect(failureOf(() => load({ 'a.yaml': 'include: b', b: 'include: c', c: 'include: b' }))).toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'b includes itself',
      where: { file: 'c', line: 1, column: 10 },
      notes: ['b -> c -> b'],
    });
    const chain = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${i}`, `include: f${i + 1}`]));
    expect(failureOf(() => load(chain, [], 'f0')).message).toMatch(/nested more than 16 deep/);
  });

  it('names the file of mistakes in included files', () => {
    const failure = failureOf(() => load({ 'a.yaml': 'include: b\nx-y: 1', b: 'z-z: 1' }));
    expect(failure).toMatchObject({ where: { file: 'a.yaml', line: 2 } });
    expect(failure.notes[0]).toMatch(/^b:1:1 unknown key "z-z"/);
  });

  it('is the identity under an empty configuration, and associative in its lists', () => {
    const names = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 4 });
    const yaml = (packages: string[], include = '') =>
      JSON.stringify({ contents: { packages }, cmd: packages.join(' '), ...(include !== '' && { include }) });
    fc.assert(
      fc.property(names, names, names, (x, y, z) => {
        const { config } = load({ 'a.yaml': yaml(x, 'b'), b: yaml(y, 'c'), c: yaml(z) });
        expect(config.contents.packages).toEqual([...z, ...y, ...x]);
        expect(config.cmd).toBe([x, y, z].map((list) => list.join(' ')).find((text) => text !== '') ?? '');
        expect(load({ 'a.yaml': 'include: b', b: yaml(x) }).config).toEqual({ ...load(yaml(x)).config, include: 'b' });
      }),
      { numRuns: 30 },
    );
  });
});
