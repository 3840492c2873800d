import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { missingPeers, runPeer } from '../../../test/support/peers.ts';
import { storedZstd } from '../../../test/support/stored-zstd.ts';
import { unzstd } from './unzstd.ts';

async function unpacked(bytes: Uint8Array, pieceBytes = bytes.length): Promise<Buffer> {
  async function* source() {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
  const parts: Uint8Array[] = [];
  for await (const part of unzstd(source(), 'the layer')) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

/** Made by the reference implementation. */
const FRAMES: readonly (readonly [what: string, hex: string, text: string])[] = [
  ['with a checksum', '28b52ffd240b59000068656c6c6f207a7374640a6c57f951', 'hello zstd\n'],
  ['without one', '28b52ffd200b59000068656c6c6f207a7374640a', 'hello zstd\n'],
  ['of nothing', '28b52ffd240001000099e9d851', ''],
  ['of one byte, repeated', '28b52ffd642c004d00001000000100272ac00290ea003a', '\0'.repeat(300)],
  ['of unknown size', '28b52ffd0402110000610aabc4ea24', 'a\n'],
];
const SKIPPABLE = '502a4d1805000000aabbccddee';

describe('a frame', () => {
  it.each(FRAMES)('%s', async (_what, hex, text) => {
    for (const pieceBytes of [1, 7, 1000]) {
      expect((await unpacked(Buffer.from(hex, 'hex'), pieceBytes)).toString()).toBe(text);
    }
  });

  it('and others behind it, with skippable ones between', async () => {
    const hex = SKIPPABLE + FRAMES.map(([, frame]) => frame).join(SKIPPABLE) + SKIPPABLE;
    const text = FRAMES.map(([, , part]) => part).join('');
    for (const pieceBytes of [1, 11, 10_000]) {
      expect((await unpacked(Buffer.from(hex, 'hex'), pieceBytes)).toString()).toBe(text);
    }
  });

  it('of stored blocks', async () => {
    const bytes = createHash('shake256', { outputLength: 400_000 }).update('x').digest();
    expect((await unpacked(storedZstd(bytes), 65_536)).equals(bytes)).toBe(true);
  });
});

describe('what is damaged or hostile', () => {
  const [good = ''] = FRAMES.map(([, hex]) => hex);
  it.each([
    ['cut short', good.slice(0, -2), 'ARCHIVE_INVALID', 'it is cut short'],
    ['cut in a header', good.slice(0, 12), 'ARCHIVE_INVALID', 'it is cut short'],
    ['something else behind it', `${good}00000000`, 'ARCHIVE_INVALID', 'what follows a frame is none'],
    ['a block of a reserved type', '28b52ffd200b5f000068656c6c6f207a7374640a', 'ARCHIVE_INVALID', 'invalid block type'],
    ['a block that is too large', '28b52ffd200b01ffff', 'ARCHIVE_INVALID', 'a block is too large'],
    ['a window of 2 GiB', '28b52ffd00a8', 'ARCHIVE_LIMIT', 'wants 2147483648 bytes of memory'],
    ['a single segment of 1 TiB', '28b52ffde00000000000010000', 'ARCHIVE_LIMIT', 'wants 1099511627776 bytes'],
    ['a dictionary', '28b52ffd2107010b', 'FEATURE_UNSUPPORTED', 'with a dictionary'],
  ])('%s', async (_what, hex, code, sentence) => {
    await expect(unpacked(Buffer.from(hex, 'hex'))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(sentence),
    });
  });
});

const missing = missingPeers('zstd');

describe.skipIf(missing !== undefined)(`what zstd makes of real files (else: ${missing})`, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'stave-zstd-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it.each([['-1'], ['-3'], ['-12', '--check'], ['-19'], ['-3', '--long=27'], ['--format=zstd', '-5', '--no-check']])(
    '%s',
    async (...flags) => {
      const node = readFileSync(process.execPath).subarray(0, 3_000_000);
      const bytes = Buffer.concat([node, Buffer.alloc(500_000), Buffer.from('text '.repeat(60_000)), node]);
      const path = join(scratch, 'bytes');
      writeFileSync(path, bytes);
      const { exitCode, stderr } = await runPeer('zstd', ['-q', '-f', ...flags, path, '-o', `${path}.zst`]);
      expect(exitCode, stderr).toBe(0);
      expect((await unpacked(readFileSync(`${path}.zst`), 100_000)).equals(bytes)).toBe(true);
    },
  );
});
