// Bundles a benchmark of bench/ and runs it: `npm run bench`, `npm run bench -- linear`, `npm run bench -- compress FILE.tar`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const words = process.argv.slice(2);
const [name = 'builds'] = words[0]?.startsWith('-') ? [] : words.splice(0, 1);
const scratch = mkdtempSync(join(tmpdir(), 'stave-bench-'));
try {
  const outfile = join(scratch, 'bench.mjs');
  const banner =
    "import { createRequire as __stave_cr } from 'node:module'; const require = __stave_cr(import.meta.url);";
  await build({
    absWorkingDir: root,
    entryPoints: [`bench/${name}.ts`],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    banner: { js: banner },
    logLevel: 'warning',
  });
  const env = { ...process.env, STAVE_BENCH_ROOT: root };
  const { status } = spawnSync(process.execPath, ['--expose-gc', outfile, ...words], { stdio: 'inherit', env });
  process.exitCode = status ?? 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
