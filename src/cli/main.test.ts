import { describe, expect, it } from 'vitest';
import { Failure } from '../base/failure.ts';
import type { BuildReport, BuildRequest } from '../operations/build-image/build.ts';
import type { Host } from '../operations/host.ts';
import { main } from './main.ts';
import type { Operations } from './operations.ts';
import { recordedWorld } from './recorded-world.ts';

const REPORT: BuildReport = {
  indexDigest: `sha256:${'a'.repeat(64)}`,
  images: [
    {
      arch: 'amd64',
      manifestDigest: `sha256:${'b'.repeat(64)}`,
      configDigest: `sha256:${'c'.repeat(64)}`,
      layers: [{ digest: 'sha256:d', diffId: 'sha256:e', sizeBytes: 2048, uncompressedBytes: 10240 }],
      packages: [{ name: 'hello', version: '1.0-r0' }],
      fileCount: 3,
      sizeBytes: 2048,
      sbomPaths: ['sbom-amd64.spdx.json'],
    },
  ],
  contract: { profile: 'default', images: [], findings: [], errors: 0, warnings: 0 },
  provenancePaths: [],
  indexSbomPaths: ['/sbom-index.spdx.json'],
  output: { kind: 'archive', path: '/out.tar' },
};

async function run(argv: readonly string[], given: Parameters<typeof recordedWorld>[0] = {}) {
  const world = recordedWorld(given);
  const exitCode = await main(argv, world);
  return { exitCode, stdout: world.stdout.text, stderr: world.stderr.text };
}

/** Runs `build` and answers with the request that reached the operation. */
async function requestOf(argv: readonly string[]): Promise<{ request: BuildRequest; host: Host }> {
  const seen: { request: BuildRequest; host: Host }[] = [];
  const buildImage: Operations['buildImage'] = async (request, host) => {
    seen.push({ request, host });
    return REPORT;
  };
  const { exitCode, stderr } = await run(['build', ...argv], { doing: { buildImage } });
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  expect(seen).toHaveLength(1);
  return seen[0]!;
}

