// Bundles src/ into dist/: the CLI with one chunk per lazily loaded command, and the library entry. And action/ into
// action/dist/: one file, since GitHub runs an action from the tree of a tag, without an install step.
// Deterministic: no timestamps, no absolute paths, the version read from package.json alone.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));

/** Of everything that decides what the bundle does: our sources, and the exact dependencies. */
function digestSources() {
  const names = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join('src', name).replaceAll('\\', '/'));
  const hash = createHash('sha256');
  for (const name of ['package-lock.json', ...names.sort()]) {
    const bytes = readFileSync(join(root, name));
    hash.update(`${name} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}

const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  define: { STAVE_VERSION: JSON.stringify(version), STAVE_SOURCES: JSON.stringify(digestSources()) },
  // Bundled CommonJS dependencies call require(); ES modules have none until we make one.
  banner: {
    js: "import { createRequire as __stave_cr } from 'node:module'; const require = __stave_cr(import.meta.url);",
  },
  logLevel: 'warning',
};

rmSync(`${root}/dist`, { recursive: true, force: true });
await build({
  ...common,
  entryPoints: ['src/index.ts', 'src/cli/main.ts', 'src/effects/store/data-thread.ts'],
  outdir: 'dist',
  outbase: 'src',
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  legalComments: 'linked',
  // Comments and blanks are a third of what would be read at every start; names stay, for the sake of stacks.
  minifyWhitespace: true,
});

rmSync(`${root}/action/dist`, { recursive: true, force: true });
await build({ ...common, entryPoints: ['action/src/main.ts'], outfile: 'action/dist/main.mjs', legalComments: 'eof' });
