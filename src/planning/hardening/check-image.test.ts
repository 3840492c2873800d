// The mutation table: an image about which there is nothing to say is spoiled in one way, and exactly the expected checks answer.

import { describe, expect, it } from 'vitest';
import {
  addFile,
  addOwned,
  addScript,
  hardenedImage,
  library,
  PACKAGES,
  program,
  type SpoiledImage,
  spdxOf,
  subjectOf,
} from '../../../test/support/hardened-image.ts';
import { buildElf } from '../../../test/support/tiny-elf.ts';
import { checkImage, unusedExceptions, withSbomFindings } from './check-image.ts';
import { CHECK_IDS, CHECKS, type CheckId } from './check-table.ts';
import { DEFAULT_POLICY, type HardeningException, type HardeningPolicy } from './policy.ts';
import { parseSpdxInventory } from './sbom-inventory.ts';

type Spoil = (image: SpoiledImage) => void;

const KEY = `-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAq7Zc9dR3fJ1kLx0vTnW8yPuGhE2sB5mQ4oKjXaDrFiVwHlYt\n-----END RSA PRIVATE KEY-----\n`;
const TOKEN = 'ghp_16C7e42F292c6912E7710c838347Ae178B4a';

const MUTATIONS: readonly (readonly [what: string, spoil: Spoil, expected: readonly CheckId[]])[] = [
  ['nothing', () => {}, []],
  // It runs.
  ['no command', (i) => setRun(i, { entrypoint: [] }), ['runs/no-command']],
  ['only a command', (i) => setRun(i, { entrypoint: [], cmd: ['app'] }), []],
  ['the entrypoint removed', (i) => i.tree.remove('usr/bin/app'), ['runs/entrypoint-missing']],
  [
    'an entrypoint outside PATH',
    (i) => setRun(i, { entrypoint: ['app'], env: ['PATH=/sbin'] }),
    ['runs/entrypoint-missing'],
  ],
  ['an entrypoint in PATH', (i) => setRun(i, { entrypoint: ['app'] }), []],
  ['a directory as entrypoint', (i) => setRun(i, { entrypoint: ['/usr/bin'] }), ['runs/entrypoint-not-executable']],
  ['the entrypoint not executable', (i) => i.tree.chmod('usr/bin/app', 0o644), ['runs/entrypoint-not-executable']],
  ['the entrypoint for root alone', (i) => i.tree.chmod('usr/bin/app', 0o700), ['runs/entrypoint-not-executable']],
  ['a directory above it for root alone', (i) => i.tree.chmod('usr/bin', 0o700), ['runs/entrypoint-not-executable']],
  [
    'text as entrypoint',
    (i) => addFile(i.tree, 'usr/bin/app', 'echo hello\n', 0o755),
    ['runs/entrypoint-not-executable'],
  ],
  [
    'an object file as entrypoint',
    (i) => addFile(i.tree, 'usr/bin/app', buildElf({ type: 1 }), 0o755),
    ['runs/entrypoint-not-executable'],
  ],
  [
    'the entrypoint of another machine',
    (i) => addFile(i.tree, 'usr/bin/app', program({ machine: 183 }), 0o755),
    ['runs/entrypoint-architecture'],
  ],
  [
    'a script without its interpreter',
    (i) => addFile(i.tree, 'usr/bin/app', '#!/usr/bin/python3 -u\n', 0o755),
    ['runs/entrypoint-interpreter'],
  ],
  [
    'a script by env',
    (i) => addFile(i.tree, 'usr/bin/app', '#!/usr/bin/env -S python3 -u\n', 0o755),
    ['runs/entrypoint-interpreter'],
  ],
  ['a script with its interpreter', scriptWithInterpreter, []],
  ['the loader removed', (i) => i.tree.remove('usr/lib64/ld-linux-x86-64.so.2'), ['runs/interpreter-missing']],
  [
    'the loader of another machine',
    (i) => addFile(i.tree, 'usr/lib64/ld-linux-x86-64.so.2', buildElf({ machine: 183 }), 0o755),
    ['runs/interpreter-missing', 'runs/other-architecture'],
  ],
  ['a library removed', (i) => i.tree.remove('usr/lib/libssl.so.3'), ['runs/library-missing']],
  ['a library where nobody looks', moveLibrary('opt/lib/libssl.so.3', 'libssl.so.3'), ['runs/library-missing']],
  [
    'a library by LD_LIBRARY_PATH',
    (i) => {
      moveLibrary('opt/lib/libssl.so.3', 'libssl.so.3')(i);
      setRun(i, { env: ['LD_LIBRARY_PATH=/opt/lib'] });
    },
    [],
  ],
  ['a library emptied', (i) => addFile(i.tree, 'usr/lib/libssl.so.3', '', 0o755), ['runs/library-unusable']],
  [
    'a library of another machine',
    (i) => addFile(i.tree, 'usr/lib/libssl.so.3', library('libssl.so.3', { machine: 183 }), 0o755),
    ['runs/library-unusable', 'runs/other-architecture'],
  ],
  [
    'a library that is too old',
    (i) =>
      addFile(i.tree, 'usr/lib/libssl.so.3', library('libssl.so.3', { definitions: ['libssl.so.3', 'SSL_1'] }), 0o755),
    ['runs/symbol-version'],
  ],
  [
    'an old C library',
    (i) =>
      addFile(
        i.tree,
        'usr/lib/libc.so.6',
        buildElf({ soname: 'libc.so.6', definitions: ['libc.so.6', 'GLIBC_2.2.5'] }),
        0o755,
      ),
    ['runs/symbol-version'],
  ],
  [
    'a 32-bit program without its loader',
    (i) =>
      addOwned(i.tree, 'usr/bin/tool', program({ machine: 3, bits: 32, interpreter: '/lib/ld-linux.so.2' }), 0o755),
    ['runs/other-architecture'],
  ],
  ['a plug-in', (i) => addOwned(i.tree, 'usr/lib/app/plugin.so', library('plugin.so')), []],
  [
    'a plug-in that lacks a library',
    (i) => addOwned(i.tree, 'usr/lib/app/plugin.so', library('plugin.so', { needed: ['libgone.so.1'] })),
    ['runs/plugin-unloadable'],
  ],
  ['a plug-in whose library its program loads', plugInBesideItsLibrary, []],
  [
    'a program of another machine',
    (i) => addOwned(i.tree, 'usr/bin/tool', program({ machine: 40, bits: 32 }), 0o755),
    ['runs/other-architecture'],
  ],
  [
    'debugging information of another machine',
    (i) => addOwned(i.tree, 'usr/lib/debug/x.debug', program({ needed: ['libgone.so.1'] }), 0o755),
    [],
  ],
  [
    'a script for a missing interpreter',
    (i) => addOwned(i.tree, 'usr/bin/tool', '#! /usr/bin/perl -w\n', 0o755),
    ['runs/script-interpreter'],
  ],
  ['the same, not executable', (i) => addOwned(i.tree, 'usr/bin/tool', '#! /usr/bin/perl -w\n'), []],
  ['an unknown user', (i) => setRun(i, { user: 'nobody9' }), ['runs/user-unknown']],
  ['a user without a name', (i) => setRun(i, { user: '4711' }), ['runs/user-unnamed']],
  ['a user by name and group', (i) => setRun(i, { user: 'app:app' }), []],
  ['an unknown group', (i) => setRun(i, { user: 'app:staff' }), ['runs/group-unknown']],
  // It is minimal.
  ['a shell', (i) => addOwned(i.tree, 'usr/bin/bash', program(), 0o755), ['minimal/shell']],
  [
    'a shell by a link',
    (i) => {
      addOwned(i.tree, 'usr/lib/tools/multi', program(), 0o755);
      i.tree.symlink('../lib/tools/multi', 'usr/bin/sh');
      own(i, 'usr/bin/sh');
    },
    ['minimal/shell'],
  ],
  ['a file called like a shell elsewhere', (i) => addOwned(i.tree, 'usr/share/app/bash', 'about bash', 0o755), []],
  ['a package manager', (i) => addOwned(i.tree, 'usr/bin/apk', program(), 0o755), ['minimal/package-manager']],
  ['a compiler', (i) => addOwned(i.tree, 'usr/bin/x86_64-linux-gnu-gcc-12', program(), 0o755), ['minimal/build-tool']],
  ['a debugger', (i) => addOwned(i.tree, 'usr/bin/gdb', program(), 0o755), ['minimal/build-tool']],
  ['manual pages', (i) => addOwned(i.tree, 'usr/share/man/man1/app.1', 'NAME\n'), ['minimal/documentation']],
  ['a licence', (i) => addOwned(i.tree, 'usr/share/doc/app/LICENSE.txt', 'MIT\n'), []],
  ['a cache', (i) => addOwned(i.tree, 'var/cache/apk/APKINDEX.tar.gz', 'x'), ['minimal/cache']],
  ['a left-over in /tmp', (i) => addOwned(i.tree, 'tmp/build.log', 'x'), ['minimal/left-over']],
  ['an empty log', (i) => addOwned(i.tree, 'var/log/app.log', ''), []],
  ['a back-up', (i) => addOwned(i.tree, 'etc/hosts.apk-new', 'x'), ['minimal/left-over']],
  // It is locked down.
  ['root as user', (i) => setRun(i, { user: 'root' }), ['locked/root-user']],
  ['no user', (i) => setRun(i, { user: '' }), ['locked/root-user']],
  [
    'uid 0 under another name',
    (i) => {
      append(i, 'etc/passwd', 'toor:x:0:0::/root:/bin/x\n');
      setRun(i, { user: 'toor' });
    },
    ['locked/root-user'],
  ],
  ['a setuid bit', (i) => i.tree.chmod('usr/bin/app', 0o4755), ['locked/setuid']],
  ['a setgid bit', (i) => i.tree.chmod('usr/bin/app', 0o2755), ['locked/setgid']],
  ['a setgid directory', (i) => i.tree.mkdirAll('var/local', 0o2775), []],
  ['a world-writable directory', (i) => i.tree.mkdirAll('var/spool', 0o777), ['locked/world-writable']],
  ['a sticky one that is not temporary', (i) => i.tree.mkdirAll('var/spool', 0o1777), ['locked/world-writable']],
  ['a temporary one without the sticky bit', (i) => i.tree.chmod('tmp', 0o777), ['locked/world-writable']],
  ['a world-writable file', (i) => i.tree.chmod('usr/share/app/data.txt', 0o666), ['locked/world-writable']],
  [
    'a device node',
    (i) => {
      i.tree.charDevice('dev/mem', 0o640, 1, 1);
      own(i, 'dev/mem');
    },
    ['locked/device-node'],
  ],
  [
    'another device by a usual name',
    (i) => {
      i.tree.charDevice('dev/zero', 0o666, 1, 1);
    },
    ['locked/device-node'],
  ],
  [
    'a file capability',
    (i) => {
      i.tree.lookup('usr/bin/app')!.xattrs = new Map([['security.capability', '\x01']]);
    },
    ['locked/file-capability'],
  ],
  ['a private key', (i) => addOwned(i.tree, 'etc/app/key.pem', KEY), ['locked/private-key']],
  [
    'a private key within JSON',
    (i) => addOwned(i.tree, 'etc/app/account.json', JSON.stringify({ private_key: KEY })),
    ['locked/private-key'],
  ],
  [
    'talk of a private key',
    (i) => addOwned(i.tree, 'etc/app/readme', 'Put "-----BEGIN PRIVATE KEY-----" first, then the key.\n'),
    [],
  ],
  ['a certificate', (i) => addOwned(i.tree, 'etc/app/cert.pem', KEY.replaceAll('RSA PRIVATE KEY', 'CERTIFICATE')), []],
  ['a token', (i) => addOwned(i.tree, 'home/app/.netrc2', `machine github.com password ${TOKEN}\n`), ['locked/secret']],
  [
    'an example of a token',
    (i) => addOwned(i.tree, 'etc/app/example', 'ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx AKIAIOSFODNN7EXAMPLE\n'),
    [],
  ],
  [
    'a password in a configuration',
    (i) => addOwned(i.tree, 'etc/app/app.conf', 'db_password = "q8Zr-4Lw0p_XvN2t"\n'),
    ['locked/secret'],
  ],
  [
    'a reference to a password',
    (i) => addOwned(i.tree, 'etc/app/app.conf', 'db_password = "${DB_PASSWORD}"\npassword_file=/run/secrets/db\n'),
    [],
  ],
  [
    'a token in the environment',
    (i) => setRun(i, { env: ['PATH=/usr/bin', `GITHUB_TOKEN=${TOKEN}`] }),
    ['locked/secret'],
  ],
  [
    'a password in a URL of the environment',
    (i) => setRun(i, { env: ['DATABASE_URL=postgres://app:hunter2kLm@db/app'] }),
    ['locked/secret'],
  ],
  [
    'a token in the history',
    (i) => {
      i.history = [`RUN curl -H "Authorization: ${TOKEN}"`];
    },
    ['locked/secret'],
  ],
  ['an empty password in shadow', (i) => append(i, 'etc/shadow', 'guest::::::::\n'), ['locked/empty-password']],
  ['an empty password in passwd', (i) => append(i, 'etc/passwd', 'guest::9:9::/:/x\n'), ['locked/empty-password']],
  ['a home that others read', (i) => i.tree.chmod('home/app', 0o755), ['locked/home-readable']],
  ['a home that the group reads', (i) => i.tree.chmod('home/app', 0o750), []],
  // It is accountable.
  ['no package database', (i) => i.tree.remove('usr/lib/apk/db/installed'), ['accountable/no-database']],
  ['a stray file', (i) => addFile(i.tree, 'usr/share/app/stray', 'x'), ['accountable/unowned-file']],
  [
    'a stray directory',
    (i) => {
      addFile(i.tree, 'srv/app/one', 'x');
      addFile(i.tree, 'srv/app/deep/two', 'x');
    },
    ['accountable/unowned-file'],
  ],
  ['a stray link', (i) => i.tree.symlink('/usr/bin/app', 'usr/bin/alias'), ['accountable/unowned-file']],
  ['an empty stray directory', (i) => i.tree.mkdirAll('srv', 0o755), []],
  ['a file of two packages', (i) => own(i, 'usr/share/app/data.txt'), ['accountable/two-owners']],
  ['an SBOM of all packages', (i) => setSbom(i, spdxOf(PACKAGES)), []],
  ['an SBOM that lacks a package', (i) => setSbom(i, spdxOf(PACKAGES.slice(1))), ['accountable/not-in-sbom']],
  [
    'an SBOM with another version of a package',
    (i) => setSbom(i, spdxOf(PACKAGES).replace('1-r0', '2-r0')),
    ['accountable/not-in-sbom'],
  ],
  [
    'a stray file that the SBOM lists',
    (i) => {
      addFile(i.tree, 'srv/stray', 'x');
      setSbom(i, spdxOf(PACKAGES, ['./srv/stray']));
    },
    [],
  ],
  [
    'no package database, but an SBOM that lists most files',
    (i) => {
      i.tree.remove('usr/lib/apk/db/installed');
      const listed = i.tree
        .walk()
        .map(({ path }) => path)
        .filter((path) => path !== 'usr/bin/app');
      setSbom(i, spdxOf(PACKAGES, listed));
    },
    ['accountable/unowned-file'],
  ],
  ['what is no SBOM', (i) => setSbom(i, '{"bomFormat":"CycloneDX"}'), []],
  [
    'a script that was not run',
    (i) => addScript(i.tree, '#!/bin/sh\nset -e\napp-setup --all\nexit 0\n'),
    ['accountable/script-not-run'],
  ],
  [
    'a script whose effect is there',
    (i) =>
      addScript(i.tree, '#!/bin/sh\naddgroup -S app 2>/dev/null\nadduser -S -G app app 2>/dev/null || true\nexit 0\n'),
    [],
  ],
  [
    'a script whose user is not there',
    (i) => addScript(i.tree, '#!/bin/sh\nadduser -S redis\n'),
    ['accountable/script-not-run'],
  ],
  [
    'the CA certificates removed',
    (i) => i.tree.remove('etc/ssl/certs/ca-certificates.crt'),
    ['accountable/ca-certificates'],
  ],
  [
    'CA certificates elsewhere',
    (i) => {
      i.tree.remove('etc/ssl/certs/ca-certificates.crt');
      addOwned(i.tree, 'etc/own.pem', 'x');
      setRun(i, { env: ['SSL_CERT_FILE=/etc/own.pem'] });
    },
    [],
  ],
  [
    'no CA certificates and no TLS',
    (i) => {
      i.tree.remove('etc/ssl/certs/ca-certificates.crt');
      i.tree.remove('usr/lib/libssl.so.3');
      addFile(i.tree, 'usr/bin/app', program({ needed: ['libc.so.6'], needs: {} }), 0o755);
    },
    [],
  ],
];