describe('usage errors', () => {
  const rows: [argv: string[], code: string, sentence: string, hint: string | undefined][] = [
    [['bild'], 'USAGE_ARGUMENTS', 'stave has no command "bild"', 'did you mean "build"?'],
    [['help', 'lokc'], 'USAGE_ARGUMENTS', 'stave has no command "lokc"', 'did you mean "lock"?'],
    [['--bogus'], 'USAGE_FLAG', 'stave has no flag --bogus', 'stave --help lists its flags'],
    [['-C'], 'USAGE_FLAG', 'the flag -C, --workdir <DIR> needs a value', 'usage: stave <command>'],
    [['frobnicate'], 'USAGE_ARGUMENTS', 'stave has no command "frobnicate"', 'stave --help lists the commands'],
    [['build'], 'USAGE_ARGUMENTS', 'stave build needs a <config>', 'usage: stave build <config> <tag> <output>'],
    [
      ['build', 'c', 't'],
      'USAGE_ARGUMENTS',
      'stave build needs a <output>',
      'usage: stave build <config> <tag> <output>',
    ],
    [
      ['build', 'c', 't', 'o', 'x'],
      'USAGE_ARGUMENTS',
      'stave build takes 3 arguments, but 4 were given',
      'usage: stave build <config> <tag> <output>',
    ],
    [['clean', 'x'], 'USAGE_ARGUMENTS', 'stave clean takes no arguments, but 1 were given', 'usage: stave clean'],
    [['build', '--offlin', 'c', 't', 'o'], 'USAGE_FLAG', 'stave build has no flag --offlin', 'did you mean --offline?'],
    [['dot', '--zzzzzz', 'c'], 'USAGE_FLAG', 'stave dot has no flag --zzzzzz', 'stave dot --help lists its flags'],
    [['dot', '-Z', 'c'], 'USAGE_FLAG', 'stave dot has no flag -Z', 'stave dot --help lists its flags'],
    [['lock', 'c', '--output'], 'USAGE_FLAG', 'the flag --output <FILE> needs a value', 'usage: stave lock <config>'],
    [['build', 'c', 't', 'o', '--sbom=maybe'], 'USAGE_FLAG', '--sbom takes true or false, not "maybe"', undefined],
    [['build', 'c', 't', 'o', '--format', 'zip'], 'USAGE_FLAG', '--format takes tar, erofs, not "zip"', undefined],
    [
      ['build', 'c', 't', 'o', '--sbom-formats', 'spdx,pdf'],
      'USAGE_FLAG',
      '--sbom-formats knows spdx and cyclonedx, not "pdf"',
      undefined,
    ],
    [
      ['build', 'c', 't', 'o', '--max-apk-data-size', '1MB'],
      'USAGE_FLAG',
      '--max-apk-data-size takes a number of bytes, 0 or -1, not "1MB"',
      undefined,
    ],
    [
      ['clean', '--log-level', 'wran'],
      'USAGE_FLAG',
      '--log-level takes debug, info, warn, error, not "wran"',
      'did you mean warn?',
    ],
    [
      ['completion', 'tcsh'],
      'USAGE_ARGUMENTS',
      'there is no completion for the shell "tcsh"',
      'known shells: bash, zsh, fish',
    ],
  ];

  it.each(rows)('%j', async (argv, code, sentence, hint) => {
    const text = await run(argv);
    expect(text.exitCode).toBe(2);
    expect(text.stdout).toBe('');
    expect(text.stderr).toBe(`error: ${sentence} [${code}]\n${hint === undefined ? '' : `  hint: ${hint}\n`}`);

    const json = await run(['--json', ...argv]);
    expect(json.exitCode).toBe(2);
    expect(json.stderr.endsWith('}\n')).toBe(true);
    expect(JSON.parse(json.stderr)).toEqual({
      type: 'failure',
      code,
      message: sentence,
      exitCode: 2,
      ...(hint !== undefined && { hint }),
    });
  });

  it('refuses a working directory that is none', async () => {
    const { exitCode, stderr } = await run(['-C', '/nowhere/at/all', 'clean']);
    expect(exitCode).toBe(8);
    expect(stderr).toContain('error: the working directory /nowhere/at/all is not a directory [FILE_UNREADABLE]');
  });
});

describe('exit codes', () => {
  const rows: [failure: Error, exitCode: number][] = [
    [new Failure('CONFIG_INVALID', 's'), 3],
    [new Failure('SOLVE_CONFLICT', 's'), 4],
    [new Failure('NETWORK_UNREACHABLE', 's'), 5],
    [new Failure('SIGNATURE_INVALID', 's'), 6],
    [new Failure('FILE_CONFLICT', 's'), 7],
    [new Failure('CACHE_UNUSABLE', 's'), 8],
    [new Error('internal error: a < b'), 1],
  ];
  it.each(rows)('%s -> %i', async (thrown, exitCode) => {
    const showConfig = () => Promise.reject(thrown);
    expect((await run(['show-config', 'c'], { doing: { showConfig } })).exitCode).toBe(exitCode);
    const json = await run(['show-config', 'c', '--json'], { doing: { showConfig } });
    expect(JSON.parse(json.stderr)).toMatchObject({ type: 'failure', exitCode, message: thrown.message });
  });

  it('asks to report a mistake of ours, with its stack', async () => {
    const showConfig = () => Promise.reject(new Error('at https://u:secret@host/x'));
    const { stderr } = await run(['show-config', 'c'], { doing: { showConfig } });
    expect(stderr).toContain('internal error: Error: at https://xxxxx@host/x');
    expect(stderr).toContain('Please report it');
    expect(stderr).not.toContain('secret');
  });

  it('prints each failure once', async () => {
    const showConfig = () => Promise.reject(new Failure('CONFIG_INVALID', 'only once'));
    expect((await run(['show-config', 'c'], { doing: { showConfig } })).stderr.split('only once')).toHaveLength(2);
  });
});

