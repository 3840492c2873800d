import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { quickstartRepository } from '../../../examples/quickstart/repository.ts';
import { digestHex, sha256 } from '../../base/digest.ts';
import { readIndexArchive } from '../../formats/apk/index-archive.ts';
import { verifyIndexSignature } from '../../formats/apk/signature.ts';
import { TAR_TYPE } from '../../formats/tar/entry.ts';
import { printTarHeader, TAR_END, tarPadding } from '../../formats/tar/write.ts';
import { exampleDir } from '../commands/quickstart.ts';
import { main } from '../main.ts';
import { recordedWorld } from '../recorded-world.ts';
import { type LayoutImage, readLayoutImage } from './read-layout.ts';
import { runInside } from './run-inside.ts';
import { unpackLayers } from './unpack-layers.ts';

const root = mkdtempSync(join(tmpdir(), 'stave-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('the example repository', () => {
  const committed = join(exampleDir(), 'repository');
  const made = quickstartRepository(exampleDir());

  it('has the committed files and no others', () => {
    const names = readdirSync(committed, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.'));
    expect(names.map((name) => name.replaceAll('\\', '/')).sort()).toEqual([...made.keys()].sort());
  });

  it.each([...made])('%s is rebuilt byte for byte', (path, bytes) => {
    expect(sha256(readFileSync(join(committed, path)))).toBe(sha256(bytes));
  });

  it.each(['x86_64', 'aarch64'])(
    'the index of %s is signed by the demo key and lists the packages as they are',
    (arch) => {
      const keyName = 'stave-quickstart-demo.rsa.pub';
      const keys = new Map([[keyName, readFileSync(join(exampleDir(), 'keys', keyName), 'utf8')]]);
      const bytes = readFileSync(join(committed, arch, 'APKINDEX.tar.gz'));
      verifyIndexSignature({ bytes, keys, name: arch });
      const text = Buffer.from(readIndexArchive(bytes, { maxBytes: 100_000 })).toString('utf8');
      const sizes = [...text.matchAll(/^P:(.*)\nV:(.*)\nA:(.*)\nS:(.*)$/gm)].map(([, name, version, a, size]) => [
        `${a}/${name}-${version}.apk`,
        Number(size),
      ]);
      expect(sizes).toHaveLength(4);
      for (const [path, size] of sizes) expect(made.get(path as string)?.length).toBe(size);
    },
  );

  it.each(['x86_64', 'aarch64'])('hello for %s is a small static program', (arch) => {
    const elf = readFileSync(join(exampleDir(), 'src', 'bin', `hello.${arch}`));
    expect(elf.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    expect(elf.readUInt16LE(18)).toBe({ x86_64: 62, aarch64: 183 }[arch]);
    expect(elf.length).toBeLessThan(8192);
    expect(elf.includes('/lib')).toBe(false); // No interpreter, no run path.
  });
});

interface Member {
  readonly name: string;
  readonly type?: string;
  readonly mode?: number;
  readonly text?: string;
  readonly linkname?: string;
}

function tar(...members: Member[]): Buffer {
  const owner = { uid: 0, gid: 0, uname: '', gname: '', mtime: 0, devmajor: 0, devminor: 0, pax: {} };
  const pieces = members.flatMap(({ name, type = TAR_TYPE.file, mode = 0o644, text = '', linkname = '' }) => {
    const content = Buffer.from(text);
    return [
      printTarHeader({ ...owner, name, type, mode, linkname, size: content.length }),
      content,
      Buffer.alloc(tarPadding(content.length)),
    ];
  });
  return Buffer.concat([...pieces, TAR_END]);
}

describe('unpackLayers', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(root, 'unpack-'));
  });

  it('writes directories, files, links; later layers win', () => {
    const lower = tar(
      { name: 'usr/', type: TAR_TYPE.directory, mode: 0o755 },
      { name: 'usr/a', text: 'old', mode: 0o755 },
      { name: 'bin', type: TAR_TYPE.symlink, linkname: 'usr' },
      { name: 'dev/null', type: TAR_TYPE.charDevice },
    );
    const upper = tar(
      { name: 'usr/a', text: 'new', mode: 0o600 },
      { name: 'usr/b', type: TAR_TYPE.hardLink, linkname: 'usr/a' },
    );
    unpackLayers([lower, upper], directory);
    expect(readFileSync(join(directory, 'usr/b'), 'utf8')).toBe('new');
    expect(lstatSync(join(directory, 'usr/a')).mode & 0o7777).toBe(0o600);
    expect(readlinkSync(join(directory, 'bin'))).toBe('usr');
    expect(existsSync(join(directory, 'dev/null'))).toBe(false);
  });

  const evil: [what: string, layer: Buffer][] = [
    ['a name with ..', tar({ name: '../escaped', text: 'x' })],
    ['a name that hides ..', tar({ name: 'a/../../escaped', text: 'x' })],
    ['a hard link to ..', tar({ name: 'h', type: TAR_TYPE.hardLink, linkname: '../../etc/passwd' })],
    [
      'a way through a link',
      tar({ name: 'out', type: TAR_TYPE.symlink, linkname: '..' }, { name: 'out/escaped', text: 'x' }),
    ],
  ];
  it.each(evil)('refuses %s', (_what, layer) => {
    expect(() => unpackLayers([layer], directory)).toThrow(expect.objectContaining({ code: 'ARCHIVE_INVALID' }));
    expect(existsSync(join(directory, '..', 'escaped'))).toBe(false);
  });

  it('keeps absolute names inside', () => {
    unpackLayers([tar({ name: '/a', text: 'x' })], directory);
    expect(readFileSync(join(directory, 'a'), 'utf8')).toBe('x');
  });
});

