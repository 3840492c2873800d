import { describe, expect, it } from 'vitest';
import { mapBounded } from './bounded.ts';

describe('bounded concurrency', () => {
  it('keeps the order of the items and never exceeds the limit', async () => {
    let running = 0;
    let most = 0;
    const results = await mapBounded([30, 5, 20, 1, 10], 2, async (ms, index) => {
      most = Math.max(most, ++running);
      await new Promise((done) => setTimeout(done, ms));
      running--;
      return `${index}:${ms}`;
    });
    expect(results).toEqual(['0:30', '1:5', '2:20', '3:1', '4:10']);
    expect(most).toBe(2);
  });

  it('starts nothing after a failure, and throws it', async () => {
    const started: number[] = [];
    const work = mapBounded([0, 1, 2, 3, 4], 2, async (item) => {
      started.push(item);
      await Promise.resolve();
      if (item === 1) throw new Error('one');
      await new Promise((done) => setTimeout(done, 5));
    });
    await expect(work).rejects.toThrow('one');
    await new Promise((done) => setTimeout(done, 20));
    expect(started).toEqual([0, 1]);
  });

  it('of nothing is nothing', async () => {
    expect(await mapBounded([], 4, async () => 1)).toEqual([]);
  });
});
