// The files through which a step speaks to the runner: its event, its outputs, its summary. A value can never begin another
// output: its end is a line that nobody can guess.

import { randomUUID } from 'node:crypto';
import { appendFile, readFile, stat } from 'node:fs/promises';
import { assert, Failure } from '../../src/base/failure.ts';
import { LIMITS } from '../../src/base/limits.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The payload of the event that started the run; undefined where there is none. Failure FILE_UNREADABLE. */
export async function readEvent(env: Environment): Promise<unknown> {
  const path = env['GITHUB_EVENT_PATH'];
  if (!path) return undefined;
  const unreadable = (why: string) => new Failure('FILE_UNREADABLE', `the event of this run is in ${path}, and ${why}`);
  try {
    if ((await stat(path)).size > LIMITS.actionEventBytes) throw unreadable('that is too large');
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw unreadable(error instanceof SyntaxError ? 'that is not JSON' : 'that cannot be read');
  }
}

/** Nothing where the runner gives no file. */
export async function writeOutputs(env: Environment, outputs: Readonly<Record<string, string>>): Promise<void> {
  const texts = Object.entries(outputs).map(([name, value]) => printOutput(name, value, `end-${randomUUID()}`));
  await append(env['GITHUB_OUTPUT'], texts.join(''));
}

export async function writeSummary(env: Environment, markdown: string): Promise<void> {
  await append(env['GITHUB_STEP_SUMMARY'], markdown);
}

/** `name<<end`, the value, `end`. */
export function printOutput(name: string, value: string, end: string): string {
  assert(!`${name}${value}`.includes(end), 'an output holds the line that ends it');
  return `${name}<<${end}\n${value}\n${end}\n`;
}

async function append(path: string | undefined, text: string): Promise<void> {
  if (!path) return;
  try {
    await appendFile(path, text);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Failure('FILE_UNWRITABLE', `cannot write ${path}: ${code}`, { cause });
  }
}
