import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cachedDataVersionTag, setFlagsFromString as setFlag } from 'node:v8';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hashHex } from '../base/digest.ts';
import { CachedScript } from './cached-script.ts';

let folder: string;
beforeEach(() => {
  vi.stubEnv('NODE_DISABLE_COMPILE_CACHE', undefined);
  // V8's own memory of this process would know the script again.
  setFlag('--no-compilation-cache');
  folder = mkdtempSync(join(tmpdir(), 'stave-script-'));
  writeScript('one');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const path = () => join(folder, 'main.cjs');
const compiled = () => join(folder, 'compiled');
const compiledFile = () => join(compiled(), `lock-${cachedDataVersionTag()}`);
const writeScript = (answer: string) =>
  writeFileSync(
    path(),
    `module.exports = { answer: () => ['${answer}', importMeta.url, typeof require('node:os').hostname] };`,
  );

/** One run: what the script answered, and whether it had been compiled before. */
function run(): { answer: string; isKnown: boolean } {
  const script = new CachedScript(path(), 'lock');
  const [answer = '', ...rest] = script.run<{ answer(): string[] }>().answer();
  expect(rest).toEqual([pathToFileURL(path()).href, 'function']);
  script.keep();
  return { answer, isKnown: script.isKnown };
}

it('the second run knows what the first one compiled, whatever the command', () => {
  expect(run()).toEqual({ answer: 'one', isKnown: false });
  expect(run()).toEqual({ answer: 'one', isKnown: true });
  const other = new CachedScript(path(), 'build');
  expect(other.isKnown).toBe(false);
  other.keep();
});

it('imports from where the script lies', async () => {
  writeFileSync(join(folder, 'library.mjs'), 'export const name = "library";');
  writeFileSync(path(), `module.exports = { load: () => importModule('./library.mjs') };`);
  for (const isKnown of [false, true]) {
    const script = new CachedScript(path(), 'lock');
    expect(await script.run<{ load(): Promise<{ name: string }> }>().load()).toMatchObject({ name: 'library' });
    script.keep();
    expect(script.isKnown).toBe(isKnown);
  }
});

describe('what does not fit is made anew', () => {
  const changes: [string, (bytes: Buffer) => Buffer][] = [
    ['nothing', () => Buffer.alloc(0)],
    ['half of it', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['its digest alone', (bytes) => bytes.subarray(0, 64)],
    ...[0, 63, 64, 80, 150].map((at): [string, (bytes: Buffer) => Buffer] => [
      `a flipped bit at ${at}`,
      (bytes) =>
        Buffer.concat([bytes.subarray(0, at), Buffer.from([(bytes[at] as number) ^ 1]), bytes.subarray(at + 1)]),
    ]),
    // The second word is V8's version, the fourth its flags; with a good digest only V8 itself can tell.
    ...[4, 12].map((at): [string, (bytes: Buffer) => Buffer] => [
      `another V8 in the word at ${at}`,
      (bytes) => {
        const code = Buffer.from(bytes.subarray(64));
        code.writeUInt32LE(code.readUInt32LE(at) ^ 1, at);
        return Buffer.concat([Buffer.from(hashHex('sha256', hashHex('sha256', readFileSync(path())), code)), code]);
      },
    ]),
  ];
  it.each(changes)('%s', (_, change) => {
    run();
    writeFileSync(compiledFile(), change(readFileSync(compiledFile())));
    expect(run()).toEqual({ answer: 'one', isKnown: false });
    expect(run()).toEqual({ answer: 'one', isKnown: true });
  });

  it('of another script, even of the same length', () => {
    run();
    writeScript('two');
    expect(run()).toEqual({ answer: 'two', isKnown: false });
    expect(run()).toEqual({ answer: 'two', isKnown: true });
  });
});

describe('nothing is kept', () => {
  it('where its folder cannot be made', () => {
    writeFileSync(compiled(), 'in the way');
    for (let i = 0; i < 2; i++) expect(run()).toEqual({ answer: 'one', isKnown: false });
    expect(readFileSync(compiled(), 'utf8')).toBe('in the way');
  });

  it('where the code belongs to somebody else', () => {
    const spy = vi.spyOn(process, 'getuid').mockReturnValue(4711);
    run();
    spy.mockRestore();
    expect(existsSync(compiled())).toBe(false);
  });

  it("with Node's switch against it, and nothing is read", () => {
    run();
    vi.stubEnv('NODE_DISABLE_COMPILE_CACHE', '1');
    expect(run().isKnown).toBe(false);
    rmSync(compiled(), { recursive: true });
    run();
    expect(existsSync(compiled())).toBe(false);
  });

  it("where V8's flags are not what they were", () => {
    const script = new CachedScript(path(), 'lock');
    setFlag('--stack-size=900');
    script.keep();
    setFlag('--stack-size=984');
    expect(existsSync(compiled())).toBe(false);
  });
});

it('the oldest files go, and none is left half-written', () => {
  mkdirSync(compiled());
  for (let i = 0; i < 30; i++) {
    writeFileSync(join(compiled(), `other-${i}`), '');
    utimesSync(join(compiled(), `other-${i}`), 1000 + i, 1000 + i);
  }
  run();
  const names = readdirSync(compiled());
  expect(names).toHaveLength(24);
  expect(names).toContain(`lock-${cachedDataVersionTag()}`);
  expect(names).toContain('other-29');
  expect(names).not.toContain('other-0');
});
