// Everything the command line takes from outside, as one value: main() gets it, tests make their own.
// Must stay light: it is on the path of `stave version`.

import { Failure } from '../base/failure.ts';
import type { Operations } from './operations.ts';

/** A stream that takes text. */
export interface TextSink {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Width of the terminal, where there is one. */
  readonly columns?: number | undefined;
}

export interface World {
  /** Results. */
  readonly stdout: TextSink;
  /** Progress, warnings and failures. */
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** As Node names it: `x64`, `arm64` ... */
  readonly hostArch: string;
  /** As Node names it: `linux`, `darwin`, `win32` ... */
  readonly hostPlatform: string;
  readonly homeDir: string;
  /** Milliseconds from an arbitrary start; used to time phases, never written into an image. */
  readonly now: () => number;
  /** All of standard input as text. Failure USAGE_ARGUMENTS beyond 64 KiB: it is for passwords. */
  readonly stdin: () => Promise<string>;
  /** Asks without echo; absent where nobody sits at a terminal. */
  readonly askSecret?: (question: string) => Promise<string>;
  /** Resolves when somebody asks this process to end: Ctrl-C, or a signal to terminate. The second time ends it at once. */
  readonly untilInterrupted: () => Promise<void>;
  /** The operations floor, loaded when it is first asked for. */
  readonly operations: () => Promise<Operations>;
}

/** The world of this process. */
export function processWorld(): World {
  const atTerminal = process.stdin.isTTY && process.stderr.isTTY && !process.env['CI'];
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    hostArch: process.arch,
    hostPlatform: process.platform,
    homeDir: process.env['HOME'] ?? process.env['USERPROFILE'] ?? '',
    // The clock of `performance` without all the rest of it.
    now: () => Number(process.hrtime.bigint()) / 1e6,
    stdin: readStandardInput,
    ...(atTerminal && { askSecret: async (question) => (await import('./ask-secret.ts')).askSecret(question) }),
    untilInterrupted: () =>
      new Promise((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
      }),
    operations: async () => (await import('./operations.ts')).operations,
  };
}

const STDIN_BYTES = 64 * 1024;

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of process.stdin) {
    sizeBytes += (chunk as Buffer).length;
    if (sizeBytes > STDIN_BYTES)
      throw new Failure('USAGE_ARGUMENTS', `standard input has more than ${STDIN_BYTES} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
