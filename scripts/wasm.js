// Compiles what lies in assembly/ into src/formats/gzip/*-wasm.ts: a few KB that change seldom, kept as text so that neither the build
// nor a reader of the tree needs the compiler. A test compiles it again and compares.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));

/** By name of the source: pages of 64 KiB that it needs. */
export const WASM_MODULES = { 'deflate-piece': 46, 'inflate-blocks': 30 };

/** The module as base64. */
export async function compileWasm(name) {
  let binary;
  const memory = ['--memoryBase', '49152', '--initialMemory', String(WASM_MODULES[name])];
  const flags = ['-O3', '--noAssert', '--runtime', 'stub', ...memory];
  const { error, stderr } = await asc.main(
    [`${name}.ts`, '--outFile', 'out.wasm', '--baseDir', `${root}/assembly`, ...flags],
    {
      writeFile: (path, contents) => {
        if (path === 'out.wasm') binary = contents;
      },
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return Buffer.from(binary).toString('base64');
}

function wasmModuleText(name, base64) {
  const lines = base64.match(/.{1,112}/g).map((line) => `  '${line}'`);
  const constant = `${name.replace('-', '_').toUpperCase()}_WASM`;
  return `// Printed by \`npm run wasm\` from assembly/${name}.ts. Do not edit.\n\nexport const ${constant} =\n${lines.join(' +\n')};\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of Object.keys(WASM_MODULES)) {
    writeFileSync(`${root}/src/formats/gzip/${name}-wasm.ts`, wasmModuleText(name, await compileWasm(name)));
  }
}
