// Pieces of layers without a file tree around them.

import { hashHex } from '../../src/base/digest.ts';
import type { LayerInput } from '../../src/effects/output/write-layer.ts';
import type { LayerPiece } from '../../src/planning/rootfs/layer-pieces.ts';

export function inlinePiece(bytes: Uint8Array): LayerPiece {
  return { key: hashHex('sha256', bytes), sizeBytes: bytes.length, parts: [bytes] };
}

/** For pieces without packaged files. */
export function inputOf(pieces: Iterable<LayerPiece>): LayerInput {
  const read = () => {
    throw new Error('these pieces have no packages');
  };
  return { pieces, sizeBytes: 0, dataTars: [], read };
}
