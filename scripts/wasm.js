// Compiles what lies in assembly/ into src/.../*-wasm.ts: a few KB that change seldom, kept as text so that neither the build
// nor a reader of the tree needs the compiler. A test compiles it again and compares.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));

/** By name of the source: where the module goes, and the flags that it needs. Memory is counted in pages of 64 KiB. */
const WASM_MODULES = {
  checksum: { folder: 'base', flags: ['--enable', 'simd', '--importMemory', '--memoryBase', '512'] },
  'deflate-piece': { folder: 'formats/gzip', flags: ['--memoryBase', '49152', '--initialMemory', '46'] },
  'inflate-blocks': { folder: 'formats/gzip', flags: ['--memoryBase', '49152', '--initialMemory', '30'] },
};

/** The module as base64. */
export async function compileWasm(name) {
  let binary;
  const flags = ['-O3', '--noAssert', '--runtime', 'stub', ...WASM_MODULES[name].flags];
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
  for (const [name, { folder }] of Object.entries(WASM_MODULES)) {
    writeFileSync(`${root}/src/${folder}/${name}-wasm.ts`, wasmModuleText(name, await compileWasm(name)));
  }
}
