// A folder in which a test works like a user: a repository, a configuration, a cache of its own, and the command line.
// Commands run in this process with the real operations floor; `spawnStave` starts the built command for tests that kill it.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { operations } from '../../src/cli/operations.ts';
import { recordedWorld } from '../../src/cli/recorded-world.ts';
import { type SmallRepository, smallRepository } from './small-repository.ts';

export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

// biome-ignore lint/suspicious/noExplicitAny: what parsed JSON holds is what the tests are about.
export type Json = any;

type Environment = Readonly<Record<string, string>>;

const scratch = mkdtempSync(join(tmpdir(), 'stave-end-to-end-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let places = 0;

/** What `stave` needs to build: a local repository, its key, and three packages for two architectures. */
export const CONFIG = `contents:
  repositories:
    - ./repository
  keyring:
    - ./small.rsa.pub
  packages:
    - layout
    - app
archs: [amd64, arm64]
`;

export class Place {
  readonly dir: string = join(scratch, `place-${places++}`);
  /** Where the cache lies unless --cache-dir says otherwise. */
  readonly cacheDir: string = join(this.dir, 'home', '.cache', 'stave');

  /** With a repository in `repository/`, its key in `small.rsa.pub` and `image.yaml`. */
  constructor(config: string = CONFIG, repository: SmallRepository | undefined = smallRepository()) {
    this.write('image.yaml', config);
    mkdirSync(join(this.dir, 'home'));
    if (repository === undefined) return;
    this.write('small.rsa.pub', repository.key.publicKeyPem);
    for (const [path, bytes] of repository.files) this.write(join('repository', path), bytes);
  }

  path(...names: readonly string[]): string {
    return join(this.dir, ...names);
  }

  write(name: string, content: string | Uint8Array): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  read(name: string): Buffer {
    return readFileSync(this.path(name));
  }

  text(name: string): string {
    return this.read(name).toString('utf8');
  }

  json(name: string): Json {
    return JSON.parse(this.text(name));
  }

  /** Runs one command line in this folder. */
  async stave(
    argv: readonly string[],
    env: Environment = {},
    world: Parameters<typeof recordedWorld>[0] = {},
  ): Promise<Answer> {
    const home = this.path('home');
    const recorded = recordedWorld({
      cwd: this.dir,
      homeDir: home,
      env: { HOME: home, ...env },
      now: () => performance.now(),
      operations: async () => operations,
      ...world,
    });
    const exitCode = await main(argv, recorded);
    return { exitCode, stdout: recorded.stdout.text, stderr: recorded.stderr.text };
  }

  /** The same for a command that must succeed. */
  async do(argv: readonly string[], env: Environment = {}): Promise<Answer> {
    const answer = await this.stave(argv, env);
    expect(answer.exitCode, answer.stderr).toBe(0);
    return answer;
  }

  /** Builds image.yaml into the folder `layout` (made anew) and returns the digest of the index. */
  async build(more: readonly string[] = [], env: Environment = {}): Promise<string> {
    const answer = await this.tryBuild(more, env);
    expect(answer.exitCode, answer.stderr).toBe(0);
    return JSON.parse(answer.stdout).indexDigest;
  }

  /** The same for a build that may fail; stdout is the report as JSON, stderr NDJSON. */
  async tryBuild(more: readonly string[] = [], env: Environment = {}): Promise<Answer> {
    rmSync(this.path('layout'), { recursive: true, force: true });
    mkdirSync(this.path('layout'));
    return await this.stave(
      ['build', 'image.yaml', 'example.com/app:1', 'layout', '--json', '--sbom=false', ...more],
      env,
    );
  }

  /** Starts the built command as a process of its own. */
  spawnStave(argv: readonly string[], env: Environment = {}): { child: ChildProcess; done: Promise<Answer> } {
    const program = fileURLToPath(new URL('../../bin/stave.js', import.meta.url));
    const child = spawn(process.execPath, [program, ...argv], {
      cwd: this.dir,
      env: { PATH: process.env['PATH'] ?? '', HOME: this.path('home'), CI: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const done = new Promise<Answer>((resolve) =>
      child.on('close', (code) => resolve({ exitCode: code ?? -1, stdout, stderr })),
    );
    return { child, done };
  }
}

/** The failure record that --json writes as the last line of stderr. */
export function failureOf(answer: Answer): Json {
  const last = JSON.parse(answer.stderr.trimEnd().split('\n').at(-1) ?? '{}');
  expect(last.type, answer.stderr).toBe('failure');
  expect(last.exitCode).toBe(answer.exitCode);
  return last;
}

/** The warnings among the events that --json writes. */
export function warningsOf(answer: Answer): Json[] {
  const lines = answer.stderr.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line)).filter((event) => event.type === 'warning');
}

/** Every file below a folder, as paths relative to it. */
export function filesBelow(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => statSync(join(directory, name)).isFile());
}