describe('build', () => {
  it('fills every field of the request with its default', async () => {
    const { request, host } = await requestOf(['c.yaml', 'a/b:1', 'o.tar']);
    expect(request).toEqual({
      configPath: 'c.yaml',
      tag: 'a/b:1',
      output: 'o.tar',
      archs: [],
      keyringAppend: [],
      buildRepositoryAppend: [],
      repositoryAppend: [],
      packageAppend: [],
      includePaths: [],
      annotations: [],
      offline: false,
      registry: {},
      ignoreSignatures: false,
      vcs: true,
      reproducibleProvenance: false,
      sbom: true,
      sbomFormats: ['spdx'],
      limits: {},
    });
    expect(host).toMatchObject({ cwd: '/', hostArch: 'amd64', homeDir: '/home/u', env: {} });
  });

  const rows: [argv: string[], part: Partial<BuildRequest>][] = [
    [['--arch', 'x86_64,aarch64', '--arch', 's390x'], { archs: ['x86_64', 'aarch64', 's390x'] }],
    [
      ['-k', 'a', '-k', 'b', '-b', 'c', '-r', 'd,e'],
      { keyringAppend: ['a', 'b'], buildRepositoryAppend: ['c'], repositoryAppend: ['d', 'e'] },
    ],
    [['-p', '"a,b",c'], { packageAppend: ['a,b', 'c'] }],
    [['--sbom=false', '--vcs=F', '--offline=1'], { sbom: false, vcs: false, offline: true }],
    [['--no-sbom', '--no-vcs', '--offline'], { sbom: false, vcs: false, offline: true }],
    [['--sbom=true', '--offline=false'], { sbom: true, offline: false }],
    [['--sbom-formats=spdx,cyclonedx', '--sbom-path=s'], { sbomFormats: ['spdx', 'cyclonedx'], sbomPath: 's' }],
    [['--build-date', '2026-01-01T00:00:00Z'], { buildDate: '2026-01-01T00:00:00Z' }],
    [['--lockfile', 'l', '--cache-dir', 'd', '--format', 'tar'], { lockfile: 'l', cacheDir: 'd', format: 'tar' }],
    [['--annotations', 'a:b,c:d'], { annotations: ['a:b', 'c:d'] }],
    [['--include-paths', 'i', '--ignore-signatures'], { includePaths: ['i'], ignoreSignatures: true }],
    [
      ['--max-apk-control-size', '-1', '--max-apk-data-size=0', '--max-http-response-size', '7'],
      { limits: { controlBytes: Number.POSITIVE_INFINITY, responseBytes: 7 } },
    ],
  ];
  it.each(rows)('%j', async (flags, part) => {
    expect((await requestOf([...flags, 'c', 't:1', 'o'])).request).toMatchObject(part);
    expect((await requestOf(['c', 't:1', 'o', ...flags])).request).toMatchObject(part);
  });

  it('takes words after -- as arguments', async () => {
    expect((await requestOf(['--', '--sbom=false', 't:1', 'o'])).request).toMatchObject({
      configPath: '--sbom=false',
      sbom: true,
    });
  });

  it('prints the summary on stdout and the phases on stderr', async () => {
    const buildImage: Operations['buildImage'] = async (_request, { events }) => {
      events({ type: 'phase-started', phase: 'fetch', arch: 'amd64' });
      events({ type: 'phase-finished', phase: 'fetch', arch: 'amd64' });
      return REPORT;
    };
    const text = await run(['build', 'c', 't:1', 'o'], { doing: { buildImage } });
    expect(text.stderr).toBe('fetching packages (amd64)\n');
    expect(text.stdout).toBe(
      [
        'out.tar (archive)',
        `  digest  ${REPORT.indexDigest}`,
        '  amd64   1 package  3 files  1 layer  2.0 KiB (10.0 KiB unpacked)',
        '  checks  no findings',
        '  SBOM    sbom-index.spdx.json',
        '          sbom-amd64.spdx.json',
        '  time    fetch 2 ms',
        '',
      ].join('\n'),
    );
    const json = await run(['build', 'c', 't:1', 'o', '--json'], { doing: { buildImage } });
    expect(JSON.parse(json.stdout)).toEqual({ ...REPORT, phases: [{ phase: 'fetch', ms: 2 }] });
    const events = json.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map((event) => event.type)).toEqual(['phase-started', 'phase-finished']);
  });
});

