// Our SBOMs against the reference's (golden/apko/README.md, "hold at least this"): for each golden image its packages are
// read from the corpus and described by us, with the golden digests; nothing that the reference says may be missing.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Digest, hashHex } from '../../src/base/digest.ts';
import { parsePkginfo } from '../../src/formats/apk/pkginfo.ts';
import { readGzipMember } from '../../src/formats/gzip/members.ts';
import { parseSpdx, type SpdxDocument } from '../../src/formats/sbom/spdx.ts';
import { readTar } from '../../src/formats/tar/read.ts';
import { describeImage } from '../../src/planning/describe/describe-image.ts';
import { describeImageCycloneDx } from '../../src/planning/describe/describe-image-cyclonedx.ts';
import { describeIndex } from '../../src/planning/describe/describe-index.ts';
import type { DescribedPackage } from '../../src/planning/describe/package-elements.ts';
import { type DigestNames, missingFromSbom } from '../support/sbom-contains.ts';
import { cycloneDxFaults, hasCycloneDxSchema, spdxFaults } from '../support/sbom-schema.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';

const EXPECTED = `${sharedDir}/golden/apko/expected`;
const GZIP_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const ARCHITECTURES = [
  { apk: 'x86_64', oci: 'amd64' },
  { apk: 'aarch64', oci: 'arm64' },
];

const cases =
  sharedDir === undefined ? [] : readdirSync(EXPECTED).filter((name) => existsSync(`${EXPECTED}/${name}/digests.json`));

