// The formats against packages, indexes and layers of the reference: every hash holds, every rebuilt file is equal.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dataEntries, entryChecksum, parseChecksum, printChecksum } from '../../src/formats/apk/data-entries.ts';
import { readIndexArchive } from '../../src/formats/apk/index-archive.ts';
import { parseInstalled, printBaseRecords, printInstalledRecord } from '../../src/formats/apk/installed.ts';
import { parsePackageHead } from '../../src/formats/apk/package-head.ts';
import { printScriptsTar, printTriggers } from '../../src/formats/apk/scripts-tar.ts';
import { signMember, verifyIndexSignature } from '../../src/formats/apk/signature.ts';
import { CPIO_ROOT, CPIO_TRAILER, cpioPadding, fitsCpio, printCpioHeader } from '../../src/formats/cpio/write.ts';
import { readGzipMember } from '../../src/formats/gzip/members.ts';
import type { TarHeader } from '../../src/formats/tar/entry.ts';
import { readTar } from '../../src/formats/tar/read.ts';
import { printTarHeader, TAR_END, tarPadding } from '../../src/formats/tar/write.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';

const hex = (algorithm: string, bytes: Uint8Array | string) => createHash(algorithm).update(bytes).digest('hex');
const shared = (path: string) => readFileSync(`${sharedDir}/${path}`);

/** Samples whose data member was compressed anew after `datahash` was written: the chain does not hold. */
const BROKEN_CHAIN = new Set(['aws-c-s3-0.4.9-r0.apk', 'neon-4604-r0.apk']);

function loadPackage(path: string) {
  const file = shared(path);
  const head = parsePackageHead(file);
  if (head === undefined) throw new Error(`${path} is cut short`);
  const compressed = file.subarray(head.dataStart);
  const data = gunzipSync(compressed);
  return {
    info: head.info,
    controlSha1: head.controlSha1,
    control: head.controlEntries,
    sizeBytes: file.length,
    dataSha256: hex('sha256', compressed),
    data,
    entries: dataEntries(readTar(data)),
  };
}
type Loaded = ReturnType<typeof loadPackage>;

describe.skipIf(sharedDir === undefined)(`packages and indexes (skipped when ${SHARED_ABSENT})`, () => {
  const folders = ['corpus/packages/x86_64', 'corpus/packages/aarch64', 'corpus/edge/x86_64', 'corpus/edge/aarch64'];
  const samples = [
    'corpus/samples/wolfi',
    ...['packages', 'private'].flatMap((f) => [`corpus/samples/apko/${f}/x86_64`, `corpus/samples/apko/${f}/aarch64`]),
  ];

  it.each([...folders, ...samples])('every hash of %s holds', (folder) => {
    const names = readdirSync(`${sharedDir}/${folder}`);
    const checksums = names.includes('APKINDEX.tar.gz') ? indexChecksums(`${folder}/APKINDEX.tar.gz`) : undefined;
    const packages = names.filter((name) => name.endsWith('.apk'));
    expect(packages.length).toBeGreaterThan(0);
    for (const name of packages) {
      const pkg = loadPackage(`${folder}/${name}`);
      expect(`${pkg.info.name}-${pkg.info.version}.apk`).toBe(name);
      expect(pkg.dataSha256 === pkg.info.dataHash, name).toBe(!BROKEN_CHAIN.has(name));
      if (checksums !== undefined) expect(checksums, name).toContain(pkg.controlSha1);
      for (const entry of pkg.entries) checkFile(pkg, entry, name);
    }
  });

  function checkFile(pkg: Loaded, entry: Loaded['entries'][number], name: string): void {
    const promised = entryChecksum(entry);
    const bytes = entry.type === '2' ? entry.linkname : pkg.data.subarray(entry.offset, entry.offset + entry.size);
    if (promised !== undefined) expect(promised, `${name} ${entry.name}`).toBe(hex('sha1', bytes));
    else if (entry.type === '0') expect(name).toBe('edge-nochecksum-1.0.0-r0.apk');
  }

  function indexChecksums(path: string): (string | undefined)[] {
    const text = Buffer.from(readIndexArchive(shared(path), { maxBytes: 300_000_000 })).toString();
    return text.split('\n').flatMap((line) => (line.startsWith('C:') ? [parseChecksum(line.slice(2))] : []));
  }

  it.each([
    ['corpus/packages/x86_64', 'corpus/packages/corpus.rsa.pub'],
    ['corpus/edge/aarch64', 'corpus/edge/corpus.rsa.pub'],
    ['corpus/indexes/alpine-3.16/x86_64', 'corpus/packages/corpus.rsa.pub'],
    ['corpus/indexes/alpine-3.17/aarch64', 'corpus/packages/corpus.rsa.pub'],
    ['corpus/samples/apko/packages/x86_64', 'corpus/samples/apko/packages/melange.rsa.pub'],
  ])('the index of %s is signed by %s', (folder, key) => {
    const name = key.split('/').at(-1) as string;
    const bytes = shared(`${folder}/APKINDEX.tar.gz`);
    verifyIndexSignature({ bytes, keys: new Map([[name, shared(key).toString()]]), name: folder });
    const wrong = new Map([[name, shared('golden/melange/local.rsa.pub').toString()]]);
    expect(() => verifyIndexSignature({ bytes, keys: wrong, name: folder })).toThrow(/does not fit/);
  });

  it('we sign as the reference does', () => {
    const bytes = shared('corpus/packages/x86_64/APKINDEX.tar.gz');
    const theirs = readGzipMember(bytes, 0, 10_000);
    const privateKeyPem = shared('corpus/packages/corpus.rsa').toString();
    const member = signMember(bytes.subarray(theirs?.end), {
      keyName: 'corpus.rsa.pub',
      privateKeyPem,
      algorithm: 'RSA256',
    });
    const ours = readGzipMember(member, 0, 10_000);
    expect(ours?.content.subarray(512)).toEqual(theirs?.content.subarray(512));
  });
});