describe('other commands', () => {
  it('lock writes beside the configuration, resolve under its old name', async () => {
    const outputs: string[] = [];
    const lockImage: Operations['lockImage'] = async (request) => {
      outputs.push(request.output);
      return { path: request.output, images: [{ arch: 'amd64', packageCount: 2 }] };
    };
    const text = await run(['lock', 'a.b/image.yaml'], { doing: { lockImage } });
    await run(['resolve', 'image.yaml'], { doing: { lockImage } });
    await run(['lock', 'image.yaml', '--output', 'x'], { doing: { lockImage } });
    expect(outputs).toEqual(['a.b/image.lock.json', 'image.resolved.json', 'x']);
    expect(text.stdout).toBe('a.b/image.lock.json: amd64 2 packages\n');
  });

  it('show-packages prints packages alone on stdout', async () => {
    const hello = { name: 'hello', version: '1-r0', source: 'r/hello-1-r0.apk' };
    const listPackages = async () => [
      { arch: 'amd64', packages: [hello] },
      { arch: 'arm64', packages: [hello] },
    ];
    const text = await run(['show-packages', 'c', '--format', 'packagelock-source'], { doing: { listPackages } });
    expect(text.stdout).toBe('- hello=1-r0 # r/hello-1-r0.apk\n'.repeat(2));
    expect(text.stderr).toBe('packages for amd64:\npackages for arm64:\n');
    expect(JSON.parse((await run(['show-packages', 'c', '--json'], { doing: { listPackages } })).stdout)).toEqual(
      await listPackages(),
    );
    const bad = await run(['show-packages', 'c', '--format', '{{range .}}']);
    expect([bad.exitCode, bad.stderr.split('\n')[0]]).toEqual([
      2,
      'error: --format cannot do {{range .}} [USAGE_FLAG]',
    ]);
  });

  it('why says equal answers once', async () => {
    const answer = { installed: true, lines: ['a', '  b\x1b[2J'] };
    const same = async () => [
      { arch: 'amd64', ...answer },
      { arch: 'arm64', ...answer },
    ];
    expect((await run(['why', 'c', 'p'], { doing: { whyPackage: same } })).stdout).toBe('a\n  b\\x1b[2J\n');
    const different = async () => [
      { arch: 'amd64', ...answer },
      { arch: 'arm64', installed: false, lines: ['no'] },
    ];
    const text = await run(['why-not', 'c', 'p'], { doing: { whyNotPackage: different } });
    expect(text).toMatchObject({ exitCode: 0, stdout: 'amd64:\na\n  b\\x1b[2J\narm64:\nno\n' });
  });

  it('clean says what it did', async () => {
    const clean = (removed: boolean) => async () => ({ path: '/c', sizeBytes: 1536, removed });
    expect((await run(['clean'], { doing: { cleanCache: clean(true) } })).stdout).toBe('removed /c (1.5 KiB)\n');
    expect((await run(['clean', '--dry-run'], { doing: { cleanCache: clean(false) } })).stdout).toBe(
      'would remove /c (1.5 KiB)\n',
    );
    expect((await run(['clean'], { doing: { cleanCache: clean(false) } })).stdout).toBe(
      'nothing to remove: /c does not exist\n',
    );
  });

  it('build-minirootfs and build-cpio build for this machine unless told', async () => {
    const archs: string[] = [];
    const report: Operations['buildCpio'] = async ({ archs: [arch = ''], output }) => {
      archs.push(arch);
      return { path: output, arch: 'x86_64', digest: 'sha256:f', sizeBytes: 10 };
    };
    const text = await run(['build-minirootfs', 'c', 'o'], { doing: { buildMinirootfs: report } });
    await run(['build-cpio', 'c', 'o', '--build-arch', 'aarch64'], { doing: { buildCpio: report } });
    expect(archs).toEqual(['host', 'aarch64']);
    expect(text.stdout).toBe('o: x86_64, 10 B, sha256:f\n');
  });

  it('show-config and dot print what they got', async () => {
    expect((await run(['show-config', 'c'], { doing: { showConfig: async () => 'a: b\n' } })).stdout).toBe('a: b\n');
    const seen: boolean[] = [];
    const drawDependencies: Operations['drawDependencies'] = async ({ spanningTree }) => {
      seen.push(spanningTree);
      return 'digraph {}\n';
    };
    expect((await run(['dot', 'c', '-S'], { doing: { drawDependencies } })).stdout).toBe('digraph {}\n');
    await run(['dot', 'c'], { doing: { drawDependencies } });
    expect(seen).toEqual([true, false]);
  });
});

