// The diff_ids of layers, on a thread of their own: it reads and hashes the uncompressed bytes while this thread puts the
// compressed ones together, and while another layer is planned. One thread for all layers: a second one would only wait for
// the same two cores.
//
// The thread's program is the text of two functions, one of them in piece-hasher.ts: there is no file to find in a bundle or a
// one-file binary, nor under a test runner. They may therefore use nothing but their arguments.

import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import {
  type ChecksumEngine,
  checksum,
  checksumModule,
  checksumPages,
  checksumRoom,
  returnRoom,
} from '../../base/checksum.ts';
import type { Digest } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { type LayerPiece, PIECE_BYTES } from '../../planning/rootfs/layer-pieces.ts';
import { createHasher, type Hasher, type HashJob, jobOf } from './piece-hasher.ts';

/** Hashes the pieces of one layer in the order of the calls. */
export interface PieceHash {
  /** Checksum (base/checksum.ts) of the bytes of each piece so far, in order: they come in batches, some time after `add`. */
  readonly sums: readonly number[];
  /** Failure CACHE_UNUSABLE where a data tar is gone or cut, here or from the calls below. */
  add(piece: LayerPiece): void;
  /** Waits for the checksums of so many pieces, of those that were added. */
  hashed(count: number): Promise<void>;
  /** SHA-256 of all pieces; all of `sums` are there then. */
  finish(): Promise<Digest>;
  /** At the end, once, whether or not `finish` was reached. */
  close(): void;
}

/** Hashing fewer bytes takes 10 ms; starting a thread takes longer. */
const THREAD_PAYS_BYTES = 16 * 1024 * 1024;

/** Pieces go to the thread in batches of about so many bytes: a message costs as much as hashing 100 KB. */
const BATCH_BYTES = 4 * 1024 * 1024;
export const BATCH_PIECES = 32;

/** Where layers are hashed, at most one thread for all of them. */
export class PieceHashing {
  #thread: HashThread | undefined;
  #expectedBytes = 0;