/** One line of a golden file list, as a header and what its content hashes to. */
interface ListedEntry {
  readonly header: TarHeader;
  readonly contentHash: string;
}

function parseList(path: string): { diffId: string; entries: ListedEntry[] }[] {
  const layers: { diffId: string; entries: ListedEntry[] }[] = [];
  for (const line of shared(path).toString().trimEnd().split('\n')) {
    const layer = /^# layer \d+ diff_id sha256:(\S+)/.exec(line);
    if (layer !== null) layers.push({ diffId: layer[1] as string, entries: [] });
    else layers.at(-1)?.entries.push(parseLine(line));
  }
  return layers;
}

function parseLine(line: string): ListedEntry {
  const quoted = '("(?:[^"\\\\]|\\\\.)*")';
  const pattern = new RegExp(
    `^(\\S) (\\S+) (\\d+):(\\d+) (\\S*):(\\S*) (-?\\d+) (\\d+) ${quoted} ${quoted} (\\d+):(\\d+) (\\S+)(?: (.*))?$`,
  );
  const match = pattern.exec(line);
  if (match === null) throw new Error(`unexpected line ${line}`);
  const [, type, mode, uid, gid, uname, gname, mtime, size, name, linkname, devmajor, devminor, contentHash, pax] =
    match as string[];
  const header: TarHeader = {
    name: JSON.parse(name as string),
    type: type as string,
    mode: Number.parseInt(mode as string, 8),
    uid: Number(uid),
    gid: Number(gid),
    uname: uname as string,
    gname: gname as string,
    mtime: Number(mtime),
    size: Number(size),
    linkname: JSON.parse(linkname as string),
    devmajor: Number(devmajor),
    devminor: Number(devminor),
    pax: pax === undefined ? {} : JSON.parse(pax),
  };
  return { header, contentHash: contentHash as string };
}

interface Case {
  readonly name: string;
  readonly arch: 'x86_64' | 'aarch64';
  /** Package files in install order. */
  readonly packages: readonly string[];
}

const BASE = (arch: string) => `corpus/packages/${arch}/baselayout-1.0.0-r0.apk`;
const edge = (name: string): Case => ({
  name,
  arch: 'x86_64',
  packages: [BASE('x86_64'), `corpus/edge/x86_64/${name}-1.0.0-r0.apk`],
});
const CASES: readonly Case[] = [
  { name: 'minimal', arch: 'x86_64', packages: [BASE('x86_64')] },
  { name: 'minimal', arch: 'aarch64', packages: [BASE('aarch64')] },
  ...['links', 'modes', 'names', 'owners', 'scripts', 'xattr'].map((name) => edge(`edge-${name}`)),
];

/** World and configuration, which other rooms make, spelt out. A root filesystem keeps them as they were written. */
function wishesOf({ name, arch }: Case, packages: readonly Loaded[], kind: 'layer' | 'rootfs') {
  const isLayer = kind === 'layer';
  const wishes = packages.map(({ info }) => (isLayer ? `${info.name}=${info.version}` : info.name));
  const repositories = name === 'minimal' ? ['corpus/packages'] : ['corpus/packages', 'corpus/edge'];
  const ours = arch === 'x86_64' ? 'amd64' : 'arm64';
  const config = {
    contents: {
      repositories: isLayer ? repositories.toSorted() : repositories,
      keyring: ['corpus/packages/corpus.rsa.pub'],
      packages: wishes,
    },
    entrypoint: {},
    accounts: {},
    archs: isLayer || name !== 'minimal' ? [ours] : ['amd64', 'arm64'],
  };
  const lines = (texts: readonly string[]) => Buffer.from(texts.map((text) => `${text}\n`).join(''));
  return {
    world: lines(wishes),
    config: lines([JSON.stringify(config)]),
    repositories: lines(repositories.toSorted()),
  };
}

