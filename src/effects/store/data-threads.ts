// Reads the data members of large packages on threads, as many as there are cores: inflating, hashing and writing them is most
// of what a build with an empty cache does, and the main thread has the rest of it to do. The bytes are those of
// DataMemberReader, which is what runs there. Where the thread's program is not beside us (sources that run as they
// are, bundles of one file) the caller reads by itself.

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Failure } from '../../base/failure.ts';
import type { FailureCode } from '../../base/failure-codes.ts';
import type { DataMember, DataMemberFiles } from './data-member.ts';

/** What a thread is started with. */
export interface ThreadStart {
  /** Memory of both sides: chunks lie in it. New memory for each would wait for the collector, 64 MB of it on each side. */
  readonly buffers: readonly SharedArrayBuffer[];
}

/** Questions about one data member have its `id`, and each gets one answer, in order. */
export type ThreadQuestion =
  | { readonly id: number; readonly files: DataMemberFiles; readonly maxBytes: number }
  | { readonly id: number; readonly buffer: number; readonly sizeBytes: number }
  | { readonly id: number; readonly end: 'finish' | 'drop' };

export interface ThreadAnswer {
  readonly id: number;
  readonly member?: Omit<DataMember, 'trouble'>;
  readonly trouble?: ThreadTrouble;
}

/** An exception in a form that can be sent. */
export type ThreadTrouble =
  | {
      readonly failure: {
        readonly code: FailureCode;
        readonly message: string;
        readonly hint?: string;
        readonly notes: readonly string[];
        readonly data: unknown;
      };
    }
  | { readonly error: { readonly message: string; readonly code?: string; readonly syscall?: string } };

/** More would wait for memory and the disk. */
const MOST_THREADS = 4;

/** At once on one thread: each takes 2 MiB, and one that waits for the network should not hold up the others. */
const MEMBERS_PER_THREAD = 3;

/** For each member: one is filled while the other is read. */
const BUFFERS_PER_MEMBER = 2;
const BUFFER_BYTES = 128 * 1024;

/** An idle thread ends, too, where nobody says that it may. */
const IDLE_MS = 50;

interface Waiting {
  resolve(answer: ThreadAnswer): void;
  reject(error: unknown): void;
}

interface Thread {
  readonly worker: Worker;
  readonly buffers: readonly SharedArrayBuffer[];
  /** Indexes of those that no member has. */
  readonly free: number[];
  readonly waiting: Map<number, Waiting[]>;
  members: number;
  /** It died, and answers nothing any more. */
  death: Error | undefined;
  idle: NodeJS.Timeout | undefined;
}

const program = fileURLToPath(new URL('../effects/store/data-thread.cjs', import.meta.url));
let isThere: boolean | undefined;
const threads: Thread[] = [];
const queue: (() => void)[] = [];
let nextId = 0;

export function haveDataThreads(): boolean {
  isThere ??= availableParallelism() > 1 && existsSync(program);
  return isThere;
}

/** No more large packages are to come: what comes after them needs the memory of the threads. */
export function endIdleDataThreads(): void {
  for (const thread of [...threads]) if (thread.members === 0) end(thread);
}

