// `stave check` as a command: how its words become a request, what it prints, and its exit code.

import { describe, expect, it } from 'vitest';
import type { CheckReport } from '../operations/check/check.ts';
import type { CheckRequest } from '../operations/check/check-request.ts';
import type { Finding } from '../planning/hardening/finding.ts';
import type { HardeningReport } from '../planning/hardening/report.ts';
import { main } from './main.ts';
import { recordedWorld } from './recorded-world.ts';

const finding = (level: Finding['level'], check: Finding['check'], message: string): Finding => ({
  level,
  check,
  message,
  reason: 'Why.',
  fix: 'How.',
});

function imageReport(arch: string, findings: readonly Finding[] = []): HardeningReport {
  return {
    arch,
    findings,
    excused: [],
    scripts: [],
    score: { cis: [{ id: '4.8', title: 'no setuid', verdict: 'met' }], chps: [] },
    looked: { files: 3, programs: 1, packages: 2 },
  };
}

function report(images: readonly HardeningReport[], more: Partial<CheckReport> = {}): CheckReport {
  const levels = images.flatMap(({ findings }) => findings.map(({ level }) => level));
  const errors = levels.filter((level) => level === 'error').length;
  return {
    subject: 'image.yaml',
    profile: 'default',
    images,
    findings: [],
    attached: [],
    errors,
    warnings: levels.length - errors,
    ...more,
  };
}

async function run(argv: readonly string[], answer: CheckReport = report([imageReport('amd64')])) {
  const asked: CheckRequest[] = [];
  const world = recordedWorld({
    doing: {
      checkSubject: async (request) => {
        asked.push(request);
        return answer;
      },
    },
  });
  const exitCode = await main(['check', ...argv], world);
  return { exitCode, stdout: world.stdout.text, stderr: world.stderr.text, asked };
}

const ERROR = finding('error', 'runs/entrypoint-missing', 'the entrypoint /app is not in the image');
const WARNING = finding('warning', 'minimal/shell', 'bin/sh is a shell');

describe('the exit code', () => {
  it.each([
    [0, []],
    [0, [WARNING]],
    [7, [WARNING, ERROR]],
  ])('is %i', async (exitCode, findings) => {
    expect((await run(['image.yaml'], report([imageReport('amd64', findings)]))).exitCode).toBe(exitCode);
  });
});

describe('the words', () => {
  it('become a request', async () => {
    const { asked } = await run([
      'app.tar',
      '--arch',
      'arm64',
      '--hardening',
      'strict',
      '--lockfile',
      'l.json',
      '--plain-http',
    ]);
    expect(asked).toEqual([
      expect.objectContaining({
        configPath: 'app.tar',
        archs: ['arm64'],
        hardening: 'strict',
        lockfile: 'l.json',
        plainHttp: true,
        offline: false,
      }),
    ]);
  });

  it.each([
    [['x', '--format', 'xml'], '--format takes text, json, sarif, markdown, not "xml"'],
    [['x', '--hardening', 'strikt'], '--hardening takes default, distroless, strict, off, not "strikt"'],
    [[], 'stave check needs a <image>'],
  ])('%j are refused', async (argv, sentence) => {
    const { exitCode, stderr, asked } = await run(argv);
    expect([exitCode, asked]).toEqual([2, []]);
    expect(stderr).toContain(sentence);
  });
});

describe('the text', () => {
  it('groups findings by check, and architectures that are alike', async () => {
    const findings = [ERROR, WARNING, finding('warning', 'minimal/shell', 'bin/\x1b[2Jash is a shell')];
    const { stdout } = await run(['x'], report([imageReport('amd64', findings), imageReport('arm64', findings)]));
    expect(stdout).toBe(
      [
        'image.yaml (profile default)',
        '',
        'amd64, arm64  3 files, 1 ELF file, 2 packages',
        '  error  runs/entrypoint-missing  the entrypoint exists',
        '    the entrypoint /app is not in the image',
        '    fix: Add the package that ships the program, or correct entrypoint.command and PATH.',
        '  warning  minimal/shell  no shell',
        '    bin/sh is a shell',
        '    bin/\\x1b[2Jash is a shell',
        '    fix: Leave out the package, or what depends on it; debug with a container beside this one.',
        '  CIS Docker Benchmark, section 4: 1 of 1 that an image shows',
        '',
        'the contract does not hold: 2 errors, 4 warnings',
        '',
      ].join('\n'),
    );
  });

  it('tells what is excused, what scripts were reproduced, and what the policy lacks', async () => {
    const image: HardeningReport = {
      ...imageReport('amd64'),
      excused: [
        {
          check: 'minimal/shell',
          message: 'bin/sh is a shell',
          exception: { check: 'minimal/shell', reason: 'we need it' },
        },
      ],
      scripts: [{ package: 'redis', script: 'pre-install', reproduced: ['adduser redis'], missing: [] }],
    };
    const unused = finding('warning', 'policy/unused-exception', 'the exception for locked/setuid excuses nothing');
    const { stdout } = await run(['x'], report([image], { findings: [unused] }));
    expect(stdout).toContain('excused  minimal/shell: bin/sh is a shell (we need it)\n');
    expect(stdout).toContain('the pre-install script of redis was not run; its effect is there: adduser redis\n');
    expect(stdout.indexOf('policy/unused-exception')).toBeLessThan(stdout.indexOf('amd64'));
    expect(stdout).toContain('the contract holds: 0 errors, 0 warnings\n');
  });
});

describe('other formats', () => {
  const answer = report([imageReport('amd64', [ERROR])]);
  it.each([[['x', '--json']], [['x', '--format', 'json']]])('%j is the report', async (argv) => {
    const { stdout, exitCode } = await run(argv, answer);
    expect(JSON.parse(stdout)).toEqual(answer);
    expect(exitCode).toBe(7);
  });

  it('sarif', async () => {
    expect(JSON.parse((await run(['x', '--format', 'sarif'], answer)).stdout).runs[0].results).toHaveLength(1);
  });

  it('markdown', async () => {
    expect((await run(['x', '--format', 'markdown'], answer)).stdout).toContain(
      '| error | `runs/entrypoint-missing` |',
    );
  });
});
