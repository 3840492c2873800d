// The two streams and the exit code (issue 3, "What people see"): results on stdout, the rest on stderr; text for people,
// NDJSON for programs, plain lines where nobody looks at a terminal.

import { describe, expect, it } from 'vitest';
import { CONFIG, failureOf, Place } from './place.ts';

const BUILD = ['build', 'image.yaml', 'example.com/app:1', 'app.tar'];
const PHASES = ['configure', 'index', 'resolve', 'fetch', 'assemble', 'compress', 'check', 'describe', 'write'];
const ESCAPE = '\u001b';

describe('--json', () => {
  it('writes the result as one object on stdout and one event on each line of stderr', async () => {
    const { stdout, stderr } = await new Place().do([...BUILD, '--json']);
    const report = JSON.parse(stdout);
    expect(report).toEqual({
      indexDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      images: ['amd64', 'arm64'].map((arch) => ({
        arch,
        manifestDigest: expect.stringMatching(/^sha256:/),
        configDigest: expect.stringMatching(/^sha256:/),
        layers: [
          {
            digest: expect.stringMatching(/^sha256:/),
            diffId: expect.stringMatching(/^sha256:/),
            sizeBytes: expect.any(Number),
            uncompressedBytes: expect.any(Number),
          },
        ],
        packages: [
          { name: 'libsmall', version: '1.5-r0' },
          { name: 'app', version: '2.0-r1' },
          { name: 'layout', version: '1.0-r0' },
        ],
        fileCount: expect.any(Number),
        sizeBytes: expect.any(Number),
        sbomPaths: [expect.stringMatching(/sbom-(x86_64|aarch64)\.spdx\.json$/)],
      })),
      indexSbomPaths: [expect.stringMatching(/sbom-index\.spdx\.json$/)],
      provenancePaths: [],
      contract: expect.objectContaining({ profile: 'default', errors: 0, images: expect.any(Array) }),
      output: { kind: 'archive', path: expect.stringMatching(/app\.tar$/) },
      phases: PHASES.map((phase) => ({ phase, ms: expect.any(Number) })),
    });
    const events = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(new Set(events.map((event) => event.type))).toEqual(
      new Set(['phase-started', 'phase-finished', 'progress']),
    );
    for (const event of events) expect(event.elapsedMs).toBeGreaterThanOrEqual(0);
    for (const phase of PHASES) {
      const of = (type: string) => events.filter((event) => event.type === type && event.phase === phase).length;
      expect(of('phase-started'), phase).toBeGreaterThan(0);
      expect(of('phase-finished'), phase).toBe(of('phase-started'));
    }
  });

  it('writes a failure as the last line of stderr, and nothing on stdout', async () => {
    const answer = await new Place(CONFIG.replace('- app', '- ap')).stave([...BUILD, '--json']);
    expect(answer.stdout).toBe('');
    expect(failureOf(answer)).toMatchObject({ code: 'SOLVE_CONFLICT', hint: expect.stringContaining('did you mean') });
    const usage = await new Place().stave(['biuld', '--json']);
    expect(failureOf(usage)).toMatchObject({ code: 'USAGE_ARGUMENTS', exitCode: 2, hint: 'did you mean "build"?' });
  });

  it('is JSON for every command that has a result', async () => {
    const place = new Place();
    for (const argv of [
      ['lock', 'image.yaml'],
      ['show-config', 'image.yaml'],
      ['show-packages', 'image.yaml'],
      ['dot', 'image.yaml'],
      ['why', 'image.yaml', 'app'],
      ['why-not', 'image.yaml', 'docs'],
      ['build-minirootfs', 'image.yaml', 'x.tar'],
      ['build-cpio', 'image.yaml', 'x.cpio'],
      ['version'],
      ['clean'],
    ]) {
      const { stdout, stderr } = await place.do([...argv, '--json']);
      expect(() => JSON.parse(stdout), argv.join(' ')).not.toThrow();
      for (const line of stderr.split('\n').filter(Boolean)) expect(() => JSON.parse(line), line).not.toThrow();
    }
  });
});