interface ReadPackage {
  readonly described: DescribedPackage;
  /** Its embedded SBOMs. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** `<arch>/<name>-<version>.apk` -> path; of several the first in byte order of the path. */
const packagePaths = new Map(
  packageFiles('corpus')
    .reverse()
    .map((path) => [`${basename(dirname(path))}/${basename(path)}`, path]),
);

function packageFiles(folder: string): string[] {
  if (sharedDir === undefined) return [];
  const names = readdirSync(`${sharedDir}/${folder}`, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.apk'))
    .sort()
    .map((name) => `${sharedDir}/${folder}/${name}`);
}

const packages = new Map<string, ReadPackage>();

function readPackage(path: string): ReadPackage {
  const known = packages.get(path);
  if (known !== undefined) return known;
  const bytes = readFileSync(path);
  const first = readGzipMember(bytes, 0, Number.MAX_SAFE_INTEGER);
  const signed = first !== undefined && readTar(first.content)[0]?.name.startsWith('.SIGN.') === true;
  const control = signed ? readGzipMember(bytes, first.end, Number.MAX_SAFE_INTEGER) : first;
  if (first === undefined || control === undefined) throw new Error(`${path} ends early`);
  const infoEntry = readTar(control.content).find((entry) => entry.name === '.PKGINFO');
  const info = parsePkginfo(textOf(control.content, infoEntry?.offset ?? 0, infoEntry?.size ?? 0));
  const data = gunzipSync(bytes.subarray(control.end));
  const sboms = readTar(data).filter((entry) => entry.type === '0' && entry.name.startsWith('var/lib/db/sbom/'));
  const read: ReadPackage = {
    described: {
      info,
      controlSha1: hashHex('sha1', bytes.subarray(signed ? first.end : 0, control.end)),
      dataSha256: hashHex('sha256', bytes.subarray(control.end)),
      url: '',
    },
    files: new Map(sboms.map((entry) => [entry.name, data.subarray(entry.offset, entry.offset + entry.size)])),
  };
  packages.set(path, read);
  return read;
}

function textOf(bytes: Uint8Array, offset: number, size: number): string {
  return new TextDecoder().decode(bytes.subarray(offset, offset + size));
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

/** The packages of a case for one architecture, each once. */
function installedPackages(name: string, arch: string): ReadPackage[] {
  const lines = new Set(
    readFileSync(`${EXPECTED}/${name}/packages.txt`, 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  );
  return [...lines].flatMap((line) => {
    const path = packagePaths.get(`${arch}/${line.replace(/@.*/, '').replace('=', '-')}.apk`);
    return path === undefined ? [] : [readPackage(path)];
  });
}

/** What we say of a golden image: its digests and operating system as the reference names them, packages from the corpus. */
function inputFor(name: string, arch: { readonly apk: string; readonly oci: string }, golden: SpdxDocument) {
  const names = readJson<DigestNames>(`${EXPECTED}/${name}/digests.json`);
  const named = (prefix: string) =>
    Object.keys(names).filter((digest) => names[digest]?.startsWith(prefix)) as Digest[];
  const os = golden.packages.find((element) => element.primaryPackagePurpose === 'OPERATING_SYSTEM');
  const installed = installedPackages(name, arch.apk);
  const files = new Map(installed.flatMap((pkg) => [...pkg.files]));
  const layerDigests = golden.packages
    .filter((element) => element.SPDXID.startsWith('SPDXRef-Package-ImageLayer-'))
    .map((element) => element.name as Digest);
  return {
    createdText: golden.creationInfo.created,
    toolVersion: '0.0.0',
    osRelease: {
      id: os?.name ?? '',
      name: os?.supplier?.replace('Organization: ', '') ?? '',
      version: os?.versionInfo ?? '',
    },
    imageDigest: named(`<manifest ${arch.apk}>`)[0] ?? ('sha256:' as Digest),
    layers: layerDigests.map((digest) => ({ digest, mediaType: GZIP_LAYER })),
    arch: arch.oci,
    imageName: 'golden',
    packages: installed.map((pkg) => pkg.described),
    readFile: (path: string) => files.get(path),
    vcsUrl: '',
  };
}

describe.skipIf(sharedDir === undefined)(`SBOMs of the golden images (skipped when ${SHARED_ABSENT})`, () => {
  const images = cases.flatMap((name) =>
    ARCHITECTURES.flatMap((arch) => {
      const path = `${EXPECTED}/${name}/sbom-${arch.apk}.spdx.json`;
      return existsSync(path) ? [{ name, arch, path }] : [];
    }),
  );

  it('there are some', () => {
    expect(images.length).toBeGreaterThan(50);
  });

  it.each(images)('$name $arch.apk', ({ name, arch, path }) => {
    const golden = readJson<SpdxDocument>(path);
    const input = inputFor(name, arch, golden);
    const document = describeImage(input);
    expect(missingFromSbom(golden, document, {}, {})).toEqual([]);
    expect(spdxFaults(document)).toEqual([]);
    for (const { info } of input.packages) {
      const elements = document.packages.filter((p) => p.name === info.name && p.versionInfo === info.version);
      expect(elements).toHaveLength(1);
    }
    if (hasCycloneDxSchema) expect(cycloneDxFaults(describeImageCycloneDx(input))).toEqual([]);
  });

  it.each(cases.filter((name) => existsSync(`${EXPECTED}/${name}/sbom-index.spdx.json`)))('%s, index', (name) => {
    const golden = readJson<SpdxDocument>(`${EXPECTED}/${name}/sbom-index.spdx.json`);
    const names = readJson<DigestNames>(`${EXPECTED}/${name}/digests.json`);
    const digestOf = (label: string) =>
      Object.keys(names).find((digest) => names[digest] === label) as Digest | undefined;
    const document = describeIndex({
      createdText: golden.creationInfo.created,
      toolVersion: '0.0.0',
      osRelease: { id: 'corpus', name: 'Corpus', version: '1' },
      indexDigest: digestOf('<index>') ?? ('sha256:' as Digest),
      names: { index: 'golden', image: 'golden' },
      images: ARCHITECTURES.flatMap((arch) => {
        const digest = digestOf(`<manifest ${arch.apk}>`);
        return digest === undefined ? [] : [{ digest, arch: arch.oci }];
      }),
      vcsUrl: '',
    });
    expect(missingFromSbom(golden, document, {}, {})).toEqual([]);
    expect(spdxFaults(document)).toEqual([]);
    expect(JSON.stringify(document)).not.toContain('Chainguard');
  });

  it('merges the SBOMs that published packages carry, and stays valid', () => {
    const read = packageFiles('corpus/samples/wolfi').map(readPackage);
    const withSbom = read.filter((pkg) => pkg.files.size > 0);
    expect(withSbom.length).toBeGreaterThan(3);
    for (const pkg of withSbom) {
      const golden = readJson<SpdxDocument>(`${EXPECTED}/python/sbom-x86_64.spdx.json`);
      const files = pkg.files;
      const input = {
        ...inputFor('python', ARCHITECTURES[0] ?? { apk: '', oci: '' }, golden),
        packages: [pkg.described],
      };
      const document = describeImage({ ...input, readFile: (path) => files.get(path) });
      expect(spdxFaults(document)).toEqual([]);
      if (hasCycloneDxSchema)
        expect(cycloneDxFaults(describeImageCycloneDx({ ...input, readFile: (p) => files.get(p) }))).toEqual([]);
      const [text] = [...files.values()].map((bytes) => new TextDecoder().decode(bytes));
      const tops = parseSpdx(text ?? '')?.documentDescribes.length ?? 0;
      expect(document.packages.length).toBeGreaterThanOrEqual(3 + Math.max(tops, 1));
    }
  });
});

describe('missingFromSbom', () => {
  const hex = (digit: string) => digit.repeat(64);
  const golden = readGolden();

  function readGolden(): SpdxDocument {
    const element = (id: string, name: string) => ({
      SPDXID: id,
      name,
      filesAnalyzed: false as const,
      downloadLocation: 'NOASSERTION',
      licenseDeclared: 'MIT',
      checksums: [{ algorithm: 'SHA256', checksumValue: hex('a') }],
      externalRefs: [
        { referenceCategory: 'PACKAGE-MANAGER', referenceLocator: `pkg:x/${name}`, referenceType: 'purl' },
      ],
    });
    return {
      SPDXID: 'SPDXRef-DOCUMENT',
      name: 'n',
      spdxVersion: 'SPDX-2.3',
      creationInfo: { created: '', creators: [] },
      dataLicense: '',
      documentNamespace: '',
      documentDescribes: [],
      packages: [element('SPDXRef-1', `sha256:${hex('a')}`), element('SPDXRef-2', 'b')],
      relationships: [{ spdxElementId: 'SPDXRef-1', relationshipType: 'CONTAINS', relatedSpdxElement: 'SPDXRef-2' }],
    };
  }

  const names = { [`sha256:${hex('a')}`]: '<manifest x86_64>' };
  const ourDigests = { '<manifest x86_64>': `sha256:${hex('c')}` };
  const translated = JSON.parse(JSON.stringify(golden).replaceAll(hex('a'), hex('c'))) as SpdxDocument;

  it('finds nothing missing in an equal document, under other digests and ids', () => {
    const renamed = JSON.parse(JSON.stringify(translated).replaceAll('SPDXRef-2', 'SPDXRef-two')) as SpdxDocument;
    expect(missingFromSbom(golden, renamed, names, ourDigests)).toEqual([]);
    expect(missingFromSbom(golden, golden, {}, {})).toEqual([]);
  });

  it.each<[string, Partial<SpdxDocument>, RegExp]>([
    ['an element', { packages: translated.packages.slice(1) }, /^element sha256:c/],
    ['a relationship', { relationships: [] }, /^relationship SPDXRef-1 CONTAINS SPDXRef-2$/],
    [
      'a licence',
      { packages: translated.packages.map((p) => ({ ...p, licenseDeclared: 'ISC' })) },
      /^declared licence MIT/,
    ],
    ['a reference', { packages: translated.packages.map((p) => ({ ...p, externalRefs: [] })) }, /^reference pkg:x/],
    ['a checksum', { packages: translated.packages.map((p) => ({ ...p, checksums: [] })) }, /^checksum SHA256:c/],
  ])('tells a missing %s', (_, change, line) => {
    const [first = ''] = missingFromSbom(golden, { ...translated, ...change }, names, ourDigests);
    expect(first).toMatch(line);
  });
});
