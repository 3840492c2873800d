// Bundles src/ into dist/: the command line as one script, what it starts with, and the library entry. And action/ into
// action/dist/: one file, since GitHub runs an action from the tree of a tag, without an install step.
// Deterministic: no timestamps, no absolute paths, the version read from package.json alone.
import assert from 'node:assert';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
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
  platform: 'node',
  target: 'node20.19',
  define: { STAVE_VERSION: JSON.stringify(version), STAVE_SOURCES: JSON.stringify(digestSources()) },
  logLevel: 'warning',
};

const modules = {
  ...common,
  format: 'esm',
  // Bundled CommonJS dependencies call require(); ES modules have none until we make one.
  banner: {
    js: "import { createRequire as __stave_cr } from 'node:module'; const require = __stave_cr(import.meta.url);",
  },
};

/** Comments and blanks are a third of what would be read at every start; names stay, for the sake of stacks. */
const small = { legalComments: 'linked', minifyWhitespace: true };

rmSync(`${root}/dist`, { recursive: true, force: true });

/** Name in dist/libraries -> module. What the effects floor imports dynamically are libraries: most commands need none of them. */
const libraries = new Map();
const apart = {
  name: 'libraries-apart',
  setup({ onResolve }) {
    onResolve({ filter: /./ }, ({ kind, path, importer, resolveDir }) => {
      const isLibrary = kind === 'dynamic-import' && importer.startsWith(join(root, 'src/effects/'));
      if (!isLibrary || path.startsWith('node:')) return undefined;
      const module = path.startsWith('.') ? join(resolveDir, path) : path;
      const name = basename(path).replace(/\.\w+$/, '');
      assert((libraries.get(name) ?? module) === module, `two libraries would be called ${name}`);
      libraries.set(name, module);
      return { path: `../libraries/${name}.js`, external: true };
    });
  },
};

/** What a run may never need of Node, commander and we import at the top all the same. */
const SELDOM_USED = /^node:(child_process|dns\/promises|http|net|timers\/promises|worker_threads)$/;

/** Loads such a module when something of it is first asked for: the prototype of what stands in for it answers. */
const late = (names) => ({
  name: 'builtins-late',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: names }, ({ path, namespace }) =>
      namespace === 'late' ? { path, external: true } : { path, namespace: 'late' },
    );
    onLoad({ filter: /./, namespace: 'late' }, ({ path }) => ({
      contents: `module.exports = Object.create(new Proxy({}, { get: (_, name) => require('${path}')[name] }));`,
    }));
  },
});

// One script without chunks, as src/cli/cached-script.ts reads it.
const script = await build({
  ...common,
  ...small,
  format: 'cjs',
  entryPoints: ['src/cli/main.ts'],
  outfile: 'dist/cli/main.cjs',
  define: { ...common.define, 'import.meta': 'importMeta' },
  plugins: [apart, late(SELDOM_USED)],
  write: false,
});
mkdirSync(`${root}/dist/cli`, { recursive: true });
for (const { path, text } of script.outputFiles) writeFileSync(path, text.replace(/\bimport\((?=")/g, 'importModule('));
assert(
  readFileSync(`${root}/dist/cli/main.cjs`).every((byte) => byte < 0x80),
  'the script is ASCII',
);

// No modules either: Node starts 8 ms earlier, as do threads. What the first one prints by itself needs no digest.
for (const [name, plugins] of [
  ['cli/start', [late(/^node:crypto$/)]],
  ['effects/store/data-thread', []],
  ['effects/output/making-thread', []],
]) {
  const entryPoints = [`src/${name}.ts`];
  await build({ ...common, ...small, format: 'cjs', entryPoints, outfile: `dist/${name}.cjs`, plugins });
}

await build({
  ...modules,
  ...small,
  entryPoints: [
    { in: 'src/index.ts', out: 'index' },
    ...[...libraries].map(([name, module]) => ({ in: module, out: `libraries/${name}` })),
  ],
  outdir: 'dist',
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
});

rmSync(`${root}/action/dist`, { recursive: true, force: true });
await build({ ...modules, entryPoints: ['action/src/main.ts'], outfile: 'action/dist/main.mjs', legalComments: 'eof' });
