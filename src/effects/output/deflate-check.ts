// Whether this Node deflates as every other one does. The zlib inside Node's own builds gives the same bytes on all versions
// and machines we know; builds that use the system's zlib (some Linux distributions), and other runtimes, do not.
// Layers are then correct, but their digests are not the ones that other machines get: the caller has to say so.

import { deflateRawSync } from 'node:zlib';
import { type Digest, sha256 } from '../../base/digest.ts';
import { DEFAULT_LEVEL, deflateOptions } from './compress-layer.ts';

const PROBE_BYTES = 64 * 1024;

/** Of the probe, deflated by Node's own zlib. */
const PROMISED: Digest = 'sha256:dbdbd5de7eea382b8a98dead4930af606ccca88a1422b1d8bfd4c37f4074f361';

/** True where layer digests are the same as everywhere. Takes about 2 ms. */
export function isPromisedDeflate(): boolean {
  return sha256(deflateRawSync(probe(), deflateOptions(DEFAULT_LEVEL))) === PROMISED;
}

/** Numbers as text: full of short matches, where implementations choose differently. */
function probe(): Buffer {
  const numbers: number[] = [];
  for (let state = 1; numbers.length < PROBE_BYTES / 2; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    numbers.push((state >>> 16) % 500);
  }
  return Buffer.from(`${numbers.join(' ')} `).subarray(0, PROBE_BYTES);
}