function setRun(image: SpoiledImage, run: Partial<SpoiledImage['run']>): void {
  image.run = { ...image.run, ...run };
}

function setSbom(image: SpoiledImage, text: string): void {
  image.sbom = text;
}

function append(image: SpoiledImage, path: string, line: string): void {
  image.tree.writeFile(path, `${image.tree.readText(path) ?? ''}${line}`, 0o644);
}

/** Another package claims the path, whatever lies there. */
function own({ tree }: SpoiledImage, path: string): void {
  const at = path.lastIndexOf('/');
  const record = `P:other\nV:1-r0\nF:${path.slice(0, Math.max(0, at))}\nR:${path.slice(at + 1)}\n\n`;
  tree.writeFile('usr/lib/apk/db/installed', `${tree.readText('usr/lib/apk/db/installed') ?? ''}${record}`, 0o644);
}

function moveLibrary(to: string, name: string): Spoil {
  return ({ tree }) => {
    const bytes = tree.readBytes(`usr/lib/${name}`) ?? new Uint8Array(0);
    tree.remove(`usr/lib/${name}`);
    addOwned(tree, to, bytes, 0o755);
  };
}

function scriptWithInterpreter({ tree }: SpoiledImage): void {
  addOwned(tree, 'usr/bin/python3', program(), 0o755);
  addFile(tree, 'usr/bin/app', '#!/usr/bin/python3 -u\n', 0o755);
}