/** A layout with one image; answers with its directory. */
function layout(arch: string, config: object, layer: Buffer, nested: boolean): string {
  const directory = mkdtempSync(join(root, 'layout-'));
  mkdirSync(join(directory, 'blobs', 'sha256'), { recursive: true });
  const blob = (bytes: Buffer) => {
    const digest = sha256(bytes);
    writeFileSync(join(directory, 'blobs', 'sha256', digestHex(digest)), bytes);
    return { digest, size: bytes.length };
  };
  const json = (value: unknown) => blob(Buffer.from(JSON.stringify(value)));
  const manifest = json({ config: json({ config }), layers: [blob(gzipSync(layer))] });
  const manifests = [{ ...manifest, platform: { architecture: arch } }];
  writeFileSync(
    join(directory, 'index.json'),
    JSON.stringify({ manifests: nested ? [json({ manifests })] : manifests }),
  );
  return directory;
}

describe('readLayoutImage', () => {
  const config = { Entrypoint: ['/hello'], User: '65532', Env: ['A=b=c'] };

  it.each([false, true])('finds the architecture, behind a nested index: %s', (nested) => {
    const layer = tar({ name: 'a', text: 'x' });
    const directory = layout('arm64', config, layer, nested);
    expect(readLayoutImage(directory, 'arm64')).toEqual({
      entrypoint: ['/hello'],
      cmd: [],
      user: '65532',
      environment: ['A=b=c'],
      layers: [layer],
    });
    expect(readLayoutImage(directory, 'amd64')).toBeUndefined();
  });

  it('refuses a blob that does not have its digest', () => {
    const directory = layout('arm64', config, tar(), false);
    for (const name of readdirSync(join(directory, 'blobs', 'sha256')))
      writeFileSync(join(directory, 'blobs', 'sha256', name), 'x');
    expect(() => readLayoutImage(directory, 'arm64')).toThrow(expect.objectContaining({ code: 'IMAGE_INVALID' }));
  });
});

