// Compiles assembly/inflate-blocks.ts into src/formats/gzip/inflate-blocks-wasm.ts: 5 KB that change seldom, kept as text so that
// neither the build nor a reader of the tree needs the compiler. A test compiles it again and compares.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The module as base64. */
export async function compileInflateBlocks() {
  let binary;
  const flags = ['-O3', '--noAssert', '--runtime', 'stub', '--memoryBase', '49152', '--initialMemory', '30'];
  const { error, stderr } = await asc.main(
    ['inflate-blocks.ts', '--outFile', 'out.wasm', '--baseDir', `${root}/assembly`, ...flags],
    {
      writeFile: (name, contents) => {
        if (name === 'out.wasm') binary = contents;
      },
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return Buffer.from(binary).toString('base64');
}

export function wasmModuleText(base64) {
  const lines = base64.match(/.{1,112}/g).map((line) => `  '${line}'`);
  return `// Printed by \`npm run wasm\` from assembly/inflate-blocks.ts. Do not edit.\n\nexport const INFLATE_BLOCKS_WASM =\n${lines.join(' +\n')};\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = `${root}/src/formats/gzip/inflate-blocks-wasm.ts`;
  writeFileSync(path, wasmModuleText(await compileInflateBlocks()));
}