/** Reads `first` and then `chunks` to their end. What the reader throws is thrown, and what `chunks` throws. */
export async function readOnThread(
  files: DataMemberFiles,
  maxBytes: number,
  first: readonly Uint8Array[],
  chunks: AsyncIterator<Uint8Array>,
): Promise<DataMember> {
  const thread = await takeThread();
  const id = nextId++;
  const buffers = thread.free.splice(0, BUFFERS_PER_MEMBER);
  const underWay: Promise<ThreadAnswer>[] = [];
  let sent = 0;
  const send = async (chunk: Uint8Array): Promise<void> => {
    for (let at = 0; at < chunk.length; at += BUFFER_BYTES) {
      if (underWay.length === BUFFERS_PER_MEMBER) throwTrouble(await (underWay.shift() as Promise<ThreadAnswer>));
      const buffer = buffers[sent++ % BUFFERS_PER_MEMBER] as number;
      const part = chunk.subarray(at, at + BUFFER_BYTES);
      new Uint8Array(thread.buffers[buffer] as SharedArrayBuffer).set(part);
      const answer = ask(thread, { id, buffer, sizeBytes: part.length });
      answer.catch(() => {}); // Thrown where it is awaited.
      underWay.push(answer);
    }
  };
  let isOver = false;
  try {
    throwTrouble(await ask(thread, { id, files, maxBytes }));
    for (const chunk of first) await send(chunk);
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) await send(next.value);
    for (const one of underWay) throwTrouble(await one);
    const { member, trouble } = await ask(thread, { id, end: 'finish' });
    isOver = true;
    if (member === undefined) throw trouble === undefined ? new Error('a thread lost its work') : exceptionOf(trouble);
    const failure = trouble && exceptionOf(trouble);
    return { ...member, trouble: failure instanceof Failure ? failure : undefined };
  } finally {
    if (!isOver) await ask(thread, { id, end: 'drop' }).catch(() => {});
    giveBack(thread, id, buffers);
  }
}

/** A thread with room for one more member. */
async function takeThread(): Promise<Thread> {
  for (;;) {
    const least = threads.reduce<Thread | undefined>((a, b) => (a && a.members <= b.members ? a : b), undefined);
    const most = Math.min(MOST_THREADS, availableParallelism());
    if (threads.length < most && (least === undefined || least.members > 0)) threads.push(newThread());
    else if (least !== undefined && least.members < MEMBERS_PER_THREAD) {
      least.members++;
      clearTimeout(least.idle);
      least.worker.ref();
      return least;
    } else await new Promise<void>((resolve) => queue.push(resolve));
  }
}

function giveBack(thread: Thread, id: number, buffers: readonly number[]): void {
  thread.waiting.delete(id);
  thread.free.push(...buffers);
  thread.members--;
  if (thread.members === 0) {
    thread.idle = setTimeout(() => end(thread), IDLE_MS).unref();
    thread.worker.unref();
  }
  queue.shift()?.();
}

function newThread(): Thread {
  // It makes little garbage that lasts; the usual bounds would let each keep some 10 MB of it.
  const buffers = Array.from(
    { length: MEMBERS_PER_THREAD * BUFFERS_PER_MEMBER },
    () => new SharedArrayBuffer(BUFFER_BYTES),
  );
  const worker = new Worker(program, {
    execArgv: [],
    workerData: { buffers } satisfies ThreadStart,
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });
  const thread: Thread = {
    worker,
    buffers,
    free: [...buffers.keys()],
    waiting: new Map(),
    members: 0,
    death: undefined,
    idle: undefined,
  };
  worker.on('message', (answer: ThreadAnswer) => thread.waiting.get(answer.id)?.shift()?.resolve(answer));
  worker.on('error', (error) => {
    thread.death = error;
    end(thread);
    for (const one of [...thread.waiting.values()].flat()) one.reject(error);
  });
  return thread;
}

function end(thread: Thread): void {
  clearTimeout(thread.idle);
  const at = threads.indexOf(thread);
  if (at >= 0) threads.splice(at, 1);
  void thread.worker.terminate();
}

function ask(thread: Thread, question: ThreadQuestion): Promise<ThreadAnswer> {
  return new Promise((resolve, reject) => {
    if (thread.death !== undefined) {
      reject(thread.death);
      return;
    }
    const waiting = thread.waiting.get(question.id) ?? [];
    thread.waiting.set(question.id, [...waiting, { resolve, reject }]);
    thread.worker.postMessage(question);
  });
}

function throwTrouble({ trouble }: ThreadAnswer): void {
  if (trouble !== undefined) throw exceptionOf(trouble);
}

function exceptionOf(trouble: ThreadTrouble): Error {
  if ('error' in trouble) return Object.assign(new Error(trouble.error.message), trouble.error);
  const { code, message, ...details } = trouble.failure;
  return new Failure(code, message, details);
}
