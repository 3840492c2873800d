// Where zstd frames end in a stream (RFC 8878, 3.1): by their block headers alone, nothing is unpacked. Layers may be many
// frames end to end, and Node's own unpacker forgets what follows a frame in the same chunk. Damage is left to who unpacks.

/** Of a data frame, little endian. */
export const ZSTD_MAGIC = 0xfd2fb528;

/** The low four bits of a skippable frame's magic are free. */
const SKIPPABLE_MAGIC = 0x184d2a50;

const RLE_BLOCK = 1;

type State = 'magic' | 'skippable' | 'descriptor' | 'header' | 'block' | 'content' | 'checksum';

/** Follows a stream from its first byte. */
export class ZstdFrames {
  #state: State = 'magic';
  /** Bytes still to come in this state. */
  #left = 4;
  /** Little-endian value of the bytes of this state so far, where they are at most four. */
  #value = 0;
  #shift = 0;
  #hasChecksum = false;
  #isLastBlock = false;

  /** The same bytes, cut so that no part goes beyond the end of a frame. */
  *cut(chunk: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    for (let at = 0; at < chunk.length; ) {
      const isCounted = this.#state === 'header' || this.#state === 'content' || this.#state === 'checksum';
      const step = isCounted ? Math.min(this.#left, chunk.length - at) : 1;
      if (!isCounted) {
        this.#value += (chunk[at] as number) * 2 ** this.#shift;
        this.#shift += 8;
      }
      at += step;
      this.#left -= step;
      if (this.#left > 0 || !this.#proceed()) continue;
      yield chunk.subarray(start, at);
      start = at;
    }
    if (start < chunk.length) yield chunk.subarray(start);
  }

  /** Goes on to the next state that has bytes; true at the end of a frame. */
  #proceed(): boolean {
    const value = this.#value;
    switch (this.#state) {
      case 'magic':
        // Anything else is damage: whoever unpacks will say so.
        return (value & ~0xf) === SKIPPABLE_MAGIC ? this.#enter('skippable', 4) : this.#enter('descriptor', 1);
      case 'skippable':
        return value === 0 ? this.#end() : this.#enterChecksum(value);
      case 'descriptor':
        this.#hasChecksum = (value & 4) !== 0;
        return this.#enterOr('header', headerBytes(value), () => this.#enter('block', 3));
      case 'header':
        return this.#enter('block', 3);
      case 'block': {
        this.#isLastBlock = (value & 1) === 1;
        const size = ((value >> 1) & 3) === RLE_BLOCK ? 1 : value >> 3;
        return this.#enterOr('content', size, () => this.#afterBlock());
      }
      case 'content':
        return this.#afterBlock();
      case 'checksum':
        return this.#end();
    }
  }

  #enter(state: State, bytes: number): false {
    this.#state = state;
    this.#left = bytes;
    this.#value = 0;
    this.#shift = 0;
    return false;
  }

  /** What a skippable frame holds passes by like a checksum: nothing follows it. */
  #enterChecksum(bytes: number): false {
    return this.#enter('checksum', bytes);
  }

  #enterOr(state: State, bytes: number, otherwise: () => boolean): boolean {
    return bytes === 0 ? otherwise() : this.#enter(state, bytes);
  }

  #afterBlock(): boolean {
    if (!this.#isLastBlock) return this.#enter('block', 3);
    return this.#hasChecksum ? this.#enterChecksum(4) : this.#end();
  }

  #end(): true {
    this.#enter('magic', 4);
    return true;
  }
}

/** Of a frame header, its descriptor not counted: window, dictionary, content size. */
function headerBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] as number;
  const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  return (isSingleSegment ? 0 : 1) + dictionary + contentSize;
}