/** The files of a golden layer, each with its content; `kind` says which world and configuration it gets. */
function filesOf(image: Case, kind: 'layer' | 'rootfs') {
  const packages = image.packages.map(loadPackage);
  const locked = wishesOf(image, packages, 'layer');
  const made = [
    ...Object.values(locked),
    '',
    `${image.arch}\n`,
    shared('corpus/packages/corpus.rsa.pub'),
    `glibc-ld.so.cache1.1${'\0'.repeat(44)}`,
    packages.map((pkg) => printInstalledRecord(pkg)).join(''),
    printScriptsTar(packages, 0),
    printTriggers(packages),
    ...packages.flatMap((pkg) => pkg.entries.map((e) => pkg.data.subarray(e.offset, e.offset + e.size))),
  ];
  const byHash = new Map(made.map((content) => [hex('sha256', content).slice(0, 16), Buffer.from(content)]));
  const wanted = wishesOf(image, packages, kind);
  const byName = new Map([
    ['etc/apk/world', wanted.world],
    ['etc/apko.json', wanted.config],
  ]);
  const [layer] = parseList(`golden/apko/expected/${image.name}/files.${image.arch}.txt`);
  const files = (layer?.entries ?? []).map(({ header, contentHash }) => {
    const content = contentHash === '-' ? Buffer.alloc(0) : (byName.get(header.name) ?? byHash.get(contentHash));
    if (content === undefined) throw new Error(`no content for ${header.name}`);
    return { header: { ...header, size: content.length }, content };
  });
  return { diffId: layer?.diffId, files };
}
type Files = ReturnType<typeof filesOf>['files'];

function printTar(files: Files): Buffer {
  const pieces = files.flatMap(({ header, content }) => [
    printTarHeader(header),
    content,
    Buffer.alloc(tarPadding(content.length)),
  ]);
  return Buffer.concat([...pieces, TAR_END]);
}

/** A hard link is a file of its own there. */
function printCpio(files: Files): Buffer {
  const pieces = files
    .map((file) => {
      const target = files.find(({ header }) => file.header.type === '1' && header.name === file.header.linkname);
      return target === undefined ? file : { ...target, header: { ...target.header, name: file.header.name } };
    })
    .filter(({ header }) => fitsCpio(header))
    .flatMap(({ header, content }) => [printCpioHeader(header), content, Buffer.alloc(cpioPadding(content.length))]);
  return Buffer.concat([CPIO_ROOT, ...pieces, CPIO_TRAILER]);
}

describe.skipIf(sharedDir === undefined)(`layers (skipped when ${SHARED_ABSENT})`, () => {
  it.each(CASES)('the layer of $name for $arch, databases and headers included', (image) => {
    const { diffId, files } = filesOf(image, 'layer');
    expect(hex('sha256', printTar(files))).toBe(diffId);
  });

  it.each(CASES.filter(({ name }) => ['minimal', 'edge-links', 'edge-modes', 'edge-names'].includes(name)))(
    'the root filesystem and the cpio archive of $name for $arch',
    (image) => {
      const { files } = filesOf(image, 'rootfs');
      const lines = shared('golden/apko/other/outputs.txt').toString().split('\n');
      const prefix = `${image.name} ${image.arch}`;
      expect(lines).toContain(`${prefix} minirootfs ${hex('sha256', printTar(files))}`);
      expect(lines).toContain(`${prefix} cpio ${hex('sha256', printCpio(files))}`);
    },
  );

  it('every header of every golden layer is understood again', () => {
    let count = 0;
    for (const name of readdirSync(`${sharedDir}/golden/apko/expected`)) {
      for (const file of readdirSync(`${sharedDir}/golden/apko/expected/${name}`).filter((f) =>
        f.startsWith('files.'),
      )) {
        for (const { header } of parseList(`golden/apko/expected/${name}/${file}`).flatMap((layer) => layer.entries)) {
          const bytes = Buffer.concat([printTarHeader(header), Buffer.alloc(header.size)]);
          const { path: _path, linkpath: _linkpath, ...pax } = header.pax;
          expect(readTar(bytes)).toMatchObject([{ ...header, pax }]);
          count++;
        }
      }
    }
    expect(count).toBeGreaterThan(10_000);
  });
});

describe.skipIf(sharedDir === undefined)(`base images (skipped when ${SHARED_ABSENT})`, () => {
  it.each(['x86_64', 'aarch64'])('the installed database on top of a base image for %s', (arch) => {
    const lock = JSON.parse(shared('golden/apko/locks/base-image.lock.json').toString());
    const urls = lock.contents.packages
      .filter((p: { architecture: string }) => p.architecture === arch)
      .map((p: { url: string }) => p.url);
    const records = urls.map((url: string) => printInstalledRecord(loadPackage(url))).join('');
    const text = printBaseRecords(shared(`golden/apko/base/metadata/${arch}/APKINDEX`).toString()) + records;
    const list = parseList(`golden/apko/expected/base-image/files.${arch}.txt`);
    const top = list.at(-1)?.entries.find(({ header }) => header.name === 'usr/lib/apk/db/installed');
    expect(hex('sha256', text).slice(0, 16)).toBe(top?.contentHash);
    expect(parseInstalled(text).map((r) => r.name)).toContain('jq');
    expect(parseInstalled(text)[0]?.checksum).toBe(
      printChecksum(parseChecksum(parseInstalled(text)[0]?.checksum ?? '') ?? ''),
    );
  });
});
