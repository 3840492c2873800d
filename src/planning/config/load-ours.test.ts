// What only we understand in a configuration: variables, several includes, variants, and --strict-apko.

import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import { IMAGE_SCHEMA } from './image-schema.ts';
import { type LoadOptions, loadImageConfig } from './load.ts';
import { validateImageConfig } from './validate.ts';

function load(files: Record<string, string> | string, options: LoadOptions = {}) {
  const all = typeof files === 'string' ? { 'a.yaml': files } : files;
  const read = (name: string) => (Object.hasOwn(all, name) ? new TextEncoder().encode(all[name] as string) : undefined);
  return loadImageConfig('a.yaml', read, [], options);
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

const V = (name: string) => `\${{vars.${name}}}`;

describe('variables', () => {
  it.each([
    ['plain', `vars: {a: x}\ncmd: p ${V('a')} q`, 'p x q'],
    ['twice', `vars: {a: x}\ncmd: ${V('a')}${V('a')}`, 'xx'],
    ['blanks', 'vars: {a: x}\ncmd: ${{ vars.a }}', 'x'],
    ['no recursion', `vars: {a: "${V('b')}", b: y}\ncmd: ${V('a')}`, V('b')],
    ['the word null', `vars: {a: "null"}\ncmd: ${V('a')}`, 'null'],
    ['escaped', `vars: {a: x}\ncmd: $${V('a')}`, V('a')],
    ['without vars', `cmd: ${V('a')}`, V('a')],
    ['an empty value', `vars: {a: }\ncmd: <${V('a')}>`, '<>'],
  ])('%s', (_name, yaml, cmd) => {
    expect(load(yaml).config.cmd).toBe(cmd);
  });

  it('reach lists, maps, numbers and values with a fixed choice', () => {
    const { config } = load(
      `vars: {arch: arm64, n: 3}
archs: ['${V('arch')}']
environment: {A: '${V('n')}'}
layering: {strategy: origin, budget: ${V('n')}}`.replace(`budget: ${V('n')}}`, `budget: 3}`),
    );
    expect(config.archs).toEqual(['arm64']);
    expect(config.environment).toEqual({ A: '3' });
    expect(load(`vars: {n: 3}\nlayering:\n  strategy: origin\n  budget: ${V('n')}`).config.layering?.budget).toBe(3);
  });

  it('come from the command line before the file, and from the including file before the included', () => {
    const files = {
      'a.yaml': `vars: {a: mine}\ninclude: b.yaml\ncmd: ${V('a')} ${V('b')}`,
      'b.yaml': 'vars: {a: 1, b: 2}',
    };
    expect(load(files).config.cmd).toBe('mine 2');
    expect(load(files, { vars: ['a=x=y'] }).config.cmd).toBe('x=y 2');
    expect(load({ ...files, 'b.yaml': `vars: {b: 2}\nstop-signal: ${V('a')}` }).config.stopSignal).toBe('mine');
  });

  it.each([
    [
      `vars: {version: 1}\nstop-signal: S\ncmd: ${V('versoin')}`,
      '3:6',
      'there is no variable "versoin"',
      'did you mean "version"?',
    ],
    [`vars: {}\ncmd: ${V('a')}`, '2:6', 'there is no variable "a"', 'add it to "vars"'],
    ['vars: {a: 1}\ncmd: ${{env.X}}', '2:6', '"${{" begins no variable', 'write ${{vars.NAME}}'],
    ['vars: {"1a": 1}', '1:8', 'the key "1a" in vars must be letters, digits', ''],
    ['vars: {a: [1]}', '1:11', 'vars.a must be a text, not a list', ''],
  ])('refuses %j', (yaml, place, message, hint) => {
    const failure = failureOf(() => load(yaml));
    expect(failure.message).toContain(message);
    expect(`${failure.where?.line}:${failure.where?.column}`).toBe(place);
    expect(failure.hint ?? '').toContain(hint);
  });

  it.each([
    [['nothing'], '"nothing" is not NAME=VALUE'],
    [['=x'], '"=x" is not NAME=VALUE'],
    [['a=1', 'a=2'], '"a" is given twice'],
    [['b=1'], 'the configuration has no variable "b"'],
  ])('refuses --var %j', (vars, message) => {
    const failure = failureOf(() => load('vars: {a: 1}', { vars }));
    expect(failure.code).toBe('USAGE_FLAG');
    expect(failure.message).toContain(message);
  });
});

describe('several includes', () => {
  it('lie on top of each other in their order, the including file on top of all', () => {
    const { config, files } = load({
      'a.yaml': 'include: [b.yaml, c.yaml]\ncontents: {packages: [a]}',
      'b.yaml': 'cmd: b\nwork-dir: /b\ncontents: {packages: [b]}',
      'c.yaml': 'cmd: c\ncontents: {packages: [c]}\ninclude: d.yaml',
      'd.yaml': 'stop-signal: d\ncmd: d\ncontents: {packages: [d]}',
    });
    expect(config).toMatchObject({ cmd: 'c', workDir: '/b', stopSignal: 'd', include: '' });
    expect(config.contents.packages).toEqual(['b', 'd', 'c', 'a']);
    expect(files).toEqual(['a.yaml', 'b.yaml', 'c.yaml', 'd.yaml']);
  });

  it('may meet in one file, but not in a circle', () => {
    const both = {
      'a.yaml': 'include: [b.yaml, c.yaml]',
      'b.yaml': 'include: d.yaml',
      'c.yaml': 'include: d.yaml',
      'd.yaml': '{}',
    };
    expect(load(both).files).toHaveLength(5);
    expect(failureOf(() => load({ ...both, 'd.yaml': 'include: [a.yaml]' })).message).toContain('includes itself');
  });

  it('are bounded in number', () => {
    const many = `include: [${Array.from({ length: 300 }, () => 'b.yaml').join(', ')}]`;
    expect(failureOf(() => load({ 'a.yaml': many, 'b.yaml': '{}' })).message).toContain('more than 256 files');
  });

  it('refuse what is no text', () => {
    expect(failureOf(() => load('include: [[a]]')).message).toContain('include[0] must be a text');
    expect(failureOf(() => load('include: {a: b}')).message).toContain('include must be a text or a list of texts');
  });
});

describe('variants', () => {
  const YAML = `
contents: {repositories: [r], packages: [app]}
entrypoint: {command: /app}
environment: {A: "1", B: "2"}
vcs-url: u@r
archs: [amd64]
variants:
  dev:
    contents: {packages: [busybox]}
    entrypoint: {command: /bin/sh}
    environment: {B: "3"}
    accounts: {run-as: 0}
`;

  it('lie on top of the configuration, which stays to be had', () => {
    const { config, production, place } = load(YAML, { variant: 'dev' });
    expect(config.contents.packages).toEqual(['app', 'busybox']);
    expect(config).toMatchObject({ vcsUrl: 'u@r', archs: ['amd64'], environment: { A: '1', B: '3' } });
    expect(config.entrypoint.command).toBe('/bin/sh');
    expect(production).toEqual(load(YAML).config);
    expect(place(['contents', 'packages', 1])).toMatchObject({ line: 9 });
  });

  it('have one that is the configuration itself', () => {
    for (const variant of ['', 'runtime']) {
      const loaded = load(YAML, { variant });
      expect(loaded.production).toBeUndefined();
      expect(loaded.config).toEqual(load(YAML).config);
    }
  });

  it('are merged from includes', () => {
    const files = {
      'a.yaml': 'include: b.yaml\nvariants: {dev: {cmd: a}}',
      'b.yaml': 'variants: {dev: {cmd: b, work-dir: /b}, debug: {cmd: d}}',
    };
    expect(load(files, { variant: 'dev' }).config).toMatchObject({ cmd: 'a', workDir: '/b' });
    expect(load(files, { variant: 'debug' }).config.cmd).toBe('d');
  });

  it.each([
    [{ variant: 'dve' }, YAML, 'has no variant "dve"', 'did you mean "dev"?'],
    [{ variant: 'x' }, YAML, 'has no variant "x"', 'the variants are runtime, dev'],
    [{}, 'variants: {runtime: {}}', 'the key "runtime" in variants must be', ''],
    [{}, 'variants: {dev: {archs: [amd64]}}', 'unknown key "archs" in variants.dev', ''],
    [{}, 'variants: {dev: [a]}', 'variants.dev must be a map', ''],
  ])('refuse %j of %j', (options, yaml, message, hint) => {
    const failure = failureOf(() => load(yaml, options));
    expect(failure.message).toContain(message);
    expect(failure.hint ?? '').toContain(hint);
  });
});

describe('--strict-apko', () => {
  it('lists what only we understand, each with its place', () => {
    const files = { 'a.yaml': 'include: [b.yaml]\nvars: {a: 1}\nports: [80]', 'b.yaml': 'labels: {a: b}' };
    const failure = failureOf(() => load(files, { strictApko: true }));
    expect(failure).toMatchObject({ code: 'CONFIG_INVALID', where: { file: 'a.yaml', line: 1 } });
    expect(failure.notes.join('\n')).toMatch(/2:1 "vars" .*\n3:1 "ports" .*\nb\.yaml:1:1 "labels" /);
  });

  it('refuses every key that the reference does not have', () => {
    const reference = [
      ...['contents', 'entrypoint', 'cmd', 'stop-signal', 'work-dir', 'accounts', 'archs', 'environment', 'paths'],
      ...['vcs-url', 'annotations', 'include', 'volumes', 'layering', 'format', 'certificates'],
    ];
    const isOurs = ([, field]: [string, { ours?: true }]) => field.ours === true;
    const fields = Object.entries(IMAGE_SCHEMA.fields) as [string, { ours?: true }][];
    expect(fields.flatMap((field) => (isOurs(field) ? [] : [field[0]])).sort()).toEqual(reference.sort());
    for (const [key] of fields.filter(isOurs)) {
      const failure = failureOf(() => load({ 'a.yaml': `cmd: x\n${key}:` }, { strictApko: true }));
      expect(failure).toMatchObject({ code: 'CONFIG_UNKNOWN_KEY', where: { line: 2 } });
    }
  });

  it('lets everything else pass', () => {
    const yaml = 'include: b.yaml\ncmd: ${{vars.x}}';
    expect(load({ 'a.yaml': yaml, 'b.yaml': 'volumes: [/a]' }, { strictApko: true }).config.cmd).toBe('${{vars.x}}');
  });
});

describe('files and ports', () => {
  const group = (rest: string) => `contents: {repositories: [r]}\nfiles: [{name: app, ${rest}}]`;
  const source = (rest: string) => group(`version: 1, files: [{to: /x, ${rest}}]`);
  const digest = 'a'.repeat(64);

  it.each([
    group('version: 1, files: [{from: a, to: /a}]'),
    group('version-from: git, files: [{inline: "", to: /a}]'),
    group(`image: "dir@sha256:${digest}", paths: [/a]`),
    source(`url: "https://e.test/x", sha256: ${digest}`),
    source('from: a, exclude: [b], owner: nonroot, mode: 0o4755'),
    'contents: {repositories: [r]}\nports: [1, 65535, 53/udp, 53]',
  ])('accepts %j', (yaml) => {
    expect(validateImageConfig(load(yaml)).contents.repositories).toEqual(['r']);
  });

  it.each([
    [group('version: 1'), 'the group "app" has no files'],
    [group('files: [{from: a, to: /a}]'), 'the group "app" has no version'],
    [group('version: 1, version-from: git, files: [{from: a, to: /a}]'), 'both version and version-from'],
    [group(`version: 1, paths: [/a], files: [{from: a, to: /a}]`), 'has paths but no image'],
    [group(`image: "d@sha256:${digest}"`), 'copies nothing out of its image'],
    [group(`image: "d@sha256:${digest}", paths: [/a], files: [{from: a, to: /a}]`), 'both files and an image'],
    [group(`image: "d@sha256:${digest}", paths: [/a/../b]`), '"/a/../b" has a ".." in it'],
    [group('image: "d:latest", paths: [/a]'), 'must be "<image>@sha256:'],
    ['files: [{version: 1}]', 'files[0].name is missing'],
    ['files: [{name: App}]', 'must be lower-case letters'],
    [source('owner: root'), 'nothing says what goes to /x'],
    [source('from: a, inline: b'), 'several things would go to /x'],
    [source('url: "https://e.test/x"'), 'a download needs sha256'],
    [source(`from: a, sha256: ${digest}`), 'sha256 says what "url" has'],
    [source('inline: a, exclude: [b]'), 'only "from" can exclude'],
    [source('from: a, owner: "a:b:c"'), 'must be "user" or "user:group"'],
    [source('from: a, mode: 0o10000'), 'is too large'],
    [source('from: a, mode: "0755"'), 'must be a whole number'],
    [source('url: "ftp://e.test/x"'), 'must be a URL'],
    [group('version: 1, files: [{from: a, to: x}]'), 'must be a path from the root'],
    [group('version: 1, files: [{from: a, to: /x/../y}]'), 'has a ".." in it'],
    [group('version: 1, files: [{inline: a, to: /}]'), 'is the root folder'],
    ['ports: [x]', 'must be a port number'],
    ['contents: {repositories: [r]}\nports: [70000]', 'the port 70000 is too large'],
    ['contents: {repositories: [r]}\nports: [80, 80/tcp]', 'the port 80/tcp is given twice'],
  ])('refuses %j', (yaml, message) => {
    const failure = failureOf(() => validateImageConfig(load(yaml)));
    expect(failure.message).toContain(message);
    expect(failure.where?.line).toBeGreaterThan(0);
  });

  it('refuses two groups of one name', () => {
    const one = '{name: app, version: 1, files: [{from: a, to: /a}]}';
    const failure = failureOf(() =>
      validateImageConfig(load(`contents: {repositories: [r]}\nfiles: [${one}, ${one}]`)),
    );
    expect(failure.message).toBe('files has two groups with the name "app"');
  });

  it('remembers the folder that a group is written in', () => {
    const one = 'files: [{name: app, version: 1, files: [{from: a, to: /a}]}]';
    const { config } = load({ 'a.yaml': 'include: deep/b.yaml', 'deep/b.yaml': one });
    expect(config.files[0]?.folder).toBe('deep');
  });
});
