import fc from 'fast-check';
import { PackageURL } from 'packageurl-js';
import { describe, expect, it } from 'vitest';
import { apkPurl, ociPurl, printPurl } from './purl.ts';

const ALPINE = { id: 'alpine', version: '3.18.4' };

describe('printPurl', () => {
  it.each([
    [{ type: 'github', namespace: 'Org', name: 'Repo', version: 'abc@d' }, 'pkg:github/Org/Repo@abc%40d'],
    [{ type: 'generic', name: 'a b+c' }, 'pkg:generic/a%20b%2Bc'],
    [{ type: 'golang', namespace: 'example.com/x', name: 'y', version: '' }, 'pkg:golang/example.com/x/y'],
    [{ type: 'x', name: 'n', qualifiers: { z: '1', a: 'ä', none: '' } }, 'pkg:x/n?a=%C3%A4&z=1'],
    [{ type: 'x', name: 'a\ud800' }, 'pkg:x/a%EF%BF%BD'],
  ])('%j', (parts, purl) => {
    expect(printPurl(parts)).toBe(purl);
  });

  it('is read back by the reference library of purls', () => {
    const word = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((s) => s.trim() === s && !/[\u0130\u0000-\u001f]/.test(s));
    fc.assert(
      fc.property(word, word, word, (name, version, text) => {
        const value = text.replaceAll('%', '-'); // The library decodes qualifiers twice.
        const read = PackageURL.fromString(printPurl({ type: 'generic', name, version, qualifiers: { key: value } }));
        expect([read.name, read.version, read.qualifiers?.['key']]).toEqual([name, version, value]);
      }),
    );
  });
});

describe('apkPurl', () => {
  const apk = { name: 'libstdc++', version: '12.2.1-r0', arch: 'x86_64', origin: 'gcc' };

  it.each([
    [apk, ALPINE, 'pkg:apk/alpine/libstdc%2B%2B@12.2.1-r0?arch=x86_64&distro=alpine-3.18.4&origin=gcc'],
    [
      { name: 'Zlib', version: '1', arch: 'noarch', origin: 'Zlib' },
      { id: 'wolfi', version: '' },
      'pkg:apk/wolfi/zlib@1?arch=noarch&distro=wolfi',
    ],
    [
      { ...apk, origin: '' },
      { id: 'unknown', version: 'unknown' },
      'pkg:apk/unknown/libstdc%2B%2B@12.2.1-r0?arch=x86_64',
    ],
    [{ ...apk, origin: '' }, { id: '', version: '' }, 'pkg:apk/libstdc%2B%2B@12.2.1-r0?arch=x86_64'],
  ])('%j on %j', (pkg, system, purl) => {
    expect(apkPurl(pkg, system)).toBe(purl);
    expect(PackageURL.fromString(purl).version).toBe(pkg.version);
  });
});

describe('ociPurl', () => {
  const digest = `sha256:${'0'.repeat(64)}`;

  it.each([
    [
      'application/vnd.oci.image.manifest.v1+json',
      'arm64',
      `pkg:oci/golden@${digest}?arch=arm64&mediaType=application%2Fvnd.oci.image.manifest.v1%2Bjson&os=linux`,
    ],
    [
      'application/vnd.oci.image.index.v1+json',
      '',
      `pkg:oci/golden@${digest}?mediaType=application%2Fvnd.oci.image.index.v1%2Bjson`,
    ],
  ])('%s', (mediaType, architecture, purl) => {
    expect(ociPurl('golden', digest, mediaType, architecture)).toBe(purl);
  });
});