  /** So many bytes more are to come. A thread takes 50 ms to start, which nobody waits for while packages are fetched. */
  expect(sizeBytes: number): void {
    this.#expectedBytes += sizeBytes;
    if (this.#expectedBytes >= THREAD_PAYS_BYTES) this.#thread ??= new HashThread();
  }

  /** Begins a layer. `dataTars`: by package index. `sizeBytes`: about how much there will be. */
  begin(dataTars: readonly string[], sizeBytes: number): PieceHash {
    if (sizeBytes < THREAD_PAYS_BYTES) return hashHere(dataTars);
    this.#thread ??= new HashThread();
    return this.#thread.begin(dataTars);
  }

  /** Ends the thread. */
  close(): void {
    this.#thread?.close();
    this.#thread = undefined;
  }
}

type Question =
  | { readonly layer: number; readonly dataTars: readonly string[] }
  | { readonly layer: number; readonly job: HashJob }
  | { readonly layer: number; readonly end: 'digest' | 'drop' };

type Answer = { readonly sums: readonly number[] } | { readonly digest: string } | { readonly trouble: string };

/** What the thread is started with: the checksum, and how much memory it is given. */
interface ThreadData {
  readonly module: WebAssembly.Module;
  readonly pages: number;
}

/** Uses nothing but its arguments: the thread itself. Every question but the first about a layer gets an answer. */
function answerQuestions(load: NodeJS.Require, create: typeof createHasher): void {
  const { parentPort, workerData } = load('node:worker_threads') as typeof import('node:worker_threads');
  const { module, pages } = workerData as ThreadData;
  const memory = new WebAssembly.Memory({ initial: pages });
  const engine = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as ChecksumEngine;
  const start = engine.ROOM.value;
  const room = {
    buffer: Buffer.from(memory.buffer, start),
    sum: (sizeBytes: number): number => {
      engine.begin();
      engine.add(start, sizeBytes);
      return engine.end() >>> 0;
    },
  };
  const layers = new Map<number, Hasher>();
  const answer = (question: Question): Answer => {
    const hasher = layers.get(question.layer) as Hasher;
    if ('job' in question) return { sums: hasher.add(question.job) };
    layers.delete(question.layer);
    return { digest: hasher.finish() };
  };
  parentPort?.on('message', (question: Question) => {
    if ('dataTars' in question) {
      layers.set(question.layer, create(load, question.dataTars, room));
      return;
    }
    try {
      parentPort.postMessage(answer(question));
    } catch (error) {
      parentPort.postMessage({ trouble: String((error as Error).message) });
    }
  });
}

function hashHere(dataTars: readonly string[]): PieceHash {
  const buffer = checksumRoom(PIECE_BYTES);
  const room = { buffer, sum: (sizeBytes: number) => checksum(buffer.subarray(0, sizeBytes)) };
  const hasher = createHasher(createRequire(import.meta.url), dataTars, room);
  const sums: number[] = [];
  return {
    sums,
    add: (piece) => {
      try {
        sums.push(...hasher.add(jobOf([piece])));
      } catch (error) {
        throw changed(String((error as Error).message));
      }
    },
    hashed: async () => {},
    finish: async () => `sha256:${hasher.finish()}`,
    close: () => {
      hasher.close();
      returnRoom(buffer);
    },
  };
}

class HashThread {
  readonly #worker = new Worker(`(${answerQuestions})(require, ${createHasher})`, {
    eval: true,
    execArgv: [],
    workerData: { module: checksumModule(), pages: checksumPages(PIECE_BYTES) } satisfies ThreadData,
    // It makes next to no garbage; the usual bounds would let it keep some 10 MB of it.
    resourceLimits: { maxYoungGenerationSizeMb: 2 },
  });
  readonly #waiting: PromiseWithReject<Answer>[] = [];
  #layers = 0;
  #open = 0;

  constructor() {
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => this.#waiting.shift()?.resolve(answer));
    this.#worker.on('error', (error) => {
      for (const one of this.#waiting.splice(0)) one.reject(error);
    });
  }

  begin(dataTars: readonly string[]): PieceHash {
    const layer = this.#layers++;
    if (this.#open++ === 0) this.#worker.ref();
    this.#worker.postMessage({ layer, dataTars } satisfies Question);
    const sums: number[] = [];
    /** When what was sent is hashed, in order. */
    const sent: Promise<void>[] = [];
    let hasFailed = false;
    let batch: LayerPiece[] = [];
    let batchBytes = 0;
    let added = 0;
    const hash = async (job: HashJob): Promise<void> => {
      const answer = await this.#ask({ layer, job }, [job.ranges.buffer]);
      hasFailed ||= !('sums' in answer);
      if (!('sums' in answer)) throw changed('trouble' in answer ? answer.trouble : '');
      // After a gap they would belong to other pieces.
      if (!hasFailed) for (const sum of answer.sums) sums.push(sum);
    };
    const flush = (): void => {
      if (batch.length === 0) return;
      const done = hash(jobOf(batch));
      done.catch(() => {}); // Reported where it is awaited.
      sent.push(done);
      batch = [];
      batchBytes = 0;
    };
    let isOpen = true;
    const end = async (how: 'digest' | 'drop'): Promise<Answer> => {
      isOpen = false;
      try {
        return await this.#ask({ layer, end: how }, []);
      } finally {
        // Nobody need wait for an idle thread at the end of the program.
        if (--this.#open === 0) this.#worker.unref();
      }
    };
    return {
      sums,
      add: (piece) => {
        batch.push(piece);
        batchBytes += piece.sizeBytes;
        added++;
        if (batchBytes >= BATCH_BYTES || batch.length === BATCH_PIECES) flush();
      },
      hashed: async (count) => {
        assert(count <= added, 'only pieces that were added are waited for');
        if (count > added - batch.length) flush();
        while (sums.length < count) {
          await sent[0];
          sent.shift();
        }
      },
      finish: async () => {
        flush();
        const answer = await end('digest');
        await Promise.all(sent);
        if ('digest' in answer) return `sha256:${answer.digest}`;
        throw changed('trouble' in answer ? answer.trouble : '');
      },
      close: () => {
        // Its files are let go of; nobody waits for that.
        if (isOpen) end('drop').catch(() => {});
      },
    };
  }

  close(): void {
    void this.#worker.terminate();
  }

  async #ask(question: Question, handedOver: readonly ArrayBufferLike[]): Promise<Answer> {
    const answer = new Promise<Answer>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#worker.postMessage(question, handedOver as ArrayBuffer[]);
    return await answer;
  }
}

interface PromiseWithReject<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

function changed(what: string): Failure {
  return new Failure('CACHE_UNUSABLE', `the cache was changed while it was in use: ${what}`, {
    hint: 'run the build again; what is missing is fetched anew',
  });
}
