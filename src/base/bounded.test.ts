import { describe, expect, it } from 'vitest';
import { mapBounded, mapSettled } from './bounded.ts';

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

  it('may wait for what still runs, and throws the failure of the first item', async () => {
    const ended: number[] = [];
    const work = mapSettled([20, 1, 5, 1], 3, async (ms, index) => {
      await new Promise((done) => setTimeout(done, ms));
      ended.push(index);
      if (index < 2) throw new Error(`item ${index}`);
    });
    await expect(work).rejects.toThrow('item 0');
    expect(ended).toEqual([1, 2, 0]);
    expect(await mapSettled([[1], [2, 3]], 2, async (list) => list)).toEqual([[1], [2, 3]]);
  });

  it('of nothing is nothing', async () => {
    expect(await mapBounded([], 4, async () => 1)).toEqual([]);
  });
});
