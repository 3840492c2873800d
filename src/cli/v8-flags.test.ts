import { cachedDataVersionTag } from 'node:v8';
import { afterEach, describe, expect, it } from 'vitest';
import { asUsual, setFlags, unsetFlags } from './v8-flags.ts';

// V8 tells by its tag whether what was compiled before can be taken: it holds all flags that are not as they were built.
const usual = cachedDataVersionTag();

afterEach(unsetFlags);

describe('flags of V8', () => {
  it('are put back to what Node has', () => {
    setFlags();
    expect(cachedDataVersionTag()).not.toBe(usual);
    unsetFlags();
    expect(cachedDataVersionTag()).toBe(usual);
  });

  it('are as usual for a while, also where that fails', () => {
    setFlags();
    const ours = cachedDataVersionTag();
    expect(asUsual(() => cachedDataVersionTag())).toBe(usual);
    expect(() =>
      asUsual(() => {
        throw new Error('missing');
      }),
    ).toThrow('missing');
    expect(cachedDataVersionTag()).toBe(ours);
  });

  it('stay as they are where they are not ours', () => {
    expect(asUsual(() => cachedDataVersionTag())).toBe(usual);
    expect(cachedDataVersionTag()).toBe(usual);
  });
});
