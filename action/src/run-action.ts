// One run of the action: build, check, publish, sign, told to the log, the summary and the outputs. Every step is a command of
// stave; here is only what GitHub adds. Never throws: what is wrong becomes an annotation and the exit code.

import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Failure } from '../../src/base/failure.ts';
import { EXIT } from '../../src/base/failure-codes.ts';
import { redactText } from '../../src/base/redact.ts';
import { defaultLockPath } from '../../src/cli/commands/lock.ts';
import { printFailure } from '../../src/cli/ui/failure-text.ts';
import { noPaint } from '../../src/cli/ui/paint.ts';
import type { World } from '../../src/cli/world.ts';
import type { PublishReport } from '../../src/operations/publish-image/publish.ts';
import type { InspectReport } from '../../src/operations/registry/inspect.ts';
import type { ContractReport } from '../../src/planning/hardening/contract-report.ts';
import { type Folders, failureAnnotation, findingAnnotations, type Warning, warningAnnotation } from './annotation.ts';
import { type Chosen, inspectWords, KEY_VARIABLE, pruneWords, publishWords } from './command-words.ts';
import { type Inputs, isKeyText, NO_LOCKFILE, parseInputs, secretsOf } from './inputs.ts';
import { createJobLog, type JobLog } from './job-log.ts';
import { type PublishedBefore, printJobSummary, type RunFacts } from './job-summary.ts';
import { planRun } from './plan-run.ts';
import { loginEnvironment } from './registry-login.ts';
import { runCommand } from './run-command.ts';
import { readEvent, writeOutputs, writeSummary } from './step-files.ts';
import { printCommand } from './workflow-command.ts';

/** `world` is that of the process: INPUT_* and the runner's variables are in its environment, its stdout is the log. */
export async function runAction(world: World): Promise<number> {
  const log = createJobLog((text) => world.stdout.write(text));
  const workspace = world.env['GITHUB_WORKSPACE'] || world.cwd;
  let folders: Folders = { cwd: workspace, workspace };
  let facts: RunFacts = { config: 'image.yaml' };
  let exitCode: number = EXIT.ok;
  try {
    const inputs = parseInputs(world.env);
    for (const secret of secretsOf(inputs)) log.mask(secret);
    folders = { workspace, cwd: resolve(workspace, inputs.workingDirectory) };
    facts = { ...facts, config: inputs.config };
    const steps = new Steps(inputs, commandWorld(world, inputs, folders.cwd), log, folders);
    await steps.run((more) => {
      facts = { ...facts, ...more };
    });
  } catch (error) {
    const failure = errorOf(error);
    facts = { ...facts, failure };
    exitCode = reportFailure(failure, facts.config, log, folders);
  }
  return await finished(world, facts, exitCode, log, folders);
}

/** The world of the commands: the inputs that are secrets in its environment, the others not. */
function commandWorld(world: World, inputs: Inputs, cwd: string): World {
  const env = Object.fromEntries(Object.entries(world.env).filter(([name]) => !name.startsWith('INPUT_')));
  const { key, keyPassword } = inputs;
  const secrets = {
    ...loginEnvironment(inputs, env),
    ...(isKeyText(key) && { [KEY_VARIABLE]: key }),
    ...(keyPassword !== undefined && { STAVE_PASSWORD: keyPassword }),
  };
  return { ...world, cwd, env: { ...env, ...secrets } };
}

class Steps {
  readonly #inputs: Inputs;
  readonly #world: World;
  readonly #log: JobLog;
  readonly #folders: Folders;

  constructor(inputs: Inputs, world: World, log: JobLog, folders: Folders) {
    this.#inputs = inputs;
    this.#world = world;
    this.#log = log;
    this.#folders = folders;
  }

