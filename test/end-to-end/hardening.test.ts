// The hardening contract in builds and publications, as a user meets it: what is shown, what is refused with nothing written, what
// the configuration says about it, and that no byte of an image depends on any of it.

import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openFaultyRegistry } from '../support/faulty-registry.ts';
import { type Answer, CONFIG, failureOf, filesBelow, Place, warningsOf } from './place.ts';

const BROKEN = `${CONFIG}entrypoint: {command: /usr/bin/gone}\n`;
/** What is said of the image of the small repository. */
const EXPECTED = ['locked/root-user', 'runs/no-command'];

const checksOf = ({ stdout }: Answer) =>
  JSON.parse(stdout).contract.images.map((image: { findings: { check: string }[] }) =>
    image.findings.map(({ check }) => check).sort(),
  );

describe('a build', () => {
  it('shows the number of findings, and all of them in its report', async () => {
    const place = new Place();
    const { stdout, stderr } = await place.do(['build', 'image.yaml', 'example/app:1', 'app.tar', '--sbom=false']);
    expect(stdout).toContain('  checks  2 warnings (1 runs, 1 locked); `stave check` lists them\n');
    expect(stderr).not.toContain('warning');
    const answer = await place.tryBuild();
    expect(checksOf(answer)).toEqual([EXPECTED, EXPECTED]);
    const debug = await place.do([
      'build',
      'image.yaml',
      'example/app:1',
      'app.tar',
      '--sbom=false',
      '--log-level=debug',
    ]);
    for (const check of EXPECTED) expect(debug.stderr).toContain(`debug: ${check}: `);
  });

  it('says the same when nothing has changed and the kept result answers', async () => {
    const place = new Place();
    const [first, second] = [await place.tryBuild(), await place.tryBuild()];
    expect(second.stderr).not.toContain('"check"');
    expect(JSON.parse(second.stdout).contract).toEqual(JSON.parse(first.stdout).contract);
  });

  it('shows a warning with the line of the configuration that causes it', async () => {
    const place = new Place(`${CONFIG}paths:\n  - {path: /srv, type: directory, permissions: 0o777}\n`);
    for (const _again of [1, 2]) {
      const answer = await place.tryBuild();
      expect(warningsOf(answer)).toEqual([
        expect.objectContaining({
          code: 'locked/world-writable',
          message: 'srv is writable for everybody (mode 0o777) (amd64, arm64)',
          where: expect.objectContaining({ file: 'image.yaml', line: 11, column: 12 }),
        }),
      ]);
    }
  });

  it('is refused with the line, and nothing is written', async () => {
    const place = new Place(BROKEN);
    const answer = await place.tryBuild(['--sbom-path', 'sboms']);
    expect(answer.exitCode).toBe(7);
    expect(failureOf(answer)).toMatchObject({
      code: 'HARDENING_BROKEN',
      message:
        'the image breaks the hardening contract: the entrypoint /usr/bin/gone is not in the image (amd64, arm64)',
      where: { file: 'image.yaml', line: 10, column: 23 },
      data: { errors: 2 },
    });
    expect(filesBelow(place.path('layout'))).toEqual([]);
    expect(existsSync(place.path('sboms'))).toBe(false);
    expect((await place.stave(['build', 'image.yaml', 'example/app:1', 'app.tar'])).exitCode).toBe(7);
    expect(existsSync(place.path('app.tar'))).toBe(false);
  });

  it('names every way in which it is broken', async () => {
    const place = new Place(`${BROKEN}hardening: {profile: distroless}\n`);
    const { exitCode, stderr } = await place.stave(['build', 'image.yaml', 'example/app:1', 'app.tar']);
    expect(exitCode).toBe(7);
    expect(stderr).toContain('breaks the hardening contract in 2 ways [HARDENING_BROKEN]');
    expect(stderr).toMatch(/^ {2}runs\/entrypoint-missing: .*\(amd64, arm64\), see image\.yaml:10:23$/m);
    expect(stderr).toMatch(/^ {2}locked\/root-user: /m);
  });
});

