// Runs one command line of stave in this process, as the shell would: arguments in, result as JSON and a failure out. What the
// command says on the way goes into the log of the step. Must never do what a command does: that is the command's.

import type { StaveEvent } from '../../src/base/events.ts';
import { assert, Failure, type FailureDetails } from '../../src/base/failure.ts';
import { EXIT, type FailureCode } from '../../src/base/failure-codes.ts';
import { main } from '../../src/cli/main.ts';
import { noPaint } from '../../src/cli/ui/paint.ts';
import { createReporter } from '../../src/cli/ui/reporter.ts';
import type { TextSink, World } from '../../src/cli/world.ts';
import type { Warning } from './annotation.ts';

export interface CommandPlace {
  /** Its environment and directory are those of the command; its streams are not used. */
  readonly world: World;
  /** Whole lines of text. */
  readonly say: (lines: string) => void;
  readonly warn: (warning: Warning) => void;
}

/** `T` is what the command prints with --json. Failures of the command, as they were; an Error for a mistake of ours. */
export async function runCommand<T>(words: readonly string[], place: CommandPlace): Promise<T> {
  let printed = '';
  let failure: Error | undefined;
  const reporter = createReporter({
    sink: sinkOf(place.say),
    style: 'plain',
    level: 'info',
    paint: noPaint,
    now: place.world.now,
  });
  const hear = (line: string) => {
    const heard = parseLine(line);
    if (heard === undefined) place.say(`${line}\n`);
    else if (heard.type === 'failure') failure = failureOf(heard);
    else if (heard.type === 'warning') place.warn(heard);
    else reporter.events(heard);
  };
  const stderr = lineSink(hear);
  const world = { ...place.world, stdout: sinkOf((text) => (printed += text)), stderr };
  const exitCode = await main([...words, '--json'], world);
  stderr.end();
  reporter.close();
  if (failure !== undefined) throw failure;
  assert(exitCode === EXIT.ok, `stave ${words[0]} ended with ${exitCode} and no reason`);
  return JSON.parse(printed) as T;
}

type FailureRecord = {
  readonly type: 'failure';
  readonly code: string;
  readonly message: string;
  readonly stack?: string;
} & Omit<FailureDetails, 'cause'>;

function parseLine(line: string): StaveEvent | FailureRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'type' in value
      ? (value as StaveEvent | FailureRecord)
      : undefined;
  } catch {
    return undefined;
  }
}

function failureOf({ code, message, stack, ...details }: FailureRecord): Error {
  if (stack === undefined) return new Failure(code as FailureCode, message, details);
  const error = new Error(message);
  error.stack = stack;
  return error;
}

function sinkOf(write: (text: string) => void): TextSink {
  return { write, isTTY: false };
}

/** Cuts a stream into lines; `end` gives what is left. */
function lineSink(hear: (line: string) => void): TextSink & { end(): void } {
  let pending = '';
  return {
    isTTY: false,
    write: (text) => {
      const lines = (pending + text).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) hear(line);
    },
    end: () => {
      if (pending !== '') hear(pending);
      pending = '';
    },
  };
}
