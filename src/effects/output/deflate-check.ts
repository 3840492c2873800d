// Whether this Node deflates as every other one does, at levels that people ask for; our own loop needs no such promise. The zlib inside Node's own builds gives the same bytes on all versions
// and machines we know; builds that use the system's zlib (some Linux distributions), and other runtimes, do not.
// Layers are then correct, but their digests are not the ones that other machines get: the caller has to say so.

import { deflateRawSync } from 'node:zlib';
import { type Digest, sha256 } from '../../base/digest.ts';
import { DEFAULT_LEVEL, deflateOptions } from './compress-layer.ts';

const PROBE_BYTES = 64 * 1024;

/** Of the probe, deflated by Node's own zlib: where it is this, layer digests are the same as everywhere. */
export const PROMISED_DEFLATE: Digest = 'sha256:410175a92b34b0a70eff39e69880942318912f58d7d27140b31b0790afcd5567';

/** Tells ways to deflate apart: what one of them made must not be mixed with what another makes. Takes about 2 ms. */
export function deflateFingerprint(): Digest {
  return sha256(deflateRawSync(probe(), deflateOptions(DEFAULT_LEVEL)));
}

/** Numbers as text: full of short matches, where implementations choose differently. */
export function probe(): Buffer {
  const numbers: number[] = [];
  for (let state = 1; numbers.length < PROBE_BYTES / 2; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    numbers.push((state >>> 16) % 500);
  }
  return Buffer.from(`${numbers.join(' ')} `).subarray(0, PROBE_BYTES);
}
