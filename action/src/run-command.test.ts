import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import type { Operations } from '../../src/cli/operations.ts';
import { recordedWorld } from '../../src/cli/recorded-world.ts';
import { runCommand } from './run-command.ts';

function bench(doing: Partial<Operations>) {
  const said: string[] = [];
  const warned: unknown[] = [];
  const place = {
    world: recordedWorld({ doing }),
    say: (text: string) => said.push(text),
    warn: (one: object) => warned.push(one),
  };
  return { said, warned, run: (...words: string[]) => runCommand(words, place) };
}

describe('runCommand', () => {
  it('answers with the result, says what goes on, and keeps warnings apart', async () => {
    const { said, warned, run } = bench({
      cleanCache: async (_request, { events }) => {
        events({ type: 'info', message: 'over\nlines' });
        events({ type: 'warning', code: 'W', message: 'careful', hint: 'h' });
        return { path: '/c', sizeBytes: 1, removed: true } as never;
      },
    });
    expect(await run('clean')).toMatchObject({ path: '/c' });
    expect(said.join('')).toBe('over\nlines\n');
    expect(warned).toMatchObject([{ code: 'W', message: 'careful', hint: 'h' }]);
  });

  it('fails as the command does, with everything that it said', async () => {
    const where = { file: 'image.yaml', line: 1, column: 2 };
    const details = { where, hint: 'h', notes: ['n'], data: { a: 1 } };
    const failure = new Failure('CONFIG_INVALID', 'no', details);
    const { run } = bench({ cleanCache: () => Promise.reject(failure) });
    await expect(run('clean')).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: 'no', ...details });
    await expect(run('cleen')).rejects.toMatchObject({ code: 'USAGE_ARGUMENTS', hint: 'did you mean "clean"?' });
  });

  it('passes on a mistake of ours with its stack', async () => {
    const { run } = bench({ cleanCache: () => Promise.reject(new TypeError('oops')) });
    const thrown = await run('clean').catch((error: unknown) => error);
    expect(thrown).not.toBeInstanceOf(Failure);
    expect(thrown).toMatchObject({ message: 'oops', stack: expect.stringContaining('run-command.test.ts') });
  });
});