describe('text', () => {
  const terminal = { terminal: true };

  it('in CI is one plain line when a phase starts', async () => {
    const { stderr } = await new Place().stave([...BUILD, '--arch', 'amd64'], { CI: '1' }, terminal);
    expect(stderr.replaceAll(`${ESCAPE}[`, '<')).not.toContain('<K');
    expect(stderr.trimEnd().split('\n')).toEqual([
      'reading the configuration',
      'reading the indexes',
      'resolving the packages',
      'fetching packages (amd64)',
      'assembling the file tree (amd64)',
      'compressing the layers (amd64)',
      'checking the image (amd64)',
      'describing the image',
      'writing the image',
    ]);
  });

  it('on a terminal is redrawn in place, and leaves only the summary', async () => {
    const { stdout, stderr } = await new Place().stave(BUILD, {}, terminal);
    expect(stderr).toContain(ESCAPE);
    expect(stdout).toContain('app.tar');
    expect(stdout).toContain('digest');
  });

  it('has colors on a terminal, unless NO_COLOR or --no-color say otherwise', async () => {
    const place = new Place();
    const colored = async (argv: string[], env: Record<string, string>, world: { terminal: boolean }) =>
      (await place.stave([...BUILD, ...argv], { CI: '1', ...env }, world)).stdout.includes(ESCAPE);
    expect(await colored([], {}, terminal)).toBe(true);
    expect(await colored([], { NO_COLOR: '1' }, terminal)).toBe(false);
    expect(await colored(['--no-color'], {}, terminal)).toBe(false);
    expect(await colored(['--color=false'], {}, terminal)).toBe(false);
    expect(await colored([], {}, { terminal: false })).toBe(false);
  });

  it('--log-level leaves out what is below it, and never the failure', async () => {
    const place = new Place(CONFIG.replace('./repository', './repository\n    - ./nowhere'));
    const said = async (level: string) => (await place.do([...BUILD, '--log-level', level])).stderr;
    expect(await said('info')).toMatch(/reading the indexes\n(.*\n)*warning: /);
    expect(await said('WARN')).toMatch(
      /^warning: the repository has no index .*\n( {2}hint: .*\nwarning: .*\n)* {2}hint: .*\n$/,
    );
    expect(await said('error')).toBe('');
    const failure = await place.stave([...BUILD, '--log-level', 'error', '-p', 'nobody-has-this']);
    expect(failure.stderr).toMatch(/^error: .*nobody-has-this/);
    expect((await place.stave([...BUILD, '--log-level', 'loud'])).exitCode).toBe(2);
  });
});

describe('-C', () => {
  it('makes all paths count from there', async () => {
    const place = new Place();
    const elsewhere = new Place('', undefined);
    const { stdout } = await elsewhere.do(['-C', place.dir, ...BUILD, '--sbom-path', 'sboms']);
    expect(stdout).toMatch(/^app\.tar \(archive\)\n/);
    expect(stdout).toContain('sboms/sbom-x86_64.spdx.json');
    expect(place.read('app.tar').length).toBeGreaterThan(0);
  });

  it.each(['nowhere', 'image.yaml', 'image.yaml/below'])('refuses %s', async (directory) => {
    const failure = failureOf(await new Place().stave(['-C', directory, ...BUILD, '--json']));
    expect(failure).toMatchObject({ code: 'FILE_UNREADABLE', exitCode: 8, hint: 'check the value of -C' });
  });
});

describe('the built command', () => {
  it('has the exit codes, streams and texts of the sources', async () => {
    const place = new Place();
    const [built, help, version, wrong] = await Promise.all([
      place.spawnStave([...BUILD, '--json']).done,
      place.spawnStave(['--help']).done,
      place.spawnStave(['version']).done,
      place.spawnStave(['build', 'nothing.yaml', 'example.com/app:1', 'x.tar']).done,
    ]);
    expect(JSON.parse(built.stdout).indexDigest).toBe(await place.build());
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(version.stdout).not.toContain('0.0.0-source');
    expect(wrong).toMatchObject({ exitCode: 3, stdout: '', stderr: expect.stringContaining('[CONFIG_NOT_FOUND]') });
  });

  it('says its version, and nothing else, before it loads anything and after', async () => {
    const place = new Place();
    const early = await place.spawnStave(['version']).done;
    expect(early).toMatchObject({ exitCode: 0, stderr: '' });
    expect(early.stdout).toMatch(/^stave \S+ \(node \d+\.\d+\.\d+, \S+\)\n$/);
    for (let run = 0; run < 2; run++) {
      expect(await place.spawnStave(['--no-color', 'version']).done).toEqual(early);
    }
  });

  it('goes quietly when its reader has left', async () => {
    const { child, done } = new Place().spawnStave(['--help']);
    child.stdout?.destroy();
    expect(await done).toMatchObject({ exitCode: 0, stderr: '' });
  });
});
