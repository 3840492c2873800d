// Credential helpers: programs called `docker-credential-NAME` that keep secrets for docker and others (signing.md 12).
// Run without a shell, with bounded time and output. What they print on success is secret and never gets into a message.

import { spawn } from 'node:child_process';
import { LIMITS } from '../../../base/limits.ts';
import { basicSecret, isMap } from './auth-file.ts';
import type { Secret } from './credential.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** People may have to unlock a key ring; more than a minute is a program that hangs. */
const HELPER_TIMEOUT_MS = 60_000;
/** What helpers print where they know nothing about a registry. */
const NOT_FOUND = /credentials not found in native keychain/i;

/** `trouble`: the helper could not be asked, and why, for people. */
export type HelperAnswer =
  | { readonly kind: 'found'; readonly secret: Secret }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'trouble'; readonly text: string };

export interface HelperOptions {
  readonly environment: Environment;
  readonly timeoutMs?: number;
}

/** Asks for the credentials of a registry; `key` as `helperKey` spells it. */
export async function getFromHelper(name: string, key: string, options: HelperOptions): Promise<HelperAnswer> {
  const run = await runHelper(name, 'get', key, options);
  if ('trouble' in run) {
    return NOT_FOUND.test(run.output) ? { kind: 'nothing' } : { kind: 'trouble', text: run.trouble };
  }
  const secret = parseSecret(run.output);
  if (secret !== undefined) return { kind: 'found', secret };
  // A helper with nothing to give sometimes says so with an empty user name.
  return isJsonObject(run.output)
    ? { kind: 'nothing' }
    : { kind: 'trouble', text: `docker-credential-${name} printed something that is not JSON` };
}

/** Stores or erases; undefined when done, else what went wrong. */
export async function putIntoHelper(
  name: string,
  verb: 'store' | 'erase',
  input: string,
  options: HelperOptions,
): Promise<string | undefined> {
  const run = await runHelper(name, verb, input, options);
  if (!('trouble' in run)) return undefined;
  return verb === 'erase' && NOT_FOUND.test(run.output) ? undefined : run.trouble;
}

interface HelperRun {
  readonly output: string;
}

async function runHelper(
  name: string,
  verb: string,
  input: string,
  options: HelperOptions,
): Promise<HelperRun | (HelperRun & { readonly trouble: string })> {
  const program = `docker-credential-${name}`;
  if (!/^[A-Za-z0-9._-]+$/.test(name)) {
    return { output: '', trouble: `"${name}" cannot be the name of a credential helper` };
  }
  return await new Promise((resolve) => {
    const end = (trouble: string, output = '') => resolve({ output, trouble: `${program} ${trouble}` });
    const child = spawn(program, [verb], {
      env: Object.fromEntries(Object.entries(options.environment).filter(([, value]) => value !== undefined)),
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
    });
    const output = collect(child.stdout, () => stop('printed more than it should'));
    const complaint = collect(child.stderr, () => {});
    const timeoutMs = options.timeoutMs ?? HELPER_TIMEOUT_MS;
    const timer = setTimeout(() => stop(`did not answer within ${timeoutMs / 1000} seconds`), timeoutMs);
    const stop = (why: string) => {
      child.kill('SIGKILL');
      // Its children may hold the pipes open: nobody waits for them.
      child.stdout.destroy();
      child.stderr.destroy();
      end(why);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      end(error.code === 'ENOENT' ? 'is not installed (or not in PATH)' : `cannot be started: ${error.code}`);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve({ output: output() });
      else end(`failed (${signal ?? `status ${code}`})${firstLine(complaint(), output())}`, output() + complaint());
    });
    // A helper that ends without reading its input breaks the pipe; its status says what happened.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** Gathers text up to the bound, then calls `onTooMuch` once. */
function collect(stream: NodeJS.ReadableStream, onTooMuch: () => void): () => string {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('error', () => {});
  stream.on('data', (chunk: string) => {
    const before = text.length;
    text += chunk.slice(0, LIMITS.helperOutputCharacters - before + 1);
    if (text.length > LIMITS.helperOutputCharacters && before <= LIMITS.helperOutputCharacters) onTooMuch();
  });
  return () => text;
}

/** The first line of a complaint. Whatever looks like the JSON of an answer is not repeated. */
function firstLine(...texts: readonly string[]): string {
  const line = texts
    .flatMap((text) => text.split('\n'))
    .map((text) => text.trim())
    .find((text) => text !== '');
  return line === undefined || line.includes('{') || /secret/i.test(line) ? '' : `: ${line.slice(0, 200)}`;
}

function parseSecret(output: string): Secret | undefined {
  try {
    const answer: unknown = JSON.parse(output);
    if (!isMap(answer)) return undefined;
    const { Username: user, Secret: secret } = answer;
    return typeof user === 'string' && typeof secret === 'string' ? basicSecret(user, secret) : undefined;
  } catch {
    return undefined;
  }
}

function isJsonObject(text: string): boolean {
  try {
    return isMap(JSON.parse(text));
  } catch {
    return false;
  }
}
