// The checksum of what our own cache keeps, against damage: not against an attacker, and in no format of anybody else. The loop, and
// what it is worth, is in assembly/checksum.ts. Equal on every machine.

import { CHECKSUM_WASM } from './checksum-wasm.ts';

/** The exports of the module. `add` takes bytes from its memory, from `ROOM` on. */
export interface ChecksumEngine {
  readonly ROOM: { readonly value: number };
  begin(): void;
  add(at: number, sizeBytes: number): void;
  end(): number;
}

const PAGE_BYTES = 64 * 1024;

/** Bytes that lie somewhere else are copied, so many at a time. */
const COPY_BYTES = 60 * 1024;

let compiled: WebAssembly.Module | undefined;

/** The module, which a thread can be given: it wants its memory as `env.memory`. */
export function checksumModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(Buffer.from(CHECKSUM_WASM, 'base64'));
  return compiled;
}

/** Pages of memory with room for so many bytes. */
export function checksumPages(roomBytes: number): number {
  return Math.ceil(roomBytes / PAGE_BYTES) + 1;
}

/** Memory for one checksum at a time. */
class Summing {
  readonly room: Buffer;
  readonly #engine: ChecksumEngine;

  constructor(roomBytes: number) {
    const memory = new WebAssembly.Memory({ initial: checksumPages(roomBytes) });
    this.#engine = new WebAssembly.Instance(checksumModule(), { env: { memory } }).exports as unknown as ChecksumEngine;
    this.room = Buffer.from(memory.buffer, this.#engine.ROOM.value, roomBytes);
  }

  begin(): void {
    this.#engine.begin();
  }

  /** Of bytes in the room, or anywhere else: these are copied over what is in the room. */
  add(bytes: Uint8Array): void {
    if (bytes.buffer === this.room.buffer) {
      this.#engine.add(bytes.byteOffset, bytes.length);
      return;
    }
    for (let start = 0; start < bytes.length; start += this.room.length) {
      const part = bytes.subarray(start, start + this.room.length);
      this.room.set(part);
      this.#engine.add(this.room.byteOffset, part.length);
    }
  }

  end(): number {
    return this.#engine.end() >>> 0;
  }
}

const rooms = new WeakMap<ArrayBufferLike, Summing>();
/** Each memory takes gigabytes of addresses (not of memory), so that they are not left to the collector. */
const returned: Buffer[] = [];
let elsewhere: Summing | undefined;

/** Memory of which checksums are taken without copying it. To be returned by `returnRoom`. */
export function checksumRoom(sizeBytes: number): Buffer {
  const at = returned.findIndex((room) => room.length === sizeBytes);
  const [again] = at < 0 ? [] : returned.splice(at, 1);
  if (again !== undefined) return again;
  const summing = new Summing(sizeBytes);
  rooms.set(summing.room.buffer, summing);
  return summing.room;
}

/** Nobody uses the room any more. */
export function returnRoom(room: Buffer): void {
  returned.push(room);
}

/** 32 bits. */
export function checksum(bytes: Uint8Array): number {
  let summing = rooms.get(bytes.buffer);
  if (summing === undefined) {
    elsewhere ??= new Summing(COPY_BYTES);
    summing = elsewhere;
  }
  summing.begin();
  summing.add(bytes);
  return summing.end();
}

/** The checksum of bytes that come in parts, however they are cut. To be closed. */
export class RunningChecksum {
  readonly #room = checksumRoom(COPY_BYTES);
  readonly #summing = rooms.get(this.#room.buffer) as Summing;

  constructor() {
    this.begin();
  }

  close(): void {
    returnRoom(this.#room);
  }

  begin(): void {
    this.#summing.begin();
  }

  add(bytes: Uint8Array): void {
    this.#summing.add(bytes);
  }

  /** Of all since `begin`; more may follow. */
  get value(): number {
    return this.#summing.end();
  }
}
