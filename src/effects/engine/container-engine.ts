// docker or podman on this machine, which take images as an archive on their standard input. Run without a shell.
// Nothing else of stave needs them: who has none gets a Failure that says what to do instead.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { Failure } from '../../base/failure.ts';
import type { ByteSink } from '../output/atomic-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface ContainerEngine {
  /** `docker` or `podman`. */
  readonly name: string;
  /** Loads the archive that `produce` writes. Failure ENGINE_FAILED; what `produce` throws passes. */
  load(produce: (write: ByteSink) => Promise<void>): Promise<void>;
}

/** In this order: who has both mostly uses docker, and whoever has podman alone has no docker. */
const ENGINES = ['docker', 'podman'] as const;
/** A daemon that is just being started may take a while; one that hangs must not stop us for ever. */
const VERSION_TIMEOUT_MS = 20_000;
const SHOWN_CHARACTERS = 300;

/** The first engine that answers. Failure FEATURE_UNSUPPORTED where none does, with what each one said. */
export async function findContainerEngine(environment: Environment): Promise<ContainerEngine> {
  const notes: string[] = [];
  for (const name of ENGINES) {
    const trouble = await troubleOf(name, environment);
    if (trouble === undefined) return { name, load: (produce) => load(name, environment, produce) };
    notes.push(`${name}: ${trouble}`);
  }
  throw new Failure('FEATURE_UNSUPPORTED', 'there is no docker or podman here that could take the image', {
    hint: 'start one of them, or write an archive (stave pull REF image.tar) and load that where one is',
    notes,
  });
}

/** undefined when the engine, and the daemon behind it, answer. */
async function troubleOf(name: string, environment: Environment): Promise<string | undefined> {
  const child = start(name, ['version'], environment);
  const timer = setTimeout(() => child.kill('SIGKILL'), VERSION_TIMEOUT_MS);
  child.stdin.end();
  try {
    const { code, text } = await ended(child);
    return code === 0 ? undefined : text || `"${name} version" failed`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'not installed (or not in PATH)' : `cannot be started: ${code}`;
  } finally {
    clearTimeout(timer);
  }
}

async function load(
  name: string,
  environment: Environment,
  produce: (write: ByteSink) => Promise<void>,
): Promise<void> {
  const child = start(name, ['load'], environment);
  const done = ended(child);
  done.catch(() => {}); // Reported below.
  let gone = false;
  const leaving = done.then(
    () => {
      gone = true;
    },
    () => {
      gone = true;
    },
  );
  const write: ByteSink = async (chunk) => {
    if (gone || child.stdin.destroyed) throw new EngineLeft();
    // Callers use their buffers again: wait until the bytes are out.
    const out = new Promise<void>((resolve) => child.stdin.write(chunk, () => resolve()));
    await Promise.race([out, leaving]);
  };
  try {
    await produce(write);
    child.stdin.end();
  } catch (error) {
    if (!(error instanceof EngineLeft)) {
      // Half an archive must not be taken for a whole one.
      child.kill('SIGKILL');
      throw error;
    }
  }
  const { code, text } = await done;
  if (code === 0) return;
  throw new Failure('ENGINE_FAILED', `${name} does not take the image`, {
    notes: text === '' ? [] : [text],
    hint: `"${name} info" tells whether it works at all`,
  });
}

/** The engine ended before it had the whole archive: its last words say why. */
class EngineLeft extends Error {}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

function start(name: string, args: readonly string[], environment: Environment): Child {
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined));
  const child = spawn(name, args, { env, stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true });
  // A program that ends without reading breaks the pipe; its status says what happened.
  child.stdin.on('error', () => {});
  return child;
}

/** The status, and the last line of what it complained about. Throws where it cannot be started. */
async function ended(child: Child): Promise<{ readonly code: number | null; readonly text: string }> {
  let complaint = '';
  child.stdout.resume();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-SHOWN_CHARACTERS);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const lines = complaint.split('\n').map((line) => line.trim());
  return { code, text: lines.filter((line) => line !== '').at(-1) ?? '' };
}
