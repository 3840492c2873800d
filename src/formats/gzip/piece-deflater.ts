// Deflates pieces of layers (RFC 1951), each alone and ending on a byte border without ending the stream, so that they can be laid
// end to end. The loop is assembly/deflate-piece.ts. The bytes depend on the piece alone.

import { DEFLATE_PIECE_WASM } from './deflate-piece-wasm.ts';

/** The exports of the module. */
interface Engine {
  readonly memory: WebAssembly.Memory;
  readonly INPUT: { readonly value: number };
  readonly OUTPUT: { readonly value: number };
  deflate(sizeBytes: number): number;
}

let compiled: WebAssembly.Module | undefined;

/** Takes 2.9 MiB. */
export class PieceDeflater {
  readonly #engine: Engine;
  readonly #memory: Uint8Array;

  constructor() {
    compiled ??= new WebAssembly.Module(Buffer.from(DEFLATE_PIECE_WASM, 'base64'));
    this.#engine = new WebAssembly.Instance(compiled).exports as unknown as Engine;
    this.#memory = new Uint8Array(this.#engine.memory.buffer);
  }

  /** Where `sizeBytes` of a piece, 1 MiB at most, are to be put for `deflate`. */
  input(sizeBytes: number): Uint8Array {
    const start = this.#engine.INPUT.value;
    return this.#memory.subarray(start, start + sizeBytes);
  }

  /** Of what was put at `input`; a view that is good until the next call. */
  deflate(sizeBytes: number): Uint8Array {
    const start = this.#engine.OUTPUT.value;
    return this.#memory.subarray(start, start + this.#engine.deflate(sizeBytes));
  }
}