/** As Java does it: the program finds its library by RPATH, the plug-in would not. */
function plugInBesideItsLibrary({ tree }: SpoiledImage): void {
  addOwned(tree, 'opt/jre/server/libvm.so', library('libvm.so'));
  addOwned(tree, 'opt/jre/libplugin.so', library('libplugin.so', { needed: ['libvm.so'] }));
}

function checksOf(image: SpoiledImage, policy: HardeningPolicy = DEFAULT_POLICY): string[] {
  return checkImage(subjectOf(image), policy).report.findings.map(({ check }) => check);
}

describe('the contract on an image spoiled by', () => {
  it.each(MUTATIONS)('%s', (_what, spoil, expected) => {
    const image = hardenedImage();
    spoil(image);
    expect(checksOf(image)).toEqual([...expected].sort((a, b) => CHECK_IDS.indexOf(a) - CHECK_IDS.indexOf(b)));
  });

  it('is tried for every check of the table', () => {
    const tried = new Set(MUTATIONS.flatMap(([, , expected]) => expected));
    expect(CHECK_IDS.filter((id) => !tried.has(id) && !id.startsWith('policy/'))).toEqual([]);
  });
});

describe('a finding', () => {
  const findingOf = (spoil: Spoil) => {
    const image = hardenedImage();
    spoil(image);
    return checkImage(subjectOf(image), DEFAULT_POLICY).report.findings[0];
  };

  it.each<readonly [what: string, spoil: Spoil, path: string | undefined, message: RegExp]>([
    [
      'names file, library and victim',
      (i) => {
        i.tree.remove('usr/lib/libc.so.6');
      },
      'usr/bin/app',
      /usr\/bin\/app needs libc\.so\.6/,
    ],
    [
      'says where the library is instead',
      moveLibrary('opt/lib/libssl.so.3', 'libssl.so.3'),
      'usr/bin/app',
      /opt\/lib\/libssl\.so\.3 is not where the loader looks/,
    ],
    [
      'says who dies of a library of a library',
      (i) =>
        addFile(
          i.tree,
          'usr/lib/libssl.so.3',
          library('libssl.so.3', { needed: ['libgone.so.1'], definitions: ['libssl.so.3', 'SSL_3'] }),
        ),
      'usr/lib/libssl.so.3',
      /usr\/lib\/libssl\.so\.3 needs libgone\.so\.1.*; usr\/bin\/app cannot start/,
    ],
    [
      'names the versions',
      (i) =>
        addFile(
          i.tree,
          'usr/lib/libc.so.6',
          buildElf({ soname: 'libc.so.6', definitions: ['libc.so.6', 'GLIBC_2.2.5'] }),
        ),
      'usr/bin/app',
      /wants GLIBC_2\.34 of libc\.so\.6, which .*\/usr\/lib\/libc\.so\.6|wants GLIBC_2\.34/,
    ],
    [
      'counts a stray directory',
      (i) => {
        addFile(i.tree, 'srv/one', 'x');
        addFile(i.tree, 'srv/two', 'x');
      },
      'srv',
      /no package owns srv: 2 files/,
    ],
    [
      'shows what a script would have done',
      (i) => addScript(i.tree, '#!/bin/sh\nsetup-a\nsetup-b\n'),
      undefined,
      /post-install script of scripted was not run.*"setup-a" and 1 more/,
    ],
  ])('%s', (_what, spoil, path, message) => {
    const finding = findingOf(spoil);
    expect(finding?.path).toBe(path);
    expect(finding?.message).toMatch(message);
    expect(finding?.reason).not.toBe('');
    expect(finding?.fix).not.toBe('');
  });

  it('never repeats a secret', () => {
    const image = hardenedImage();
    addOwned(image.tree, 'etc/app/app.conf', `token = "q8Zr4Lw0pXvN2t9K"\n${TOKEN}\n${KEY}`);
    image.run = { ...image.run, env: [`API_KEY=${TOKEN}`] };
    const text = JSON.stringify(checkImage(subjectOf(image), DEFAULT_POLICY).report);
    for (const secret of ['q8Zr4Lw0pXvN2t9K', TOKEN, 'MIIEowIBAAKCAQEA']) expect(text).not.toContain(secret);
  });

  it('of the entrypoint keeps its place among errors, which come first', () => {
    const image = hardenedImage();
    image.tree.chmod('tmp', 0o777);
    image.tree.remove('usr/bin/app');
    expect(checkImage(subjectOf(image), DEFAULT_POLICY).report.findings.map(({ level }) => level)).toEqual([
      'error',
      'warning',
    ]);
  });
});

