// Against zlib's gunzip as the peer.

import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import { BlockGunzip } from './block-gunzip.ts';

function gunzip(bytes: Uint8Array, chunkBytes = bytes.length): Buffer {
  const parts: Buffer[] = [];
  const reader = new BlockGunzip({
    output: (part) => void parts.push(Buffer.from(part)),
    block: () => false,
    blockEnd: () => {},
  });
  try {
    for (let at = 0; at < bytes.length; at += chunkBytes) reader.push(bytes.subarray(at, at + chunkBytes));
    reader.finish();
  } finally {
    reader.close();
  }
  return Buffer.concat(parts);
}

const refusal = (bytes: Uint8Array): { code: string; cut: unknown } | undefined => {
  try {
    gunzip(bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { code: error.code, cut: (error.data as { cut?: unknown } | undefined)?.cut };
  }
};

describe('gunzip that tells blocks', () => {
  it('reads any members in any pieces, as zlib does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 2000 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 3000 }),
        fc.nat({ max: 40 }),
        (contents, chunkBytes, zeros) => {
          const bytes = Buffer.concat([...contents.map((content) => gzipSync(content)), Buffer.alloc(zeros)]);
          expect(gunzip(bytes, chunkBytes).equals(gunzipSync(bytes))).toBe(true);
        },
      ),
    );
  });

  it('says that the end is missing for every proper beginning', () => {
    const bytes = gzipSync('some words that are compressed, and some more words');
    for (let length = 0; length < bytes.length; length++) {
      expect(refusal(bytes.subarray(0, length)), `${length}`).toEqual({ code: 'ARCHIVE_INVALID', cut: true });
    }
    expect(refusal(bytes)).toBeUndefined();
  });

  const flipped = (at: number): Buffer => {
    const bytes = gzipSync('content');
    bytes[bytes.length + at] = (bytes[bytes.length + at] as number) ^ 1;
    return bytes;
  };
  it.each<[string, Buffer]>([
    ['no gzip', Buffer.from('PK\x03\x04 something else')],
    ['a wrong checksum', flipped(-8)],
    ['a wrong length', flipped(-4)],
    ['rubbish behind the member', Buffer.concat([gzipSync('content'), Buffer.from('rubbish')])],
    ['no deflate', Buffer.concat([gzipSync('').subarray(0, 10), Buffer.alloc(20, 0xff)])],
  ])('refuses %s', (_what, bytes) => {
    expect(() => gunzipSync(bytes)).toThrow();
    expect(refusal(bytes)?.code).toBe('ARCHIVE_INVALID');
    expect(refusal(bytes)?.cut).not.toBe(true);
  });
});
