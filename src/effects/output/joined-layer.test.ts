import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../base/digest.ts';
import { JoinedLayer, type LayerPlace } from './joined-layer.ts';

const KiB = 1024;
const scratch = mkdtempSync(join(tmpdir(), 'stave-joined-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Pieces of all sizes, some of them put to their place and some copied there. */
const PIECES = [10, 300 * KiB, 1, 700 * KiB, 1024 * KiB, 0, 5, 400 * KiB].map((size, i) => Buffer.alloc(size, i + 1));
const WHOLE = Buffer.concat(PIECES);

async function joined(place?: LayerPlace) {
  const layer = new JoinedLayer(1024 * KiB, place);
  for (const [i, piece] of PIECES.entries()) {
    if (i % 2 === 0) layer.append(piece);
    else layer.advance(piece.copy(layer.room));
    await layer.settle();
  }
  return await layer.finish();
}

describe('JoinedLayer', () => {
  it('digests what has no place yet', async () => {
    expect(await joined()).toEqual({ digest: sha256(WHOLE), sizeBytes: WHOLE.length, isWritten: false });
  });

  it('writes to its place, and nowhere else', async () => {
    const path = join(scratch, 'file');
    writeFileSync(path, Buffer.alloc(WHOLE.length + 300, 'x'));
    expect(await joined({ path, offset: 100 })).toEqual({
      digest: sha256(WHOLE),
      sizeBytes: WHOLE.length,
      isWritten: true,
    });
    const around = Buffer.alloc(200, 'x');
    expect(readFileSync(path).equals(Buffer.concat([around.subarray(100), WHOLE, around]))).toBe(true);
  });

  it.each([
    ['a full disk', '/dev/full'],
    ['a file that has gone', join(scratch, 'gone')],
  ])('has the digest all the same with %s', async (_what, path) => {
    expect(await joined({ path, offset: 0 })).toMatchObject({ digest: sha256(WHOLE), isWritten: false });
  });

  it('ends a write that is under way', async () => {
    const path = join(scratch, 'closed');
    writeFileSync(path, '');
    const layer = new JoinedLayer(1024 * KiB, { path, offset: 0 });
    layer.append(WHOLE.subarray(0, 600 * KiB));
    await layer.settle();
    await layer.close();
    expect(readFileSync(path)).toHaveLength(600 * KiB);
  });
});