describe('help and version', () => {
  it.each([[[]], [['--help']], [['-h']], [['help']]])('%j prints the tour', async (argv) => {
    const { exitCode, stdout, stderr } = await run(argv);
    expect([exitCode, stderr]).toEqual([0, '']);
    for (const word of ['Build:', 'Look before you build:', 'build <config> <tag> <output>', 'stave quickstart']) {
      expect(stdout).toContain(word);
    }
    expect(stdout).not.toContain('resolve ');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it('every command has help with an example that names it', async () => {
    for (const command of [
      'build',
      'lock',
      'resolve',
      'show-packages',
      'why',
      'clean',
      'completion',
      'version',
      'quickstart',
    ]) {
      const { exitCode, stdout } = await run([command, '--help']);
      expect(exitCode).toBe(0);
      expect(stdout).toContain('Examples:\n  stave ');
    }
    expect((await run(['help', 'lock'])).stdout).toBe((await run(['lock', '--help'])).stdout);
  });

  it('version, wherever --json stands', async () => {
    const plain = await run(['version']);
    expect(plain.stdout).toMatch(/^stave \S+ \(node \d+\.\d+\.\d+, linux\/x64\)\n$/);
    expect((await run(['--no-color', 'version'])).stdout).toBe(plain.stdout);
    const json = await run(['version', '--json']);
    expect(Object.keys(JSON.parse(json.stdout))).toEqual(['version', 'nodeVersion', 'platform']);
    expect((await run(['--json', 'version'])).stdout).toBe(json.stdout);
  });
});

describe('colors', () => {
  const showConfig = () => Promise.reject(new Failure('CONFIG_INVALID', 's'));
  const rows: [argv: string[], env: Record<string, string>, terminal: boolean, colored: boolean][] = [
    [[], {}, true, true],
    [[], {}, false, false],
    [[], { NO_COLOR: '1' }, true, false],
    [[], { NO_COLOR: '' }, true, true],
    [[], { TERM: 'dumb' }, true, false],
    [['--no-color'], {}, true, false],
    [['--color=false'], {}, true, false],
  ];
  it.each(rows)('%j %j terminal %s -> %s', async (flags, env, terminal, colored) => {
    const { stderr } = await run(['show-config', 'c', ...flags], { doing: { showConfig }, env, terminal });
    expect(stderr.includes('\x1b[')).toBe(colored);
  });
});
