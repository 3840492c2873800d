import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { askSecret } from './ask-secret.ts';

function terminal() {
  const modes: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    setRawMode: (raw: boolean) => modes.push(raw),
  }) as unknown as NodeJS.ReadStream;
  const shown: string[] = [];
  const output = new PassThrough();
  output.on('data', (chunk) => shown.push(String(chunk)));
  return { input, output, modes, shown };
}

it.each([
  ['pass\r', 'pass'],
  ['pass\n', 'pass'],
  ['\n', ''],
  ['pasx\u007fs\n', 'pass'],
  ['a\b\b\bpass\n', 'pass'],
  ['pä\u{1f511}\b\u{1f511}\n', 'pä\u{1f511}'],
  ['pass\nmore', 'pass'],
])('takes %j as %j, and shows nothing of it', async (typed, secret) => {
  const { input, output, modes, shown } = terminal();
  const asked = askSecret('Password: ', input, output);
  (input as unknown as PassThrough).write(typed);
  expect(await asked).toBe(secret);
  expect([shown.join(''), modes]).toEqual(['Password: \n', [true, false]]);
});

it.each(['\u0003', 'half\u0004', undefined])('fails for %j', async (typed) => {
  const { input, output, modes, shown } = terminal();
  const asked = askSecret('Password: ', input, output);
  if (typed === undefined) (input as unknown as PassThrough).end();
  else (input as unknown as PassThrough).write(typed);
  await expect(asked).rejects.toMatchObject({ code: 'USAGE_ARGUMENTS' });
  expect([shown.join(''), modes]).toEqual(['Password: \n', [true, false]]);
});
