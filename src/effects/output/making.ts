// Where the pieces of layers are made (make-piece.ts): on threads, as many as there are cores, since compressing them is half of what a
// build with an empty cache does. A few pieces, and sources that run as they are, are made in place.

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { assert } from '../../base/failure.ts';
import type { LayerPiece } from '../../planning/rootfs/layer-pieces.ts';
import type { StorePlace } from '../store/store-files.ts';
import type { Compression, CompressionName } from './compression.ts';
import { damagedParts, PieceMaker, type PieceMaking, type PieceToMake } from './make-piece.ts';
import type { PieceCache } from './piece-cache.ts';

/** What a thread is started with. */
export interface MakeStart {
  readonly place: StorePlace;
  readonly name: CompressionName;
  readonly level: number;
}

/** A layer is begun, gets pieces, and is dropped; several layers may be under way. */
export type MakeQuestion =
  | { readonly layer: number; readonly dataTars: readonly string[]; readonly fresh: readonly boolean[] }
  | { readonly pieces: readonly { readonly layer: number; readonly piece: PieceToMake }[] }
  | { readonly drop: number };

/** To a question about pieces, in order: whether each is in the cache now. */
export type MakeAnswer = readonly boolean[];

/** Of one layer. */
export interface LayerMaking extends Pick<PieceMaking, 'readInto' | 'isFresh'> {
  /** Paths of the packages' data tars, by package index. */
  readonly dataTars: readonly string[];
}

export interface PiecesMaker {
  /** Puts the piece into the cache. Failures of PieceMaker. */
  make(piece: LayerPiece): Promise<void>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

/** Making so much takes 80 ms. A thread takes 60 ms of CPU and 14 MB, and most warm builds make less. */
const THREAD_PAYS_BYTES = 10 * 1024 * 1024;

/** One core has the planning and hashing to do: on two cores a second thread is no quicker, and takes 14 MB. */
const THREADS = Math.min(4, availableParallelism() - 1);

/** One batch is made, and others are there already, for 40 ms in which nobody hands out more. A message costs as much as deflating 10 KB. */
const BATCHES_PER_THREAD = 6;
const BATCH_PIECES = 8;

/** In longer builds nobody waits for long, and what it takes to make pieces in one more place is 3 MB. */
const HELP_PAYS_BYTES = 256 * 1024 * 1024;

const BATCH_BYTES = 1024 * 1024;

interface Job {
  readonly layer: number;
  readonly piece: PieceToMake;
  /** What tells a thread about the layer. */
  readonly start: MakeQuestion;
  /** Makes it in place. */
  make(): void;
  resolve(isMade: boolean): void;
  reject(error: unknown): void;
}

/** The making of pieces for one cache. */
export class Making {
  readonly #cache: PieceCache;
  readonly #compression: Compression;
  readonly #threads: MakeThread[] = [];
  readonly #queue: Job[] = [];
  #layers = 0;
  #madeBytes = 0;
  #expectedBytes = 0;

  constructor(cache: PieceCache, compression: Compression) {
    this.#cache = cache;
    this.#compression = compression;
  }

