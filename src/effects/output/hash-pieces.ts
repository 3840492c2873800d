// The diff_id of a layer, on a thread of its own: it reads and hashes the uncompressed bytes while this thread puts the
// compressed ones together, and while another layer is planned. Measured on 2 x 270 MB: a warm build takes
// 1.12 s instead of 1.39.
//
// The thread's program is the text of functions below: there is no file to find in a bundle or a one-file binary, nor under
// a test runner. They may therefore use nothing but their arguments.

import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { type LayerPiece, PIECE_BYTES } from '../../planning/rootfs/layer-pieces.ts';

/** Hashes pieces in the order of the calls. */
export interface PieceHash {
  /** CRC-32 of the piece's uncompressed bytes. Failure CACHE_UNUSABLE where a data tar is gone or cut. */
  add(piece: LayerPiece): Promise<number>;
  /** SHA-256 of all pieces. */
  finish(): Promise<Digest>;
  /** Needed where `finish` is not reached. */
  close(): void;
}

/** Hashing fewer bytes takes 10 ms; starting a thread takes longer. */
const THREAD_PAYS_BYTES = 16 * 1024 * 1024;

/** `dataTars`: by package index. `sizeBytes`: about how much there will be. */
export function hashPieces(dataTars: readonly string[], sizeBytes: number): PieceHash {
  return sizeBytes < THREAD_PAYS_BYTES ? hashHere(dataTars) : hashOnThread(dataTars);
}

/** A piece in the form that costs least to send: its inline bytes in one buffer, and where they go among the ranges. */
interface HashJob {
  readonly inline: Uint8Array;
  /** Triples: package index, or -1 for the next inline bytes; offset; size. */
  readonly ranges: Float64Array;
}

type Answer = { readonly crc: number } | { readonly digest: string } | { readonly trouble: string };

interface Hasher {
  add(job: HashJob): number;
  finish(): string;
  close(): void;
}

/** Uses nothing but its arguments: its text runs on the thread. */
function createHasher(load: NodeJS.Require, dataTars: readonly string[], bufferBytes: number): Hasher {
  const { openSync, readSync, closeSync } = load('node:fs') as typeof import('node:fs');
  const { createHash } = load('node:crypto') as typeof import('node:crypto');
  const { crc32 } = load('node:zlib') as typeof import('node:zlib');
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  const hash = createHash('sha256');
  const open = new Map<number, number>();
  const close = () => {
    for (const file of open.values()) closeSync(file);
    open.clear();
  };
  const fileOf = (index: number): number => {
    const known = open.get(index);
    if (known !== undefined) return known;
    if (open.size >= 64) close(); // Seldom: neighbours in a layer come from few packages.
    const file = openSync(dataTars[index] as string, 'r');
    open.set(index, file);
    return file;
  };
  return {
    add({ inline, ranges }) {
      let filled = 0;
      let inlined = 0;
      for (let i = 0; i < ranges.length; i += 3) {
        const [index, offset, size] = ranges.subarray(i, i + 3) as unknown as [number, number, number];
        if (index < 0) {
          buffer.set(inline.subarray(inlined, inlined + size), filled);
          inlined += size;
        } else {
          for (let done = 0; done < size; ) {
            const got = readSync(fileOf(index), buffer, filled + done, size - done, offset + done);
            if (got === 0) throw new Error(`${dataTars[index]} ends too early`);
            done += got;
          }
        }
        filled += size;
      }
      const bytes = buffer.subarray(0, filled);
      hash.update(bytes);
      return crc32(bytes);
    },
    finish() {
      close();
      return hash.digest('hex');
    },
    close,
  };
}

/** Uses nothing but its arguments, too: the thread itself. `undefined` as a job asks for the digest. */
function answerJobs(load: NodeJS.Require, create: typeof createHasher): void {
  const { parentPort, workerData } = load('node:worker_threads') as typeof import('node:worker_threads');
  const hasher = create(load, workerData.dataTars, workerData.bufferBytes);
  parentPort?.on('message', (job: HashJob | undefined) => {
    let answer: Answer;
    try {
      answer = job === undefined ? { digest: hasher.finish() } : { crc: hasher.add(job) };
    } catch (error) {
      answer = { trouble: String((error as Error).message) };
    }
    parentPort?.postMessage(answer);
    if (job === undefined) parentPort?.close();
  });
}

function hashHere(dataTars: readonly string[]): PieceHash {
  const hasher = createHasher(createRequire(import.meta.url), dataTars, PIECE_BYTES);
  return {
    async add(piece) {
      try {
        return hasher.add(jobOf(piece));
      } catch (error) {
        throw changed(String((error as Error).message));
      }
    },
    finish: async () => `sha256:${hasher.finish()}`,
    close: () => hasher.close(),
  };
}

function hashOnThread(dataTars: readonly string[]): PieceHash {
  const worker = new Worker(`(${answerJobs})(require, ${createHasher})`, {
    eval: true,
    execArgv: [],
    workerData: { dataTars, bufferBytes: PIECE_BYTES },
    // It makes next to no garbage; the usual bounds would let each thread keep some 10 MB of it.
    resourceLimits: { maxYoungGenerationSizeMb: 2 },
  });
  const waiting: { resolve(answer: Answer): void; reject(error: unknown): void }[] = [];
  worker.on('message', (answer: Answer) => waiting.shift()?.resolve(answer));
  worker.on('error', (error) => {
    for (const one of waiting.splice(0)) one.reject(error);
  });
  const ask = async (job: HashJob | undefined): Promise<Answer> => {
    const answer = new Promise<Answer>((resolve, reject) => waiting.push({ resolve, reject }));
    worker.postMessage(
      job,
      job === undefined ? [] : [job.inline.buffer as ArrayBuffer, job.ranges.buffer as ArrayBuffer],
    );
    return await answer;
  };
  return {
    async add(piece) {
      const answer = await ask(jobOf(piece));
      if ('crc' in answer) return answer.crc;
      throw changed('trouble' in answer ? answer.trouble : '');
    },
    async finish() {
      const answer = await ask(undefined);
      if ('digest' in answer) return `sha256:${answer.digest}`;
      throw changed('trouble' in answer ? answer.trouble : '');
    },
    close: () => void worker.terminate(),
  };
}

function jobOf({ parts }: LayerPiece): HashJob {
  const inline = parts.filter((part) => part instanceof Uint8Array);
  const ranges = parts.map((part) =>
    part instanceof Uint8Array ? [-1, 0, part.length] : [part.file.packageIndex, part.offset, part.size],
  );
  // A new buffer that holds nothing else: it is handed over whole.
  const joined = new Uint8Array(inline.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of inline) {
    joined.set(part, filled);
    filled += part.length;
  }
  return { inline: joined, ranges: Float64Array.from(ranges.flat()) };
}

function changed(what: string): Failure {
  return new Failure('CACHE_UNUSABLE', `the cache was changed while it was in use: ${what}`, {
    hint: 'run the build again; what is missing is fetched anew',
  });
}
