// The program of the threads that make pieces (making.ts): one file of its own in the bundle.

import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { PieceStore } from '../store/piece-store.ts';
import { StoreFiles } from '../store/store-files.ts';
import { openCompression } from './compression.ts';
import { PieceMaker, type PieceToMake } from './make-piece.ts';
import type { MakeAnswer, MakeQuestion, MakeStart } from './making.ts';

const OPEN_FILES = 32;

const { place, name, level } = workerData as MakeStart;
const common = { compression: openCompression(name, level), cache: new PieceStore(new StoreFiles(place)) };
const layers = new Map<number, { readonly maker: PieceMaker; readonly files: DataTars }>();

parentPort?.on('message', (question: MakeQuestion) => {
  if ('drop' in question) {
    layers.get(question.drop)?.files.close();
    layers.delete(question.drop);
  } else if ('pieces' in question) {
    parentPort?.postMessage(question.pieces.map(({ layer, piece }) => make(layer, piece)) satisfies MakeAnswer);
  } else {
    const { layer, dataTars, fresh } = question;
    const files = new DataTars(dataTars);
    const isFresh = (index: number): boolean => fresh[index] === true;
    const readInto = (index: number, offset: number, into: Uint8Array): void => files.readInto(index, offset, into);
    layers.set(layer, { maker: new PieceMaker({ ...common, readInto, isFresh }), files });
  }
});

/** What is wrong where it fails, is said by whoever tries again. */
function make(layer: number, piece: PieceToMake): boolean {
  try {
    layers.get(layer)?.maker.make(piece);
    return layers.has(layer);
  } catch {
    return false;
  }
}

/** Of one layer: when a package is fetched again, its layer is begun again, and another file has the same path. */
class DataTars {
  readonly #paths: readonly string[];
  readonly #open = new Map<number, number>();

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  readInto(index: number, offset: number, into: Uint8Array): void {
    const file = this.#fileOf(index);
    for (let done = 0; done < into.length; ) {
      const got = readSync(file, into, done, into.length - done, offset + done);
      if (got === 0) throw new Error(`${this.#paths[index]} ends too early`);
      done += got;
    }
  }

  close(): void {
    for (const file of this.#open.values()) closeSync(file);
    this.#open.clear();
  }

  /** Neighbours in a layer come from few packages. */
  #fileOf(index: number): number {
    const known = this.#open.get(index);
    if (known !== undefined) return known;
    if (this.#open.size >= OPEN_FILES) this.close();
    const file = openSync(this.#paths[index] as string, 'r');
    this.#open.set(index, file);
    return file;
  }
}