  /** So many bytes more are to come, of which a third or so have to be made: a thread starts while they are planned. */
  expect(sizeBytes: number): void {
    this.#expectedBytes += sizeBytes;
    if (this.#threadPays(sizeBytes / 3) && this.#threads.length === 0) this.#addThread();
  }

  begin({ dataTars, readInto, isFresh }: LayerMaking): PiecesMaker {
    const layer = this.#layers++;
    const start = { layer, dataTars, fresh: dataTars.map((_, index) => isFresh?.(index) === true) };
    const making = { readInto, compression: this.#compression, cache: this.#cache, ...(isFresh && { isFresh }) };
    const here = new PieceMaker(making);
    const underWay = new Set<Promise<boolean>>();
    let isOpen = true;
    return {
      make: async (piece) => {
        if (piece.kept !== undefined) throw damagedParts(piece);
        if (this.#threadPays(piece.sizeBytes)) {
          const made = new Promise<boolean>((resolve, reject) => {
            this.#queue.push({ layer, piece, start, make: () => here.make(piece), resolve, reject });
          });
          underWay.add(made);
          this.#handOut();
          if (await made.finally(() => underWay.delete(made))) return;
        }
        assert(isOpen, 'no piece is made for a layer that nobody waits for');
        // What failed on a thread fails here, too, and says what is wrong.
        here.make(piece);
      },
      close: async () => {
        isOpen = false;
        for (const job of this.#queue.splice(0)) {
          if (job.layer === layer) job.resolve(false);
          else this.#queue.push(job);
        }
        await Promise.allSettled(underWay);
        for (const thread of this.#threads) thread.drop(layer);
      },
    };
  }

  /** Makes a piece that no thread has begun, for somebody who would have to wait otherwise; false where it does not. */
  help(): boolean {
    const job = this.#expectedBytes > HELP_PAYS_BYTES ? undefined : this.#queue.pop();
    if (job === undefined) return false;
    try {
      job.make();
      job.resolve(true);
    } catch (error) {
      job.reject(error);
    }
    return true;
  }

  /** Ends the threads. */
  close(): void {
    for (const thread of this.#threads.splice(0)) thread.close();
  }

  #threadPays(sizeBytes: number): boolean {
    this.#madeBytes += sizeBytes;
    const isPossible = this.#cache.place !== undefined && THREADS > 0;
    return isPossible && this.#madeBytes > THREAD_PAYS_BYTES && existsSync(PROGRAM);
  }

  #addThread(): MakeThread {
    const { name, level } = this.#compression;
    const thread = new MakeThread({ place: this.#cache.place as StorePlace, name, level }, () => this.#handOut());
    this.#threads.push(thread);
    return thread;
  }

  #handOut(): void {
    while (this.#queue.length > 0) {
      let least = this.#threads.reduce<MakeThread | undefined>(
        (a, b) => (a !== undefined && a.batches <= b.batches ? a : b),
        undefined,
      );
      if ((least === undefined || least.batches > 0) && this.#threads.length < THREADS) {
        least = this.#addThread();
      }
      if (least === undefined || least.batches === BATCHES_PER_THREAD) return;
      const batch: Job[] = [];
      for (let bytes = 0; batch.length < BATCH_PIECES && bytes < BATCH_BYTES; ) {
        const job = this.#queue.shift();
        if (job === undefined) break;
        batch.push(job);
        bytes += job.piece.sizeBytes;
      }
      least.make(batch);
    }
  }
}

const PROGRAM = fileURLToPath(new URL('../effects/output/making-thread.cjs', import.meta.url));

class MakeThread {
  readonly #worker: Worker;
  /** In the order of the questions. */
  readonly #waiting: (readonly Job[])[] = [];
  /** Layers that it knows. */
  readonly #layers = new Set<number>();
  #death: Error | undefined;

  /** `ready`: it could take a batch. */
  constructor(start: MakeStart, ready: () => void) {
    this.#worker = new Worker(PROGRAM, {
      execArgv: [],
      workerData: start,
      // It makes little garbage that lasts; the usual bounds would let it keep some 10 MB of it.
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    });
    // Whoever waits for an answer keeps the program running.
    this.#worker.unref();
    this.#worker.on('message', (answer: MakeAnswer) => {
      const batch = this.#waiting.shift() ?? [];
      if (this.#waiting.length === 0) this.#worker.unref();
      ready();
      for (const [i, job] of batch.entries()) job.resolve(answer[i] === true);
    });
    this.#worker.on('error', (error) => {
      this.#death = error;
      for (const job of this.#waiting.splice(0).flat()) job.reject(error);
      ready();
    });
  }

  /** On their way. */
  get batches(): number {
    return this.#waiting.length;
  }

  make(batch: readonly Job[]): void {
    if (this.#death !== undefined) {
      for (const job of batch) job.reject(this.#death);
      return;
    }
    for (const { layer, start } of batch) {
      if (!this.#layers.has(layer)) this.#tell(start);
      this.#layers.add(layer);
    }
    // Inline bytes are copied: they lie in memory with those of other pieces.
    const pieces = batch.map(({ layer, piece: { key, sizeBytes, inline, parts } }) => {
      return { layer, piece: { key, sizeBytes, inline: Uint8Array.from(inline), parts } };
    });
    this.#waiting.push(batch);
    this.#worker.ref();
    this.#tell(
      { pieces },
      pieces.map(({ piece }) => piece.inline.buffer),
    );
  }

  drop(layer: number): void {
    if (this.#layers.delete(layer)) this.#tell({ drop: layer });
  }

  close(): void {
    void this.#worker.terminate();
  }

  #tell(question: MakeQuestion, handedOver: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(question, handedOver);
  }
}