describe('the flag --hardening', () => {
  it('builds the same bytes as no flag, whatever it says', async () => {
    const place = new Place(BROKEN);
    const off = await place.build(['--hardening=off']);
    const excused = `${BROKEN}hardening:\n  exceptions: [{check: runs/entrypoint-missing, reason: mounted}]\n`;
    place.write('image.yaml', excused);
    expect(await place.build()).toBe(off);
    const { stdout } = await place.tryBuild();
    expect(JSON.parse(stdout).contract.images[0].excused).toMatchObject([{ exception: { reason: 'mounted' } }]);
  });

  it('beats the configuration, and what an earlier build was asked', async () => {
    const place = new Place(`${CONFIG}hardening: {profile: off}\n`);
    await place.build();
    expect((await place.tryBuild(['--hardening=strict'])).exitCode).toBe(7);
    await place.build(['--hardening=default']);
    expect((await place.tryBuild(['--hardening=strict'])).exitCode).toBe(7);
  });
});

describe('--check-report', () => {
  it.each([
    ['findings.sarif', (text: string) => JSON.parse(text).runs[0].results.length],
    ['findings.json', (text: string) => JSON.parse(text).errors],
    ['findings.md', (text: string) => text.match(/^\| error /gm)?.length],
  ])('%s is written, also of a build that is refused', async (file, count) => {
    const place = new Place(BROKEN);
    expect((await place.tryBuild(['--check-report', file])).exitCode).toBe(7);
    expect(count(place.text(file))).toBeGreaterThan(1);
    expect(filesBelow(place.path('layout'))).toEqual([]);
    await place.build(['--hardening=off', '--check-report', file]);
    expect(count(place.text(file)) ?? 0).toBe(0);
  });

  it('has the line of the configuration as the place of a finding', async () => {
    const place = new Place(BROKEN);
    await place.tryBuild(['--check-report', 'findings.sarif']);
    const [result] = place.json('findings.sarif').runs[0].results;
    expect(result.locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: 'image.yaml' },
      region: { startLine: 10, startColumn: 23 },
    });
  });

  it('of another kind is refused before anything is done', async () => {
    const place = new Place();
    const answer = await place.tryBuild(['--check-report', 'findings.txt']);
    expect(answer.exitCode).toBe(2);
    expect(failureOf(answer).message).toContain('.json, .md or .sarif');
  });
});

describe('the SBOM', () => {
  it('covers every package of the image', async () => {
    const place = new Place();
    const { stdout } = await place.do(['build', 'image.yaml', 'example/app:1', 'app.tar', '--json']);
    expect(stdout).not.toContain('not-in-sbom');
    const spdx = JSON.parse(place.text('sbom-x86_64.spdx.json'));
    expect(spdx.packages.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(['app', 'layout']));
  });
});

describe('an exception that excuses nothing', () => {
  const unused = `${CONFIG}hardening:\n  exceptions:\n    - {check: minimal/shell, reason: there was one}\n`;

  it('is a warning at its line', async () => {
    const place = new Place(unused);
    expect(warningsOf(await place.tryBuild())).toEqual([
      expect.objectContaining({
        code: 'policy/unused-exception',
        message: 'the exception for minimal/shell excuses nothing',
        where: expect.objectContaining({ line: 12 }),
      }),
    ]);
  });

  it('is an error where everything has to be explained', async () => {
    const answer = await new Place(unused).tryBuild(['--hardening=strict']);
    expect(answer.exitCode).toBe(7);
    expect(failureOf(answer).notes).toContainEqual(expect.stringContaining('policy/unused-exception'));
  });
});

describe('publish', () => {
  it('sends nothing of an image that breaks the contract, and tells of one that keeps it', async () => {
    const registry = await openFaultyRegistry();
    try {
      const place = new Place(BROKEN);
      const target = `${registry.url.slice('http://'.length)}/app:1`;
      const refused = await place.stave(['publish', 'image.yaml', target]);
      expect(refused.exitCode).toBe(7);
      expect(refused.stderr).toContain('HARDENING_BROKEN');
      expect((await fetch(`${registry.url}/v2/app/tags/list`)).status).toBe(404);
      const published = await place.do(['publish', 'image.yaml', target, '--hardening=off']);
      expect(published.stderr).toContain('checks: off\n');
      place.write('image.yaml', CONFIG);
      await place.do(['publish', 'image.yaml', target, '--attach-check']);
      expect((await place.do(['tree', target])).stdout.match(/application\/vnd\.stave\.check\.v1\+json/g)).toHaveLength(
        2,
      );
      expect((await place.do(['publish', 'image.yaml', target])).stderr).toContain(
        'checks: 2 warnings (1 runs, 1 locked)',
      );
    } finally {
      await registry.close();
    }
  });
});
