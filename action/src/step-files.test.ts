import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { printOutput, readEvent, writeOutputs, writeSummary } from './step-files.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stave-step-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('outputs', () => {
  it('cannot begin another one', () => {
    const value = 'a\nEOF\nother=x\nother<<EOF';
    expect(printOutput('name', value, 'end-1')).toBe(`name<<end-1\n${value}\nend-1\n`);
    expect(() => printOutput('name', 'x\nend-1\ny', 'end-1')).toThrow(/internal error/);
  });

  it('are added to what is there, each with an end of its own, and go nowhere without a file', async () => {
    const file = join(folder, 'out');
    await writeFile(file, 'before=1\n');
    await writeOutputs({ GITHUB_OUTPUT: file }, { a: '1', b: '2\n3' });
    const text = await readFile(file, 'utf8');
    const [, first, second] = /^before=1\na<<(end-\S+)\n1\n\1\nb<<(end-\S+)\n2\n3\n\2\n$/.exec(text) ?? [];
    expect(first).toBeDefined();
    expect(first).not.toBe(second);
    await writeOutputs({}, { a: '1' });
    await expect(writeSummary({ GITHUB_STEP_SUMMARY: folder }, 'x')).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  });
});

describe('readEvent', () => {
  it.each([
    ['{"a": 1}', { a: 1 }],
    ['null', null],
  ])('%s', async (text, expected) => {
    await writeFile(join(folder, 'event'), text);
    expect(await readEvent({ GITHUB_EVENT_PATH: join(folder, 'event') })).toEqual(expected);
  });

  it('fails where there should be one and is none', async () => {
    expect(await readEvent({})).toBeUndefined();
    const reading = (name: string) => readEvent({ GITHUB_EVENT_PATH: join(folder, name) });
    await expect(reading('missing')).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringMatching(/cannot be read$/),
    });
    await writeFile(join(folder, 'broken'), '{"token": "secret');
    await expect(reading('broken')).rejects.toMatchObject({ message: expect.stringMatching(/that is not JSON$/) });
  });
});