describe('the policy', () => {
  const shelled = () => {
    const image = hardenedImage();
    addOwned(image.tree, 'usr/bin/bash', program(), 0o755);
    return image;
  };
  const levels = (profile: HardeningPolicy['profile']) =>
    checkImage(subjectOf(shelled()), { ...DEFAULT_POLICY, profile }).report.findings.map(({ level }) => level);

  it.each<readonly [profile: HardeningPolicy['profile'], levels: readonly string[]]>([
    ['default', ['warning']],
    ['distroless', ['error']],
    ['strict', ['error']],
    ['off', []],
  ])('%s', (profile, expected) => {
    expect(levels(profile)).toEqual(expected);
  });

  it('makes an error of whatever surely breaks, in every profile but off', () => {
    const breaking = [
      'runs/entrypoint-missing',
      'runs/entrypoint-architecture',
      'runs/library-missing',
      'runs/symbol-version',
      'runs/user-unknown',
    ] as const;
    for (const id of breaking)
      expect(CHECKS[id].levels).toEqual({ default: 'error', distroless: 'error', strict: 'error' });
  });

  it.each<readonly [what: string, exception: HardeningException, isUsed: boolean]>([
    ['of the check', { check: 'minimal/shell', reason: 'r' }, true],
    ['at the path', { check: 'minimal/shell', path: '/usr/bin/bash', reason: 'r' }, true],
    ['at a pattern', { check: 'minimal/shell', path: '**/ba*', reason: 'r' }, true],
    ['at another path', { check: 'minimal/shell', path: 'bin/sh', reason: 'r' }, false],
    ['of another check', { check: 'locked/setuid', reason: 'r' }, false],
  ])('an exception %s', (_what, exception, isUsed) => {
    const policy: HardeningPolicy = { profile: 'distroless', exceptions: [exception] };
    const report = checkImage(subjectOf(shelled()), policy).report;
    expect(report.findings.map(({ check }) => check)).toEqual(isUsed ? [] : ['minimal/shell']);
    expect(report.excused.map((one) => one.exception)).toEqual(isUsed ? [exception] : []);
    const unused = unusedExceptions(policy, [report]);
    expect(unused.map(({ check }) => check)).toEqual(isUsed ? [] : ['policy/unused-exception']);
  });

  it('an exception that only one architecture needs is needed', () => {
    const policy: HardeningPolicy = { profile: 'strict', exceptions: [{ check: 'minimal/shell', reason: 'r' }] };
    const reports = [hardenedImage(), shelled()].map((image) => checkImage(subjectOf(image), policy).report);
    expect(unusedExceptions(policy, reports)).toEqual([]);
    expect(unusedExceptions(policy, reports.slice(0, 1)).map(({ level }) => level)).toEqual(['error']);
    expect(unusedExceptions({ ...policy, profile: 'off' }, [])).toEqual([]);
  });
});

