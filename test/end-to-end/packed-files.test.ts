// What somebody gets who installs the package: the program, its schema and the example of the quickstart, and nothing that only
// its makers need. npm itself says what it would pack; nothing is fetched or run.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

function packedFiles(): string[] {
  const argv = ['pack', '--dry-run', '--json', '--ignore-scripts', '--offline'];
  const stdout = execFileSync('npm', argv, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return JSON.parse(stdout)[0].files.map((file: { path: string }) => file.path);
}

it('the packed files are those that users need', () => {
  const files = packedFiles();
  for (const needed of [
    'package.json',
    'README.md',
    'LICENSE',
    'bin/stave.js',
    'dist/index.js',
    'dist/cli/start.cjs',
    'dist/cli/main.cjs',
    'examples/quickstart/image.yaml',
    'examples/quickstart/repository/x86_64/APKINDEX.tar.gz',
    'examples/quickstart/keys/stave-quickstart-demo.rsa.pub',
  ])
    expect(files).toContain(needed);
  expect(files.filter((path) => path.startsWith('schema/')).length).toBeGreaterThan(0);
  const known = /^(bin|dist|schema|examples\/quickstart)\/|^(package\.json|README\.md|LICENSE)$/;
  expect(files.filter((path) => !known.test(path))).toEqual([]);
  // What a run of ours has compiled is for this machine's Node.
  expect(files.filter((path) => path.startsWith('dist/cli/compiled'))).toEqual([]);
  expect(files.filter((path) => /\.test\.|(^|\/)test\/|^src\//.test(path))).toEqual([]);
});

it('what package.json points to is packed', () => {
  const { bin, exports } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
  expect(Object.keys(bin)).toEqual(['stave']);
  for (const path of [bin.stave, exports['.'].default]) expect(existsSync(`${root}/${path}`), path).toBe(true);
});
