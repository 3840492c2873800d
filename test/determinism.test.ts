// The same inputs give the same bytes, whatever surrounds the build: directory, time zone, locale, umask, cores, cache state,
// user, Node version. Runs the built command as a user would. STAVE_SECOND_NODE names another Node to compare with.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const project = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'stave-determinism-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const secondNode = process.env['STAVE_SECOND_NODE'];

interface Surroundings {
  readonly node?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly umask?: string;
  readonly directory?: string;
  readonly cache?: string;
  readonly wrapper?: string;
}

let runs = 0;

/** Builds the quickstart image as an archive and as a layout; returns path -> mode and digest of all that was written. */
function build({
  node = process.execPath,
  env = {},
  umask = '022',
  directory,
  cache,
  wrapper = '',
}: Surroundings): Record<string, string> {
  const work = join(scratch, directory ?? `run-${runs++}`);
  mkdirSync(work, { recursive: true });
  cpSync(join(project, 'examples/quickstart'), join(work, 'quickstart'), { recursive: true });
  const out = join(work, 'out');
  mkdirSync(join(out, 'layout'), { recursive: true });
  mkdirSync(join(out, 'sbom'));
  const cacheDir = cache ?? join(work, 'cache');
  const run = (output: string, ...more: string[]) =>
    execFileSync(
      'sh',
      [
        '-c',
        `umask ${umask}; exec ${wrapper} "$@"`,
        'sh',
        node,
        join(project, 'bin/stave.js'),
        'build',
        'image.yaml',
        'example.com/hello:1',
        output,
        '--vcs=false',
        '--offline',
        '--cache-dir',
        cacheDir,
        ...more,
      ],
      {
        cwd: join(work, 'quickstart'),
        env: { PATH: process.env['PATH'] ?? '', HOME: work, CI: '1', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
  run(join(out, 'layout'), '--sbom-path', join(out, 'sbom'), '--sbom-formats', 'spdx,cyclonedx');
  run(join(out, 'image.tar'), '--sbom=false');
  const files = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(out, path)).isFile(),
  );
  return Object.fromEntries(
    files.sort().map((path) => {
      const sha = createHash('sha256')
        .update(readFileSync(join(out, path)))
        .digest('hex');
      return [path, `${(statSync(join(out, path)).mode & 0o777).toString(8)} ${sha}`];
    }),
  );
}

describe('the same bytes', () => {
  const reference = build({});

  it('are those of a whole image', () => {
    const paths = Object.keys(reference);
    expect(paths).toContain('image.tar');
    expect(paths).toContain(join('layout', 'index.json'));
    expect(paths.filter((p) => p.startsWith(join('layout', 'blobs'))).length).toBeGreaterThanOrEqual(6);
    expect(paths.filter((p) => p.startsWith('sbom'))).toHaveLength(6);
  });

  const table: readonly (readonly [what: string, surroundings: Surroundings])[] = [
    ['in another time zone', { env: { TZ: 'Pacific/Kiritimati' } }],
    ['in another locale', { env: { LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' } }],
    ['under another umask', { umask: '077' }],
    ['under an open umask', { umask: '000' }],
    ['in a directory with an odd name', { directory: 'mit Leerzeichen & ünïcødé' }],
    ['with another number of threads', { env: { UV_THREADPOOL_SIZE: '1' } }],
    ['on one core', { wrapper: 'taskset -c 0' }],
    ['with a warm cache', { cache: join(scratch, 'shared-cache') }],
    ['with the same cache again', { cache: join(scratch, 'shared-cache') }],
  ];
  it.each(table)('%s', (_what, surroundings) => {
    expect(build(surroundings)).toEqual(reference);
  });

  it.skipIf(secondNode === undefined)('on another Node (STAVE_SECOND_NODE)', () => {
    expect(build({ node: secondNode! })).toEqual(reference);
  });
});
