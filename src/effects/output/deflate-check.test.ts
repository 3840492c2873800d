import { describe, expect, it } from 'vitest';
import { isPromisedDeflate } from './deflate-check.ts';

describe('isPromisedDeflate', () => {
  it('is true on the Node versions that we promise equal bytes for', () => {
    expect(isPromisedDeflate()).toBe(true);
  });
});
