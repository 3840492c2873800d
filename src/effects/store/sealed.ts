// A seal around small things in the store: a line with the SHA-256 of what follows. A flipped bit, a cut or a foreign
// file reads as "not there", and is made anew. It guards against accidents, not against whoever may write the cache.

import { hashHex } from '../../base/digest.ts';

const MARK = 'stave-sealed ';
const HEAD_BYTES = MARK.length + 64 + 1;

export function seal(payload: Uint8Array | string): Uint8Array {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return Buffer.concat([Buffer.from(`${MARK}${hashHex('sha256', bytes)}\n`), bytes]);
}

/** The payload, or undefined when the bytes are not exactly what `seal` made. */
export function unseal(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const payload = bytes.subarray(HEAD_BYTES);
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, HEAD_BYTES).toString('latin1');
  return head === `${MARK}${hashHex('sha256', payload)}\n` ? payload : undefined;
}
