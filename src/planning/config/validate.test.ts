import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import type { ConfigFlags } from './flags.ts';
import type { ImageConfig } from './image-config.ts';
import { loadImageConfig } from './load.ts';
import { lockedConfig } from './locked-config.ts';
import { type ConfigPurpose, completeConfig, validateImageConfig } from './validate.ts';

const REPOSITORY = 'contents: {repositories: [r], packages: [p]}';

function validate(yaml: string, flags?: ConfigFlags, purpose?: ConfigPurpose): ImageConfig {
  const loaded = loadImageConfig(
    'a.yaml',
    (path) => (path === 'a.yaml' ? new TextEncoder().encode(yaml) : undefined),
    [],
  );
  return validateImageConfig(loaded, flags, purpose);
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

describe('validateImageConfig', () => {
  it('fills in home directories', () => {
    const { users } = validate(
      `${REPOSITORY}\naccounts: {users: [{username: a, uid: 1}, {username: b, uid: 2, homedir: /b}]}`,
    ).accounts;
    expect(users.map(({ homedir }) => homedir)).toEqual(['/home/a', '/b']);
  });

  it('makes service bundles run s6', () => {
    const bundle = validate(`${REPOSITORY}\nentrypoint: {type: service-bundle, command: x, services: {a: b}}`);
    expect(bundle.entrypoint).toMatchObject({ command: '/bin/s6-svscan /sv', services: { a: 'b' } });
    expect(bundle.contents.packages).toEqual(['p', 's6']);
    expect(validate(`${REPOSITORY}\nentrypoint: {type: other, command: x}`).entrypoint.command).toBe('x');
  });

  it('leaves lists as written without flags and sorts them with', () => {
    const yaml = 'contents: {repositories: [z, a, z], keyring: [k, b]}';
    expect(validate(yaml).contents.repositories).toEqual(['z', 'a', 'z']);
    expect(validate(yaml, { repositoryAppend: ['m'] }).contents.repositories).toEqual(['a', 'm', 'z']);
    expect(validate(yaml, {}).contents.keyring).toEqual(['b', 'k']);
  });

  it('takes a repository of the command line for enough', () => {
    expect(validate('{}', { buildRepositoryAppend: ['r'] }).contents.buildRepositories).toEqual(['r']);
    expect(validate('contents: {build_repositories: [r]}').contents.buildRepositories).toEqual(['r']);
  });

  const base = 'contents: {repositories: [r], baseimage: {image: i, apkindex: x}}';
  const mistakes: [yaml: string, place: string, message: string, purposes?: ConfigPurpose[]][] = [
    ['cmd: x', '1:1', 'there is no repository'],
    ['contents: {packages: [a]}', '1:11', 'there is no repository'],
    ['contents: {runtime_repositories: [a]}', '1:11', 'there is no repository'],
    [`${base}\nentrypoint: {command: x}`, '2:13', 'entrypoint cannot be given together with contents.baseimage'],
    [`${base}\nentrypoint: {services: {a: b}}`, '2:13', 'entrypoint cannot'],
    [`${base}\ncmd: x`, '2:6', 'cmd cannot'],
    [`${base}\nstop-signal: x`, '2:14', 'stop-signal cannot'],
    [`${base}\nwork-dir: x`, '2:11', 'work-dir cannot'],
    [`${base}\naccounts: {run-as: x}`, '2:11', 'accounts cannot'],
    [`${base}\naccounts: {groups: [{groupname: x}]}`, '2:11', 'accounts cannot'],
    [`${base}\nenvironment: {x: x}`, '2:14', 'environment cannot'],
    [`${base}\npaths: [{path: x, type: directory}]`, '2:8', 'paths cannot'],
    [`${base}\nannotations: {x: x}`, '2:14', 'annotations cannot'],
    [`${base}\nlayering: {strategy: origin, budget: 2}`, '2:11', 'layering cannot', ['build']],
    [
      'contents: {repositories: [r], runtime_keyring: [{name: a, content: x}, {name: a, content: y}]}',
      '1:79',
      'contents.runtime_keyring has two entries with the name "a"',
    ],
    [`${REPOSITORY}\ncertificates: {additional: [{name: a}, {name: a}]}`, '2:47', 'certificates.additional has two'],
    [`${REPOSITORY}\nformat: erofs\nlayering: {strategy: origin, budget: 2}`, '3:11', 'layers of the format "erofs"'],
    [`${REPOSITORY}\nlayering: {strategy: orogin, budget: 2}`, '2:22', 'unknown layering strategy "orogin"', ['build']],
    [`${REPOSITORY}\nlayering: {budget: 2}`, '2:11', 'layering has a budget but no strategy', ['build']],
    [`${REPOSITORY}\npaths: [{path: /a, type: simlink}]`, '2:26', 'unknown path mutation type "simlink"', ['build']],
    [`${REPOSITORY}\npaths: [{path: /a, type: symlink}]`, '2:9', 'the symlink /a has no source', ['build']],
    [`${REPOSITORY}\npaths: [{path: /a, type: hardlink}]`, '2:9', 'the hardlink /a has no source', ['build']],
    [`${REPOSITORY}\nentrypoint: {command: "a 'b"}`, '2:23', 'entrypoint.command has an open single quote', ['build']],
    [`${REPOSITORY}\ncmd: 'a \\'`, '2:6', 'cmd ends with a backslash', ['build']],
  ];
  it.each(mistakes)('refuses %j', (yaml, place, message, purposes = ['build', 'lock']) => {
    for (const purpose of ['build', 'lock'] as const) {
      if (!purposes.includes(purpose)) {
        expect(() => validate(yaml, undefined, purpose)).not.toThrow();
        continue;
      }
      const failure = failureOf(() => validate(yaml, undefined, purpose));
      expect(failure).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) });
      expect(`${failure.where?.line}:${failure.where?.column}`).toBe(place);
    }
  });

  const allowed = [
    base,
    `${base}\narchs: [amd64]\nentrypoint: {}\nlayering: {}`,
    `${REPOSITORY}\nformat: erofs\nlayering: {}`,
    `${REPOSITORY}\nformat: erofs\nlayering: {strategy: "", budget: 0}`,
    `${REPOSITORY}\nentrypoint: {command: "it's", shell-fragment: x}`,
    `${REPOSITORY}\nentrypoint: {command: "it's", type: service-bundle}`,
  ];
  it.each(allowed)('allows %j', (yaml) => {
    expect(() => validate(yaml)).not.toThrow();
  });

  it('suggests near names, and lists every problem', () => {
    const failure = failureOf(() => validate(`${REPOSITORY}\ncmd: "'"\npaths: [{path: /a, type: simlink}]`));
    expect(failure.message).toBe('cmd has an open single quote');
    expect(failure.notes).toEqual([expect.stringMatching(/^3:26 unknown path .* \(did you mean "symlink"\?\)$/)]);
  });
});

describe('lockedConfig', () => {
  it('replaces the wishes and forgets where they came from', () => {
    const config = validate(`${REPOSITORY}\nvcs-url: u@r\narchs: [amd64, arm64]`);
    expect(lockedConfig({ ...config, include: 'b.yaml' }, 'aarch64', ['p=1'])).toEqual({
      ...config,
      contents: { ...config.contents, packages: ['p=1'] },
      archs: ['arm64'],
      vcsUrl: '',
      include: '',
    });
  });

  it('appends s6 once more, as the reference does', () => {
    const config = completeConfig(validate(`${REPOSITORY}\nentrypoint: {type: service-bundle}`));
    expect(lockedConfig(config, 'amd64', ['p=1', 's6=2']).contents.packages).toEqual(['p=1', 's6=2', 's6']);
  });
});
