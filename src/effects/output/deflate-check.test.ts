import { expect, it } from 'vitest';
import { openCompression } from './compression.ts';
import { deflateFingerprint, PROMISED_DEFLATE } from './deflate-check.ts';

it('this Node deflates as every Node does that we promise equal bytes for', () => {
  expect(deflateFingerprint()).toBe(PROMISED_DEFLATE);
  expect(openCompression('gzip').isPromised).toBe(true);
});
