// The modules that are committed are what their sources compile to.

import { expect, it } from 'vitest';
import { CHECKSUM_WASM } from '../src/base/checksum-wasm.ts';
import { DEFLATE_PIECE_WASM } from '../src/formats/gzip/deflate-piece-wasm.ts';
import { INFLATE_BLOCKS_WASM } from '../src/formats/gzip/inflate-blocks-wasm.ts';

it.each([
  ['checksum', CHECKSUM_WASM],
  ['deflate-piece', DEFLATE_PIECE_WASM],
  ['inflate-blocks', INFLATE_BLOCKS_WASM],
])('%s is current (npm run wasm prints it anew)', async (name, committed) => {
  const script = new URL('../scripts/wasm.js', import.meta.url).href;
  const { compileWasm } = (await import(script)) as { compileWasm(name: string): Promise<string> };
  expect(committed).toBe(await compileWasm(name));
});
