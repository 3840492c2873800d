// The two ways to compress a layer piece by piece. Both have parts that were compressed apart and can be laid end to end in any
// combination: deflate parts in one gzip member (layer-and-oci.md 9), or zstd frames. The bytes of a part depend on its
// content, the level and the library inside Node only, and the library is part of `way`.

import * as zlib from 'node:zlib';
import { type Digest, sha256 } from '../../base/digest.ts';
import { assert, Failure } from '../../base/failure.ts';
import { GZIP_HEADER, JoinedMember } from '../../formats/gzip/joined-member.ts';
import { PieceDeflater } from '../../formats/gzip/piece-deflater.ts';
import { MEDIA_TYPE } from '../../formats/oci/descriptor.ts';
import { PIECE_BYTES } from '../../planning/rootfs/layer-pieces.ts';
import { DEFAULT_LEVEL, deflateOptions } from './compress-layer.ts';
import { deflateFingerprint, PROMISED_DEFLATE, probe } from './deflate-check.ts';

export interface Compression {
  readonly name: CompressionName;
  readonly level: number;
  /** Of the layers. */
  readonly mediaType: string;
  /** Everything besides its content that decides the bytes of a part. */
  readonly way: string;
  /** Parts may be blocks that publishers deflated. Who asks for a level of their own gets that level for everything. */
  readonly usesKept: boolean;
  /** Parts have the same bytes on every machine and every Node of ours; false where the library beneath is not the usual one. */
  readonly isPromised: boolean;
  /** Where the next part is to be put, 1 MiB at most. */
  input(sizeBytes: number): Uint8Array;
  /** What was put there; good until the next call. */
  compress(sizeBytes: number): Uint8Array;
  join(): Joining;
}

/** Takes note of the parts of one layer. */
export interface Joining {
  /** What stands before the first part. */
  readonly head: Uint8Array;
  /** CRC-32 and number of the next part's bytes before they were compressed. */
  add(crc: number, uncompressedBytes: number): void;
  /** What follows the last part. */
  end(): Uint8Array;
}

export type CompressionName = 'gzip' | 'zstd';

/** `level`: from 1, quick, to 9, small. Failure FEATURE_UNSUPPORTED where this Node has no zstd. */
export function openCompression(name: CompressionName, level = DEFAULT_LEVELS[name]): Compression {
  assert(Number.isInteger(level) && level >= 1 && level <= 9, `a compression level from 1 to 9, not ${level}`);
  return name === 'gzip' ? gzip(level) : zstd(level);
}

/** zstd's own default: 3 % smaller than gzip's. */
const DEFAULT_LEVELS: Readonly<Record<CompressionName, number>> = { gzip: DEFAULT_LEVEL, zstd: 3 };

function gzip(level: number): Compression {
  return {
    name: 'gzip',
    level,
    mediaType: MEDIA_TYPE.layerGzip,
    ...(level === DEFAULT_LEVEL ? ownDeflate() : zlibDeflate(level)),
    join: () => {
      const member = new JoinedMember();
      return { head: GZIP_HEADER, add: (crc, bytes) => member.add(crc, bytes), end: () => member.end() };
    },
  };
}

type Deflate = Pick<Compression, 'way' | 'usesKept' | 'isPromised' | 'input' | 'compress'>;

function ownDeflate(): Deflate {
  let made: PieceDeflater | undefined;
  const deflater = (): PieceDeflater => {
    made ??= new PieceDeflater();
    return made;
  };
  return {
    way: 'own deflate 1',
    usesKept: true,
    isPromised: true,
    input: (sizeBytes) => deflater().input(sizeBytes),
    compress: (sizeBytes) => deflater().deflate(sizeBytes),
  };
}

/** For parts of libraries that want them in memory of ours. */
function buffered(compress: (part: Uint8Array) => Uint8Array): Pick<Compression, 'input' | 'compress'> {
  let buffer: Buffer | undefined;
  const input = (sizeBytes: number): Uint8Array => {
    buffer ??= Buffer.allocUnsafeSlow(PIECE_BYTES);
    return buffer.subarray(0, sizeBytes);
  };
  return { input, compress: (sizeBytes) => compress(input(sizeBytes)) };
}

/**
 * On a stream of its own for each part, though making one costs as much as deflating 20 KB: a stream that is reset does not give the
 * same bytes. It hashes one byte behind the end of its input, which is what the part before left there, and it writes the mark
 * at the end twice where the first one just fills the chunk of output at hand.
 */
function zlibDeflate(level: number): Deflate {
  const fingerprint = deflateFingerprint();
  const options = deflateOptions(level);
  return {
    way: `${fingerprint} level ${level}`,
    usesKept: false,
    isPromised: fingerprint === PROMISED_DEFLATE,
    ...buffered((part) => zlib.deflateRawSync(part, options)),
  };
}

/** Node's zstd, which not every version has: none of it is in the types of the oldest that we run on. */
interface Zstd {
  readonly constants: Readonly<Record<string, number>>;
  zstdCompressSync(bytes: Uint8Array, options: object): Uint8Array;
}

function zstd(level: number): Compression {
  if (!('zstdCompressSync' in zlib)) {
    throw new Failure('FEATURE_UNSUPPORTED', `this Node (${process.versions.node}) cannot compress with zstd`, {
      hint: 'use Node 22.15 or newer, or leave out --compression: gzip works everywhere',
    });
  }
  const { constants, zstdCompressSync } = zlib as unknown as Zstd;
  const parameter = (key: string): number => constants[key] as number;
  // A frame tells its size, and has a checksum of its content: what is damaged on the way is noticed when it is unpacked.
  const options = {
    params: {
      [parameter('ZSTD_c_compressionLevel')]: level,
      [parameter('ZSTD_c_checksumFlag')]: 1,
      [parameter('ZSTD_c_contentSizeFlag')]: 1,
    },
  };
  const fingerprint: Digest = sha256(zstdCompressSync(probe(), options));
  return {
    name: 'zstd',
    level,
    mediaType: MEDIA_TYPE.layerZstd,
    way: `zstd ${fingerprint} level ${level}`,
    usesKept: false,
    isPromised: false,
    ...buffered((part) => zstdCompressSync(part, options)),
    join: () => ({ head: NOTHING, add: () => {}, end: () => NOTHING }),
  };
}

const NOTHING = new Uint8Array(0);
