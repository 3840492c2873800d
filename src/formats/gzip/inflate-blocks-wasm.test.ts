// The module that is committed is what its source compiles to.

import { expect, it } from 'vitest';
import { INFLATE_BLOCKS_WASM } from './inflate-blocks-wasm.ts';

it('the module is current (npm run wasm prints it anew)', async () => {
  const script = new URL('../../../scripts/wasm.js', import.meta.url).href;
  const { compileInflateBlocks } = (await import(script)) as { compileInflateBlocks(): Promise<string> };
  expect(INFLATE_BLOCKS_WASM).toBe(await compileInflateBlocks());
});
