// The order of operations that shows in the result (layer-and-oci.md 1): who sees whose files, and who writes last.

import { describe, expect, it } from 'vitest';
import { dumpTree, readOf, type TestPackage, testPackage } from '../../../test/support/trees.ts';
import { loadImageConfig } from '../config/load.ts';
import { validateImageConfig } from '../config/validate.ts';
import { assembleRootfs, type Rootfs, type RootfsInput } from './assemble.ts';

const LAYOUT = testPackage({ name: 'layout' }, [
  'dir etc',
  'file etc/passwd 644 root:x:0:0:root:/root:/bin/sh\n',
  'file etc/group 644 root:x:0:root\n',
  'file etc/os-release 644 ID=test\n',
]);
const APP = testPackage({ name: 'app', version: '2-r1' }, ['file usr/bin/app 755 program']);

function load(yaml: string): Pick<RootfsInput, 'config' | 'place'> {
  const text = `contents: {repositories: [./r], packages: [app]}\narchs: [amd64]\n${yaml}`;
  const loaded = loadImageConfig('i.yaml', () => Buffer.from(text), []);
  return { config: validateImageConfig(loaded), place: loaded.place };
}

function assemble(packages: readonly TestPackage[], yaml = '', more: Partial<RootfsInput> = {}): Rootfs {
  return assembleRootfs({
    ...load(yaml),
    arch: 'amd64',
    packages: packages.map(({ pkg }) => pkg),
    world: ['app', 'layout=1-r0', 'app'],
    keys: new Map([['k.rsa.pub', 'PEM']]),
    buildRepositories: ['./r', './build'],
    runtimeRepositories: ['./z', './r', './r'],
    read: readOf(packages),
    baseEpochSeconds: 0,
    createdSeconds: 0,
    ...more,
  });
}

const text = (rootfs: Rootfs, path: string) => rootfs.tree.readText(path);
const line = (rootfs: Rootfs, path: string) =>
  dumpTree(rootfs.tree).find((each) => each.split(' ')[3]?.replace(/\/$/, '') === path);

describe('what every image gets', () => {
  const rootfs = assemble([LAYOUT, APP]);

  const rows: readonly (readonly [path: string, content: string])[] = [
    ['etc/apk/arch', 'x86_64\n'],
    ['etc/apk/keys/k.rsa.pub', 'PEM'],
    ['etc/apk/repositories', './r\n./z\n'],
    ['etc/apk/world', 'app\nlayout=1-r0\n'],
    ['etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'],
    ['usr/bin/app', 'program'],
  ];
  it.each(rows)('%s', (path, content) => {
    expect(text(rootfs, path)).toBe(content);
  });

  it('a database of its packages, in install order', () => {
    const records = text(rootfs, 'usr/lib/apk/db/installed')!.trimEnd().split('\n\n');
    expect(records.map((record) => /^P:(.*)$/m.exec(record)?.[1])).toEqual(['layout', 'app']);
    const reversed = text(assemble([APP, LAYOUT]), 'usr/lib/apk/db/installed')!;
    expect(reversed.indexOf('P:app')).toBeLessThan(reversed.indexOf('P:layout'));
  });

  it('its effective configuration, readable and nothing else', () => {
    expect(line(rootfs, 'etc/apko.json')).toMatch(/^0444 0:0 0 /);
    expect(JSON.parse(text(rootfs, 'etc/apko.json')!)).toMatchObject({
      contents: { packages: ['app'] },
      archs: ['amd64'],
    });
  });

  it('no warning when it has what images have, one for each thing that it lacks', () => {
    expect(rootfs.warnings).toEqual([]);
    expect(assemble([APP]).warnings).toEqual([
      // The builder has made /etc/passwd: accounts are always written.
      'the image has no /etc/group',
      'the image has no /etc/os-release',
    ]);
  });

  it('one layer, or one for each group of packages and one on top', () => {
    expect(rootfs.layers).toHaveLength(1);
    expect(assemble([LAYOUT, APP], 'layering: {strategy: origin, budget: 5}\n').layers).toHaveLength(3);
    expect(assemble([LAYOUT, APP], 'layering: {strategy: origin, budget: 1}\n').layers).toHaveLength(2);
  });
});