  async run(learn: (facts: Partial<RunFacts>) => void): Promise<void> {
    const { env } = this.#world;
    const plan = planRun(this.#inputs, env, await readEvent(env));
    learn({ plan });
    if (!plan.publish) this.#log.text(`nothing will be pushed: ${plan.reason}\n`);
    const chosen: Chosen = { lockfile: this.#lockfile(), sbomPath: await this.#sbomPath(), publish: plan.publish };
    const before = await this.#before();
    if (before !== undefined) learn({ before });
    const report = await this.#do<PublishReport>(publishWords(this.#inputs, chosen));
    learn({ report });
    for (const line of findingAnnotations(report.contract, this.#inputs.config, this.#folders)) this.#log.command(line);
    await writeOutputs(env, outputsOf(report, before));
    const prune = pruneWords(this.#inputs);
    if (prune !== undefined) await this.#do(prune);
  }

  /** Whatever is wrong with the look at the image before: it is for people to read, and no part of the work. */
  async #before(): Promise<PublishedBefore | undefined> {
    const words = inspectWords(this.#inputs, this.#world);
    if (words === undefined) return undefined;
    try {
      return publishedBefore(words[1] ?? '', await this.#do<InspectReport>(words));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#log.text(`nothing to compare with: ${error.message} [${error.code}]\n`);
      return undefined;
    }
  }

  async #do<T>(words: readonly string[]): Promise<T> {
    const { config } = this.#inputs;
    const warn = (warning: Warning) => this.#log.command(warningAnnotation(warning, config, this.#folders));
    const place = { world: this.#world, say: (lines: string) => this.#log.text(lines), warn };
    return await this.#log.group(redactText(`stave ${words.join(' ')}`), () => runCommand<T>(words, place));
  }

  /** `stave lock image.yaml` writes image.lock.json: where it lies beside its configuration, it is meant. */
  #lockfile(): string | undefined {
    const { lockfile, config } = this.#inputs;
    if (lockfile !== undefined) return lockfile === NO_LOCKFILE ? undefined : lockfile;
    const beside = defaultLockPath(config, 'lock');
    return existsSync(resolve(this.#folders.cwd, beside)) ? beside : undefined;
  }

  async #sbomPath(): Promise<string> {
    return this.#inputs.sbomPath ?? (await mkdtemp(join(this.#world.env['RUNNER_TEMP'] || tmpdir(), 'stave-sboms-')));
  }
}

function publishedBefore(tag: string, { digest, images }: InspectReport): PublishedBefore {
  const known = images.flatMap(({ platform, installed }) =>
    installed === undefined ? [] : [{ arch: platform.replace(/^linux\//, ''), packages: installed.packages }],
  );
  return { tag, digest, images: known };
}

function outputsOf(report: PublishReport, before: PublishedBefore | undefined): Record<string, string> {
  const { reference, indexDigest, images, tags, repositories, sbomPaths } = report;
  const repository = reference.slice(0, reference.lastIndexOf('@'));
  const platforms = images.map(({ arch, digest }) => [`linux/${arch}`, `${repository}@${digest}`]);
  return {
    digest: indexDigest,
    ref: reference,
    'platform-refs': JSON.stringify(Object.fromEntries(platforms)),
    tags: tags.join('\n'),
    sboms: sbomPaths.join('\n'),
    pushed: String(repositories.length > 0),
    changed: String(before?.digest !== indexDigest),
  };
}

function reportFailure(failure: Error, config: string, log: JobLog, folders: Folders): number {
  if (!(failure instanceof Failure)) {
    const stack = redactText(failure.stack ?? failure.message);
    log.text(`${stack}\nThis is a mistake in stave, not in what you did. Please report it with the lines above.\n`);
    log.command(printCommand('error', 'a mistake in stave; the log has more', { title: 'INTERNAL' }));
    return EXIT.bug;
  }
  log.text(printFailure(failure, noPaint));
  const broken = failure.code === 'HARDENING_BROKEN' ? (failure.data as ContractReport) : undefined;
  const lines =
    broken === undefined ? [failureAnnotation(failure, folders)] : findingAnnotations(broken, config, folders);
  for (const line of lines) log.command(line);
  return failure.exitCode;
}

async function finished(
  world: World,
  facts: RunFacts,
  exitCode: number,
  log: JobLog,
  folders: Folders,
): Promise<number> {
  try {
    await writeSummary(world.env, printJobSummary(facts));
    return exitCode;
  } catch (error) {
    return reportFailure(errorOf(error), facts.config, log, folders) || exitCode;
  }
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
