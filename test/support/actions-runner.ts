// A runner of GitHub Actions, as far as an action can tell: INPUT_* variables from action.yml and `with`, the files of a step,
// the payload of an event; and the runner's reading of the log, with its masks. The action runs as a process of its own.

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export interface LogCommand {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly message: string;
}

export interface StepRun {
  readonly exitCode: number;
  /** As people see it: secrets that were masked are `***`. */
  readonly log: string;
  /** The same with its secrets. */
  readonly rawLog: string;
  readonly commands: readonly LogCommand[];
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
}

export interface Step {
  readonly workspace: string;
  /** For everything that is not the workspace's. */
  readonly scratch: string;
  readonly with: Readonly<Record<string, string>>;
  readonly event: { readonly name: string; readonly payload: unknown };
  readonly env?: Readonly<Record<string, string>>;
  readonly node?: string;
  /** The tree of the tag; default: this one. */
  readonly action?: string;
}

/** What `${{ github.token }}` is. */
export const WORKFLOW_TOKEN = 'ghs_canary-w0rkflow-token';

const ACTION = fileURLToPath(new URL('../../action', import.meta.url));

let steps = 0;

export async function runStep({ workspace, scratch, event, action = ACTION, ...step }: Step): Promise<StepRun> {
  const folder = join(scratch, `step-${steps++}`);
  mkdirSync(join(folder, 'temp'), { recursive: true });
  const file = (name: string, text = '') => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const output = file('output');
  const summary = file('summary');
  const manifest = parse(readFileSync(join(action, 'action.yml'), 'utf8'));
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: join(workspace, 'home'),
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTOR: 'octo',
    GITHUB_REPOSITORY: 'org/app',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_WORKFLOW_REF: 'org/app/.github/workflows/image.yml@refs/heads/main',
    GITHUB_RUN_ID: '42',
    GITHUB_RUN_ATTEMPT: '2',
    GITHUB_WORKSPACE: workspace,
    GITHUB_EVENT_NAME: event.name,
    GITHUB_EVENT_PATH: file('event.json', JSON.stringify(event.payload)),
    GITHUB_OUTPUT: output,
    GITHUB_STEP_SUMMARY: summary,
    GITHUB_ENV: file('env'),
    RUNNER_TEMP: join(folder, 'temp'),
    ...inputVariables(manifest.inputs, step.with),
    ...step.env,
  };
  const { exitCode, rawLog } = await run(
    step.node ?? process.execPath,
    join(action, manifest.runs.main),
    workspace,
    env,
  );
  const commands = rawLog.split(/\r\n|\r|\n/).flatMap((line) => parseLogLine(line) ?? []);
  return {
    exitCode,
    rawLog,
    log: masked(rawLog, commands),
    commands,
    outputs: parseOutputs(readFileSync(output, 'utf8')),
    summary: readFileSync(summary, 'utf8'),
  };
}

/** Inputs that nobody gave have their default, or are there and empty; names keep their hyphens. */
function inputVariables(
  declared: Readonly<Record<string, { default?: string }>>,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const unknown = Object.keys(given).find((name) => declared[name] === undefined);
  if (unknown !== undefined) throw new Error(`action.yml has no input ${unknown}`);
  return Object.fromEntries(
    Object.entries(declared).map(([name, input]) => {
      const text = given[name] ?? (input.default ?? '').replace('${{ github.token }}', WORKFLOW_TOKEN);
      return [`INPUT_${name.toUpperCase()}`, text];
    }),
  );
}

function run(
  node: string,
  main: string,
  cwd: string,
  env: Record<string, string>,
): Promise<{ exitCode: number; rawLog: string }> {
  const child = spawn(node, [main], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let rawLog = '';
  // The runner reads both.
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      rawLog += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ exitCode: code ?? -1, rawLog }));
  });
}

/** What the runner takes for a command: `::name key=value::message` behind white space, or `##[` anywhere. */
export function parseLogLine(line: string): LogCommand | undefined {
  const trimmed = line.replace(/^[\s\u0085]+/, '');
  const end = trimmed.indexOf('::', 2);
  if (!trimmed.startsWith('::') || end < 0) {
    return line.includes('##[') ? { name: '##[', properties: {}, message: line } : undefined;
  }
  const [name = '', ...rest] = trimmed.slice(2, end).split(' ');
  const pairs = rest.join(' ').split(',').filter(Boolean);
  const properties = pairs.map((pair) => {
    const [key = '', ...value] = pair.split('=');
    return [key.trim(), decoded(value.join('='), ['%0D', '%0A', '%3A', '%2C', '%25'])];
  });
  const message = decoded(trimmed.slice(end + 2), ['%0D', '%0A', '%25']);
  return { name, properties: Object.fromEntries(properties), message };
}

function decoded(text: string, codes: readonly string[]): string {
  return codes.reduce((so, code) => so.replaceAll(code, decodeURIComponent(code)), text);
}

/** A mask of several lines hides each of them. The commands themselves are not shown. */
function masked(rawLog: string, commands: readonly LogCommand[]): string {
  const masks = commands
    .filter(({ name }) => name === 'add-mask')
    .flatMap(({ message }) => [message, ...message.split(/\r?\n/)]);
  const shown = rawLog.replace(/^::add-mask::.*\n/gm, '');
  return masks.filter(Boolean).reduce((text, mask) => text.replaceAll(mask, '***'), shown);
}

/** `name<<end`, lines, `end`; anything else is an error to the runner. */
function parseOutputs(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split('\n');
  for (let line = lines.shift(); line !== undefined && line !== ''; line = lines.shift()) {
    const [, name = '', end = ''] = /^([^=]+)<<(.+)$/.exec(line) ?? [];
    const length = lines.indexOf(end);
    if (name === '' || length < 0) throw new Error(`the runner cannot read the output ${line}`);
    outputs[name] = lines
      .splice(0, length + 1)
      .slice(0, -1)
      .join('\n');
  }
  return outputs;
}

export const PUSH = {
  name: 'push',
  payload: { ref: 'refs/heads/main', repository: { full_name: 'org/app', fork: false } },
};
export const SCHEDULE = { name: 'schedule', payload: { schedule: '0 4 * * 1', repository: { full_name: 'org/app' } } };
export const FORK_PULL_REQUEST = {
  name: 'pull_request',
  payload: {
    action: 'opened',
    number: 7,
    pull_request: { head: { repo: { full_name: 'guest/app', fork: true } }, base: { repo: { full_name: 'org/app' } } },
    repository: { full_name: 'org/app', fork: false },
  },
};