describe('the order of operations', () => {
  it('accounts see packaged files; run-as becomes a number in the configuration that the image shows', () => {
    const yaml = 'accounts: {run-as: me, users: [{username: me, uid: 7}]}\n';
    const rootfs = assemble([LAYOUT, APP], yaml);
    expect(text(rootfs, 'etc/passwd')?.split('\n')[1]).toMatch(/^me:x:7:7:/);
    expect(rootfs.config.accounts.runAs).toBe('7');
    expect(JSON.parse(text(rootfs, 'etc/apko.json')!).accounts['run-as']).toBe('7');
    expect(line(rootfs, 'home/me')).toMatch(/^0700 7:7 /);
    expect(rootfs.names.users.get(7)).toBe('me');
  });

  it('path mutations come after accounts and the configuration, and may change both', () => {
    const yaml = [
      'accounts: {users: [{username: me, uid: 7}]}',
      'paths:',
      '  - {path: /home/me, type: permissions, permissions: 0o755, uid: 9}',
      '  - {path: /etc/apko.json, type: permissions, permissions: 0o600}',
      '',
    ].join('\n');
    const rootfs = assemble([LAYOUT, APP], yaml);
    expect(line(rootfs, 'home/me')).toMatch(/^0755 9:0 /);
    expect(line(rootfs, 'etc/apko.json')).toMatch(/^0600 /);
  });

  it('services come after path mutations: a folder made there keeps its mode', () => {
    const yaml = [
      'entrypoint: {services: {web: run-web}}',
      'paths: [{path: /sv/web, type: directory, permissions: 0o700}]',
      '',
    ].join('\n');
    const rootfs = assemble([LAYOUT, APP], yaml);
    expect(line(rootfs, 'sv/web')).toMatch(/^0700 /);
    expect(text(rootfs, 'sv/web/run')).toContain('run-web');
  });

  it('the repositories of the build are those that packages see, those of the image are written last', () => {
    const shipped = testPackage({ name: 'repos' }, ['file etc/apk/repositories 644 ./build\n./r\n']);
    expect(text(assemble([LAYOUT, shipped]), 'etc/apk/repositories')).toBe('./r\n./z\n');
    const other = testPackage({ name: 'repos' }, ['file etc/apk/repositories 644 ./other\n']);
    expect(() => assemble([LAYOUT, other])).toThrow(expect.objectContaining({ code: 'FILE_CONFLICT' }));
  });

  it('a base image keeps its accounts, and its packages stay in the database', () => {
    const baseInstalled = 'P:base\nV:1-r0\nA:x86_64\nC:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n';
    const rootfs = assemble([APP], '', { baseInstalled });
    expect(text(rootfs, 'etc/passwd')).toBeUndefined();
    expect(text(rootfs, 'usr/lib/apk/db/installed')).toMatch(/P:base[\s\S]*P:app/);
  });
});

describe('what cannot be assembled says where', () => {
  const otherGroup = testPackage({ name: 'app' }, ['file etc/group 644 x']);
  const badCertificate = 'certificates: {additional: [{name: x, content: nonsense}]}\n';
  const badPath = 'cmd: x\npaths:\n  - {path: /x, type: permissions}\n';
  const rows: readonly (readonly [what: string, make: () => Rootfs, sentence: RegExp, line: number | undefined])[] = [
    ['a conflict of packages', () => assemble([LAYOUT, otherGroup]), /^installing app 1-r0: "etc\/group"/, undefined],
    ['a certificate', () => assemble([LAYOUT, APP], badCertificate), /certificate "x"/, 3],
    ['a path', () => assemble([APP], badPath), /^permissions "\/x"/, 5],
    ['an account', () => assemble([LAYOUT], 'accounts: {run-as: nobody-i-know}\n'), /run-as "nobody-i-know"/, 3],
  ];
  it.each(rows)('%s', (_what, make, sentence, line) => {
    const failure = { message: expect.stringMatching(sentence), where: line && expect.objectContaining({ line }) };
    expect(make).toThrow(expect.objectContaining(failure));
  });
});
