// Writes repository/ anew: node examples/quickstart/make-repository.js
// The packages change only when repository.ts, src/bin or the key do; a test compares the committed files.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const exampleDir = dirname(fileURLToPath(import.meta.url));
const bundle = await build({
  entryPoints: [join(exampleDir, 'repository.ts')],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
});
const source = Buffer.from(bundle.outputFiles[0].contents).toString('base64');
const { quickstartRepository } = await import(`data:text/javascript;base64,${source}`);

rmSync(join(exampleDir, 'repository'), { recursive: true, force: true });
for (const [path, bytes] of quickstartRepository(exampleDir)) {
  mkdirSync(join(exampleDir, 'repository', dirname(path)), { recursive: true });
  writeFileSync(join(exampleDir, 'repository', path), bytes);
}
