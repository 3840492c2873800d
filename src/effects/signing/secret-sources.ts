// Where keys, passwords and tokens come from: a file, `env://NAME`, `-` for standard input; a password from the environment
// or a question. Must never repeat what it read: messages name the source alone.

import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { EventSink } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';

export interface SecretSources {
  /** Relative paths count from here. Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly events: EventSink;
  /** Standard input to its end, or at least `mostBytes` of it; absent where nobody may read it. */
  readonly readStdin?: (mostBytes: number) => Promise<Uint8Array>;
  /** Asks without echo; absent where nobody can answer. */
  readonly askPassword?: (question: string) => Promise<string>;
}

/** What a reference leads to, and how messages name it. */
export interface ReadSecret {
  readonly text: string;
  readonly name: string;
  /** A file that others of the machine can read. */
  readonly exposed: boolean;
}

const ENV = /^env:\/\/([A-Za-z_][A-Za-z0-9_]*)$/;
/** Of group and others, to read. */
const OTHERS_READ = 0o044;

/** Failures FILE_UNREADABLE, KEY_INVALID. */
export async function readSecret(reference: string, sources: SecretSources): Promise<ReadSecret> {
  if (reference === '-') {
    if (sources.readStdin === undefined) {
      throw new Failure('FILE_UNREADABLE', 'standard input is not read here', {
        hint: 'Name a file or env://VARIABLE.',
      });
    }
    const bytes = await sources.readStdin(LIMITS.keyBytes + 1);
    return { text: boundedText(bytes, 'standard input'), name: 'the key of standard input', exposed: false };
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(reference)) return await readSecretFile(reference, sources.cwd);
  const variable = ENV.exec(reference)?.[1];
  if (variable === undefined) {
    throw new Failure('KEY_INVALID', `"${reference}" is not a place of keys that we know`, {
      hint: 'Name a file, env://VARIABLE, or - for standard input.',
    });
  }
  const text = sources.env[variable];
  if (text === undefined || text === '') {
    throw new Failure('KEY_INVALID', `the environment variable ${variable}, which should hold a key, is empty`);
  }
  return { text: boundedText(Buffer.from(text), variable), name: `the key of ${variable}`, exposed: false };
}

/** STAVE_PASSWORD, then COSIGN_PASSWORD, either may be empty; then the question. Failure KEY_PASSWORD. */
export async function readPassword(name: string, { env, askPassword }: SecretSources): Promise<string> {
  const known = env['STAVE_PASSWORD'] ?? env['COSIGN_PASSWORD'];
  if (known !== undefined) return known;
  if (askPassword !== undefined) return await askPassword(`Password for ${name}: `);
  throw new Failure('KEY_PASSWORD', `${name} needs a password, and there is nobody to ask`, {
    hint: 'Set STAVE_PASSWORD or COSIGN_PASSWORD; an empty value is an empty password.',
  });
}

/** For a key that is being made: a question is asked twice, since nobody sees what they type. Failure KEY_PASSWORD. */
export async function readNewPassword(name: string, sources: SecretSources): Promise<string> {
  const { env, askPassword } = sources;
  const isAsked = env['STAVE_PASSWORD'] === undefined && env['COSIGN_PASSWORD'] === undefined;
  const password = await readPassword(name, sources);
  if (!isAsked || askPassword === undefined || (await askPassword('The same again: ')) === password) return password;
  throw new Failure('KEY_PASSWORD', 'the two passwords differ');
}

async function readSecretFile(reference: string, cwd: string): Promise<ReadSecret> {
  const path = resolve(cwd, reference);
  try {
    const handle = await open(path, 'r');
    try {
      const { mode } = await handle.stat();
      const buffer = Buffer.alloc(LIMITS.keyBytes + 1);
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      const text = boundedText(buffer.subarray(0, filled), reference);
      return { text, name: reference, exposed: (mode & OTHERS_READ) !== 0 };
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Failure('FILE_UNREADABLE', `cannot read ${reference}: ${code}`, { cause });
  }
}

function boundedText(bytes: Uint8Array, name: string): string {
  if (bytes.length <= LIMITS.keyBytes) return Buffer.from(bytes).toString('utf8');
  throw new Failure('KEY_INVALID', `${name} has more than ${LIMITS.keyBytes} bytes: that is no key`);
}
