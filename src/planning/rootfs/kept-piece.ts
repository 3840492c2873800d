// A stretch of a packaged file that need not be deflated, since its publisher did it (layer-and-oci.md 9, "Compression").
//
// The data of an apk package is one gzip stream, so a large file lies in it as a row of deflate blocks. A match reaches at most
// 32 KiB back. So a block that begins 32 KiB or more behind the beginning of its file, and ends within the file, refers to nothing
// but that file, and means the same bytes wherever the file's bytes before it are the same: in a layer, too.

/** How far into a file a block must begin. */
export const WINDOW_BYTES = 32 * 1024;

/** Whole blocks of one file, one after the other; at most PIECE_BYTES of content. */
export interface KeptPiece {
  /** Of its content in the data tar. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** CRC-32 of the content. */
  readonly crc: number;
  /** Our own checksum of the content. */
  readonly sum: number;
  /** Where the blocks lie among the package's kept ones. They end on a byte border without ending the stream. */
  readonly at: number;
  readonly deflatedBytes: number;
  /** Our own checksum of the blocks: tells damage of the cache. */
  readonly seal: number;
}

/** Where kept blocks are: with the package in the store that has this key. */
export interface KeptPlace extends Pick<KeptPiece, 'at' | 'deflatedBytes' | 'seal'> {
  readonly package: string;
}

/** What a package has kept, and its key in the store. */
export interface KeptPieces {
  readonly package: string;
  /** By offset. */
  readonly pieces: readonly KeptPiece[];
}
