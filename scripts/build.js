// Bundles src/ into dist/: the CLI with one chunk per lazily loaded command, and the library entry.
// Deterministic: no timestamps, no absolute paths, the version read from package.json alone.
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));

rmSync(`${root}/dist`, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: ['src/index.ts', 'src/cli/main.ts'],
  outdir: 'dist',
  outbase: 'src',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  chunkNames: 'chunks/[name]-[hash]',
  legalComments: 'linked',
  define: { STAVE_VERSION: JSON.stringify(version) },
  // Bundled CommonJS dependencies call require(); ES modules have none until we make one.
  banner: {
    js: "import { createRequire as __stave_cr } from 'node:module'; const require = __stave_cr(import.meta.url);",
  },
  logLevel: 'warning',
});
