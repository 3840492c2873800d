import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../main.ts';
import { createProgram } from '../program.ts';
import { recordedWorld } from '../recorded-world.ts';
import { printCompletion, SHELLS, type Shell } from './completion-script.ts';

const world = recordedWorld();
const script = (shell: Shell) => printCompletion(createProgram(world), shell);

function has(program: string): boolean {
  return spawnSync(program, ['-c', ':']).status === 0;
}

describe.each(SHELLS)('%s', (shell) => {
  it('names every command and flag', () => {
    const text = script(shell);
    for (const word of [
      'build-minirootfs',
      'why-not',
      'quickstart',
      'max-apk-data-size',
      'no-sbom',
      'spanning-tree',
      'workdir',
    ]) {
      expect(text).toContain(word);
    }
    expect(text).not.toMatch(/\bresolve\b(?! )/); // Hidden; "resolve" occurs in no summary alone.
  });

  it.skipIf(!has(shell))('is a script that the shell can read', () => {
    const directory = mkdtempSync(join(tmpdir(), 'stave-completion-'));
    try {
      writeFileSync(join(directory, 'script'), script(shell));
      const result = spawnSync(shell, ['-n', join(directory, 'script')], { encoding: 'utf8' });
      expect([result.status, result.stderr]).toEqual([0, '']);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('is what the command prints', async () => {
    const recorded = recordedWorld();
    expect(await main(['completion', shell], recorded)).toBe(0);
    expect(recorded.stdout.text).toBe(script(shell));
  });
});

describe.skipIf(!has('bash'))('bash answers', () => {
  const rows: [words: string[], answers: string[]][] = [
    [
      ['stave', 'bui'],
      ['build', 'build-minirootfs', 'build-cpio'],
    ],
    [
      ['stave', 'build', '--sb'],
      ['--sbom-path', '--sbom-formats'],
    ],
    [
      ['stave', '-C', 'lock', 'why'],
      ['why', 'why-not'],
    ],
    [
      ['stave', 'completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['stave', 'clean', '--dr'], ['--dry-run']],
    [['stave', '--no'], ['--no-color']],
    [['stave', 'registry', 'ser'], ['serve']],
    [['stave', 'registry', 'serve', '--li'], ['--listen']],
  ];
  it.each(rows)('%j', (words, answers) => {
    const probe = `${script('bash')}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _stave; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = execFileSync('bash', ['-c', probe, 'bash', ...words], { encoding: 'utf8' });
    expect(output.trimEnd().split('\n')).toEqual(answers);
  });
});

const [, , fish] = SHELLS;

describe.skipIf(!has(fish))('fish answers', () => {
  it.each([
    ['stave why', ['why', 'why-not']],
    ['stave build --sbom-p', ['--sbom-path']],
    ['stave completion z', ['zsh']],
  ])('%s', (line, answers) => {
    const probe = `${script(fish)}\ncomplete -C '${line}'`;
    const output = execFileSync(fish, ['--no-config', '-c', probe], { encoding: 'utf8' });
    expect(
      output
        .trimEnd()
        .split('\n')
        .map((answer) => answer.split('\t')[0]),
    ).toEqual(answers);
  });
});