describe('an SBOM that is made after the checks', () => {
  const withSbom = (names: readonly string[], spoil: Spoil = () => {}) => {
    const image = hardenedImage();
    spoil(image);
    const { report } = checkImage(subjectOf({ ...image, sbom: spdxOf(names) }), DEFAULT_POLICY);
    const checked = checkImage(subjectOf(image), DEFAULT_POLICY);
    return { report, later: withSbomFindings(checked, parseSpdxInventory(spdxOf(names))!, DEFAULT_POLICY) };
  };

  it('is found to lack a package as if it had been there', () => {
    const { report, later } = withSbom(PACKAGES.slice(1), (image) => addFile(image.tree, 'bin/sh', program()));
    expect(later).toEqual(report);
    expect(later.findings.map(({ check }) => check)).toContain('accountable/not-in-sbom');
  });

  it('adds nothing where it names all packages', () => {
    expect(withSbom(PACKAGES).later.findings).toEqual([]);
  });
});

describe('what was looked at', () => {
  it('is counted', () => {
    const { looked, arch } = checkImage(subjectOf(hardenedImage()), DEFAULT_POLICY).report;
    expect(arch).toBe('amd64');
    expect(looked).toEqual({ files: 19, programs: 4, packages: 5 });
  });

  it('is plain data, so that a report can be kept and printed', () => {
    const report = checkImage(subjectOf(hardenedImage()), DEFAULT_POLICY).report;
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});
