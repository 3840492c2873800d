// Repositories that lie: each lie ends with the right exit code and a sentence that names the thing, nothing is written, and
// nothing ever lands outside the image (issue 3, "Repositories"; apk-format.md 1 and 3).

import { readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { packagedFile, type TinyFile, type TinyPackage, tinyIndex, tinyKey, tinyPackage } from '../support/tiny-apk.ts';
import { readBuiltImages } from './built-image.ts';
import { failureOf, filesBelow, Place } from './place.ts';
import { KEY, signedIndex } from './small-repository.ts';

const CONFIG = `contents:
  repositories: [./repository]
  keyring: [./small.rsa.pub]
  packages: [evil]
archs: [amd64]
`;

function placeWith(index: Uint8Array, packages: readonly TinyPackage[] = []): Place {
  const place = new Place(CONFIG, undefined);
  place.write('small.rsa.pub', KEY.publicKeyPem);
  place.write('repository/x86_64/APKINDEX.tar.gz', index);
  for (const { label, bytes } of packages) place.write(`repository/x86_64/${label}.apk`, bytes);
  return place;
}

const withFiles = (...files: readonly TinyFile[]): TinyPackage => tinyPackage('evil', { files });
const signed = (...packages: readonly TinyPackage[]) => placeWith(tinyIndex(packages, KEY), packages);

/** 5 MB of zeros in a few KB. */
const BOMB = packagedFile('bomb', Buffer.alloc(5_000_000));
const GOOD = tinyPackage('evil');

interface Lie {
  readonly what: string;
  readonly place: () => Place;
  readonly argv?: readonly string[];
  readonly exitCode: 6 | 7;
  readonly code: string;
  readonly sentence: RegExp;
}

const LIES: readonly Lie[] = [
  {
    what: 'an index without a signature',
    place: () => placeWith(tinyIndex([GOOD]), [GOOD]),
    exitCode: 6,
    code: 'SIGNATURE_MISSING',
    sentence: /repository\/x86_64\/APKINDEX\.tar\.gz/,
  },
  {
    what: 'an index signed by a stranger under the name of our key',
    place: () => placeWith(tinyIndex([GOOD], tinyKey('small.rsa.pub')), [GOOD]),
    exitCode: 6,
    code: 'SIGNATURE_INVALID',
    sentence: /repository\/x86_64\/APKINDEX\.tar\.gz/,
  },
  {
    what: 'an index signed by a key that we do not have',
    place: () => placeWith(tinyIndex([GOOD], tinyKey('stranger.rsa.pub')), [GOOD]),
    exitCode: 6,
    code: 'SIGNATURE_MISSING',
    sentence: /stranger\.rsa\.pub/,
  },
  {
    what: 'an index with another one behind the signed one',
    place: () => placeWith(Buffer.concat([tinyIndex([GOOD], KEY), tinyIndex([GOOD])]), [GOOD]),
    exitCode: 6,
    code: 'SIGNATURE_INVALID',
    sentence: /APKINDEX\.tar\.gz/,
  },
  {
    what: 'an index that is a gzip bomb',
    place: () => placeWith(signedIndex(`P:evil\n${' '.repeat(3_000_000)}\n\n`)),
    argv: ['--max-apkindex-decompressed-size', '1000000'],
    exitCode: 7,
    code: 'ARCHIVE_LIMIT',
    sentence: /APKINDEX\.tar\.gz/,
  },
  {
    what: 'an index that is no index',
    place: () => placeWith(gzipSync('hello'), [GOOD]),
    argv: ['--ignore-signatures'],
    exitCode: 7,
    code: 'INDEX_INVALID',
    sentence: /APKINDEX\.tar\.gz/,
  },
  {
    what: 'a keyring whose key is no key',
    place: () => {
      const place = placeWith(tinyIndex([GOOD], KEY), [GOOD]);
      place.write('small.rsa.pub', 'not a key');
      return place;
    },
    exitCode: 6,
    code: 'KEY_INVALID',
    sentence: /small\.rsa\.pub/,
  },
  {
    what: 'a package with another control part than the index says',
    place: () => placeWith(tinyIndex([GOOD], KEY), [tinyPackage('evil', { files: [packagedFile('x', 'x')] })]),
    exitCode: 6,
    code: 'CHECKSUM_MISMATCH',
    sentence: /^package evil-1\.0-r0: control hash mismatch/,
  },
  {
    what: 'a package with other data than its control part says',
    place: () => signed(tinyPackage('evil', { dataHash: '0'.repeat(64) })),
    exitCode: 6,
    code: 'CHECKSUM_MISMATCH',
    sentence: /^package evil-1\.0-r0: data hash mismatch/,
  },
  {
    what: 'a package without a data hash',
    place: () => signed(tinyPackage('evil', { dataHash: '' })),
    exitCode: 6,
    code: 'CHECKSUM_MISMATCH',
    sentence: /^package evil-1\.0-r0: data hash mismatch/,
  },
  {
    what: 'a file with another content than its checksum says',
    place: () => signed(withFiles({ ...packagedFile('etc/motd', 'good'), content: 'evil' })),
    exitCode: 6,
    code: 'CHECKSUM_MISMATCH',
    sentence: /^package evil-1\.0-r0: checksum mismatch: "etc\/motd"/,
  },
  {
    what: 'a package whose data is a gzip bomb',
    place: () => signed(withFiles(BOMB)),
    argv: ['--max-apk-data-size', '1000000'],
    exitCode: 7,
    code: 'ARCHIVE_LIMIT',
    sentence: /^package evil-1\.0-r0: its files are larger than the bound of 1000000 bytes/,
  },
  {
    what: 'a package whose control part is a gzip bomb',
    place: () =>
      signed(tinyPackage('evil', { control: [{ name: '.post-install', content: Buffer.alloc(3_000_000) }] })),
    argv: ['--max-apk-control-size', '1000000'],
    exitCode: 7,
    code: 'ARCHIVE_LIMIT',
    sentence: /^package evil-1\.0-r0: /,
  },
  {
    what: 'a package of very many empty files',
    place: () => signed(withFiles(...Array.from({ length: 20_000 }, (_, i) => packagedFile(`f/${i}`, '')))),
    argv: ['--max-apk-data-size', '1000000'],
    exitCode: 7,
    code: 'ARCHIVE_LIMIT',
    sentence: /^package evil-1\.0-r0: /,
  },
  {
    what: 'a package that is cut',
    place: () => {
      const place = signed(GOOD);
      place.write('repository/x86_64/evil-1.0-r0.apk', GOOD.bytes.subarray(0, GOOD.bytes.length - 20));
      return place;
    },
    exitCode: 7,
    code: 'ARCHIVE_INVALID',
    sentence: /^package evil-1\.0-r0: it ends after \d+ bytes/,
  },
  {
    what: 'a package that is something else',
    place: () => {
      const place = signed(GOOD);
      place.write('repository/x86_64/evil-1.0-r0.apk', '<html>please log in</html>');
      return place;
    },
    exitCode: 7,
    code: 'ARCHIVE_INVALID',
    sentence: /^package evil-1\.0-r0: /,
  },
  ...['../../evil', 'usr/../../evil', './../evil', '/../evil'].map(
    (name): Lie => ({
      what: `a file named ${name}`,
      place: () => signed(withFiles(packagedFile(name, 'evil'))),
      exitCode: 7,
      code: 'PACKAGE_INVALID',
      sentence: /evil 1\.0-r0.*climbs out of its own tree/,
    }),
  ),
  {
    what: 'a hard link out of the image',
    place: () => signed(withFiles({ name: 'etc/shadow', type: '1', linkname: '../../../etc/shadow' })),
    exitCode: 7,
    code: 'PACKAGE_INVALID',
    sentence: /evil 1\.0-r0.*climbs out of its own tree/,
  },
  {
    what: 'a hard link to nothing',
    place: () => signed(withFiles({ name: 'a', type: '1', linkname: 'etc/hostname' })),
    exitCode: 7,
    code: 'PACKAGE_INVALID',
    sentence: /evil 1\.0-r0.*"etc\/hostname", which does not exist/,
  },
  {
    what: 'symbolic links that lead in a circle',
    place: () =>
      signed(
        withFiles(
          { name: 'a', type: '2', linkname: 'b', ...linkChecksum('b') },
          { name: 'b', type: '2', linkname: 'a', ...linkChecksum('a') },
          packagedFile('a/x', 'x'),
        ),
      ),
    exitCode: 7,
    code: 'PATH_INVALID',
    sentence: /evil 1\.0-r0.*too many symbolic links/,
  },
  {
    what: 'a file that the builder makes itself',
    place: () => signed(withFiles(packagedFile('etc/apk/world', 'evil\n'))),
    exitCode: 7,
    code: 'FILE_CONFLICT',
    sentence: /evil 1\.0-r0.*"etc\/apk\/world"/,
  },
  {
    what: 'account files that are none',
    place: () => signed(withFiles(packagedFile('etc/passwd', 'root\n'))),
    exitCode: 7,
    code: 'ACCOUNT_INVALID',
    sentence: /line 1 of "\/etc\/passwd"/,
  },
];

function linkChecksum(target: string) {
  return { pax: packagedFile('', target).pax! };
}

describe('a repository with', () => {
  it.each(LIES)('$what', async ({ place: make, argv = [], exitCode, code, sentence }) => {
    const place = make();
    const answer = await place.tryBuild(argv);
    const failure = failureOf(answer);
    expect([failure.code, failure.exitCode], failure.message).toEqual([code, exitCode]);
    expect(failure.message).toMatch(sentence);
    expect(filesBelow(place.path('layout'))).toEqual([]);
    expect(answer.stdout).toBe('');
    // What was not believed is not in the cache for the next build.
    expect(failureOf(await place.tryBuild(argv)).message).toBe(failure.message);
  });

  it('a package bomb that a build without bounds has cached is refused all the same', async () => {
    const place = signed(withFiles(BOMB));
    await place.build(['--max-apk-data-size', '-1']);
    expect(failureOf(await place.tryBuild(['--max-apk-data-size', '1000000'])).code).toBe('ARCHIVE_LIMIT');
  });
});

describe('links that point out of the image', () => {
  it('stay texts: what is written through them lands inside', async () => {
    const up = '../'.repeat(30);
    const place = signed(
      withFiles(
        { name: 'out', type: '2', linkname: `${up}tmp`, ...linkChecksum(`${up}tmp`) },
        { name: 'abs', type: '2', linkname: '/var/elsewhere', ...linkChecksum('/var/elsewhere') },
        { name: 'var/elsewhere', type: '5', mode: 0o755 },
        packagedFile('out/written-by-evil', 'evil'),
        packagedFile('abs/written-by-evil', 'evil'),
      ),
    );
    await place.build();
    const { files } = readBuiltImages(place.path('layout')).get('amd64')!;
    expect([...files.keys()].filter((path) => path.includes('written-by-evil'))).toEqual([
      'tmp/written-by-evil',
      'var/elsewhere/written-by-evil',
    ]);
    expect([...files.keys()].filter((path) => path.startsWith('/') || path.split('/').includes('..'))).toEqual([]);
    expect(readdirSync('/tmp').filter((name) => name.includes('written-by-evil'))).toEqual([]);
  });

  it('a path mutation follows them inside the image only', async () => {
    const place = signed(withFiles({ name: 'out', type: '2', linkname: '../../..', ...linkChecksum('../../..') }));
    place.write('image.yaml', `${CONFIG}paths: [{path: /out/inside, type: empty-file, permissions: 0o600}]\n`);
    await place.build();
    expect(readBuiltImages(place.path('layout')).get('amd64')?.files.has('inside')).toBe(true);
  });
});

describe('texts from a repository', () => {
  it('cannot steer a terminal', async () => {
    const name = 'ev\u001b]0;owned\u0007il';
    const evil = { ...tinyPackage('evil'), name: 'evil' };
    const records = `C:${evil.checksum}\nP:${name}\nV:1.0-r0\nA:x86_64\nT:\u001b[2Jgone\nS:1\n\n`;
    const place = placeWith(signedIndex(records), [evil]);
    place.write('image.yaml', CONFIG.replace('[evil]', JSON.stringify([name])));
    for (const argv of [
      ['show-packages', 'image.yaml'],
      ['show-packages', 'image.yaml', '--format', '{{.Name}} {{.Source}}'],
      ['show-config', 'image.yaml'],
      ['why', 'image.yaml', name],
      ['why-not', 'image.yaml', `${name}=2`],
      ['build', 'image.yaml', 'example.com/app:1', 'x.tar'],
      ['lock', 'image.yaml', '--log-level', 'debug'],
    ]) {
      const answer = await place.stave(argv);
      expect(`${answer.stdout}${answer.stderr}`, argv.join(' ')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
    }
  });
});
