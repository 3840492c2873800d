import { constants, crc32, deflateRawSync, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GZIP_HEADER, JoinedMember } from './joined-member.ts';

function join(parts: readonly Uint8Array[]): Buffer {
  const member = new JoinedMember();
  const deflated = parts.map((part) => {
    member.add(crc32(part), part.length);
    return deflateRawSync(part, { finishFlush: constants.Z_SYNC_FLUSH });
  });
  return Buffer.concat([GZIP_HEADER, ...deflated, member.end()]);
}

describe('a joined gzip member', () => {
  it('inflates to its parts, however many there are', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (parts) => {
        expect(Buffer.compare(gunzipSync(join(parts)), Buffer.concat(parts))).toBe(0);
      }),
    );
  });

  it('is refused by gunzip when a part lies about itself', () => {
    const member = new JoinedMember();
    member.add(crc32('abc'), 4);
    const bytes = Buffer.concat([
      GZIP_HEADER,
      deflateRawSync('abc', { finishFlush: constants.Z_SYNC_FLUSH }),
      member.end(),
    ]);
    expect(() => gunzipSync(bytes)).toThrow(/incorrect/);
  });

  it('counts bytes, and keeps the trailer to 32 bits', () => {
    const member = new JoinedMember();
    member.add(0, 2 ** 32 + 5);
    expect(member.uncompressedBytes).toBe(2 ** 32 + 5);
    expect(Buffer.from(member.end()).readUInt32LE(6)).toBe(5);
  });
});