describe('runInside', () => {
  const image: LayoutImage = { entrypoint: ['/hello'], cmd: ['word'], user: '65532', environment: [], layers: [] };
  const program = { x64: 'hello.x86_64', arm64: 'hello.aarch64' }[process.arch as string];

  it.skipIf(process.platform !== 'linux' || program === undefined)(
    'runs as the user of the image, or says why not',
    () => {
      const directory = mkdtempSync(join(root, 'run-'));
      chmodSync(directory, 0o755);
      writeFileSync(join(directory, 'hello'), readFileSync(join(exampleDir(), 'src', 'bin', program!)), {
        mode: 0o755,
      });
      const answer = runInside(directory, image);
      if (answer.ran) {
        expect(answer.exitCode).toBe(0);
        expect(answer.output).toContain('Hello.\n');
        expect(answer.output).toContain('uid 65532, gid 65532');
        expect(answer.output).toContain('none in this image');
        expect(answer.output).toContain('argument word');
      } else expect(answer.reason).toMatch(/chroot: .+; user namespace: .+/);
    },
  );

  it('answers with a reason where it cannot run', () => {
    const answer = runInside(join(root, 'absent'), image);
    expect(answer.ran).toBe(false);
    expect(runInside(root, { ...image, user: 'nonroot' })).toEqual({
      ran: false,
      reason: 'the user nonroot is not a number',
    });
  });
});

// Until the operations floor has landed there is nothing to drive.
const hasOperations = existsSync(new URL('../../operations/build-image/build.ts', import.meta.url));

describe.skipIf(!hasOperations)('stave quickstart', () => {
  it('builds twice, equal, publishes, and leaves a layout, an archive, SBOMs and a registry', async () => {
    const world = recordedWorld({
      cwd: root,
      hostArch: process.arch,
      hostPlatform: process.platform,
      env: process.env,
    });
    const { operations } = await import('../operations.ts');
    const exitCode = await main(['quickstart', '--keep', 'out'], { ...world, operations: async () => operations });
    expect([exitCode, world.stderr.text.match(/error/)]).toEqual([0, null]);
    expect(readdirSync(join(root, 'out')).sort()).toEqual(['image.tar', 'layout', 'registry', 'sbom']);
    for (const text of [
      /digest {2}sha256:[0-9a-f]{64}/,
      /amd64 +3 packages/,
      /arm64 +3 packages/,
      /SBOM +out\/sbom/,
      /^equal: /m,
      /^equal: published to a registry and read back, with 12 SBOMs, signatures and attestations/m,
      /^signed: .* it verifies without flags, by the trust file \(signature, digest\)/m,
      /^refused: a copy .* it is about sha256:/m,
    ]) {
      expect(world.stdout.text).toMatch(text);
    }
    expect(readdirSync(join(root, 'out', 'sbom')).length).toBeGreaterThanOrEqual(2);

    const again = recordedWorld({ cwd: root, hostArch: 'sparc', hostPlatform: process.platform, env: process.env });
    expect(
      await main(['quickstart', '--keep', 'out', '--json'], { ...again, operations: async () => operations }),
    ).toBe(0);
    const record = JSON.parse(again.stdout.text);
    expect(world.stdout.text).toContain(record.indexDigest);
    expect(record.secondBuild).toEqual({ indexDigest: record.indexDigest, archiveDigest: record.archive.digest });
    expect(record.registry).toMatchObject({ indexDigest: record.indexDigest, attachments: 12 });
    expect(record.registry.signatures).toMatchObject({ tampered: { outcome: 'refused' } });
    expect(again.stdout.text + again.stderr.text).not.toContain('PRIVATE');
    if (process.platform === 'linux')
      expect(record.run).toEqual({ ran: false, reason: 'the image is not built for sparc' });
  });
});

describe('quickstart and other files', () => {
  it('does not write among files that are not its own', async () => {
    const directory = mkdtempSync(join(root, 'foreign-'));
    writeFileSync(join(directory, 'thesis.txt'), 'x');
    const world = recordedWorld({ cwd: directory });
    expect(await main(['quickstart', '--keep', '.'], world)).toBe(8);
    expect(world.stderr.text).toContain(
      'holds files that are not from a quickstart, such as thesis.txt [FILE_UNWRITABLE]',
    );
    expect(readdirSync(directory)).toEqual(['thesis.txt']);
  });
});
