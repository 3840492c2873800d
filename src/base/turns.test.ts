import { describe, expect, it } from 'vitest';
import { Turns } from './turns.ts';

const nextRound = () => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('runs what has the same key one after the other, and other things beside it', async () => {
    const turns = new Turns<string>();
    const running = new Map<string, number>();
    let most = 0;
    const order: string[] = [];
    const work = (key: string, name: string) =>
      turns.take(key, async () => {
        const count = (running.get(key) ?? 0) + 1;
        running.set(key, count);
        expect(count).toBe(1);
        most = Math.max(
          most,
          [...running.values()].reduce((a, b) => a + b, 0),
        );
        await nextRound();
        running.set(key, 0);
        order.push(name);
        return name;
      });
    expect(await Promise.all([work('a', 'a1'), work('a', 'a2'), work('b', 'b1'), work('a', 'a3')])).toEqual([
      'a1',
      'a2',
      'b1',
      'a3',
    ]);
    expect(order).toEqual(['a1', 'b1', 'a2', 'a3']);
    expect(most).toBe(2);
  });

  it('goes on after a failure, which only its own caller sees', async () => {
    const turns = new Turns<number>();
    const failing = turns.take(1, async () => {
      throw new Error('one');
    });
    const next = turns.take(1, async () => 'two');
    await expect(failing).rejects.toThrow('one');
    expect(await next).toBe('two');
  });
});
