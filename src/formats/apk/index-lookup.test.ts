import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseDependency } from './dependency.ts';
import { parseCompact, printCompact } from './index-compact.ts';
import { ApkIndex } from './index-lookup.ts';

function index(text: string): ApkIndex {
  return new ApkIndex(new TextEncoder().encode(text), './repo/x86_64/APKINDEX.tar.gz');
}

const BASH = `C:Q1ZGk=
P:bash
V:5.2-r0
A:x86_64
S:12
I:34
T:The shell: größer
U:https://example.test/#bash
L:GPL-3.0-or-later
o:bash-src
m:A <a@example.test>
t:1700000000
c:abc
k:7
D:/bin/sh so:libc.so.6 !busybox<1
p:cmd:bash=5.2-r0 shell
i:docs bash-base=5.2-r0
r:old-bash
`;

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

describe('records', () => {
  it('reads every field', () => {
    expect(index(`${BASH}\n`).record(0)).toEqual({
      name: 'bash',
      version: '5.2-r0',
      arch: 'x86_64',
      checksum: 'Q1ZGk=',
      sizeBytes: 12,
      installedSize: 34,
      description: 'The shell: größer',
      url: 'https://example.test/#bash',
      license: 'GPL-3.0-or-later',
      origin: 'bash-src',
      maintainer: 'A <a@example.test>',
      buildTime: 1700000000,
      commit: 'abc',
      depends: ['/bin/sh', 'so:libc.so.6', '!busybox<1'],
      installIf: ['docs', 'bash-base=5.2-r0'],
      provides: ['cmd:bash=5.2-r0', 'shell'],
      providerPriority: 7,
    });
  });

  it('has empty values for what is not there', () => {
    const record = index('P:a\n\n').record(0);
    expect([record.version, record.sizeBytes, record.depends, record.origin]).toEqual(['', 0, [], '']);
  });

  it.each([
    ['an unterminated last record', 'P:a\nV:1\n\nP:b\nV:2\n', ['a']],
    ['a last line without its end', 'P:a\nV:1\n\nP:b', ['a']],
    ['a record without a name', 'V:1\n\nP:\nV:1\n\nP:b\n\n', ['b']],
    ['nothing at all', '', []],
    ['empty lines', '\n\n\nP:a\n\n\n\nP:b\n\n', ['a', 'b']],
    ['carriage returns', 'P:a\r\nV:1\r\n\r\n', ['a']],
    ['unknown letters and long keys', 'X:1\nlong:1\nP:a\n\n', ['a']],
  ])('does not stumble over %s', (_what, text, names) => {
    const parsed = index(text);
    expect([...parsed.names()]).toEqual(names);
    expect(Array.from({ length: parsed.size }, (_, i) => parsed.record(i).name)).toEqual(names);
  });

  it.each([
    ['a short line', 'P:a\nX\n\n', 'line 2 is too short'],
    ['a line without colon', 'P:a\n\nP:b\nno colon\n\n', 'line 4 has no ":"'],
    ['a line that is too long', `P:a\nT:${'x'.repeat(LIMITS.indexLineBytes)}\n\n`, 'line 2 is longer than'],
  ])('refuses %s', (_what, text, message) => {
    const failure = failureOf(() => index(text));
    expect(failure.code).toBe('INDEX_INVALID');
    expect(failure.message).toContain(`index ./repo/x86_64/APKINDEX.tar.gz: ${message}`);
  });

  it.each([
    ['S:x', 3],
    ['I:-1', 3],
    ['k:1.5', 3],
    ['t:soon', 3],
  ])('refuses the number in %s when the record is asked for', (line, number) => {
    const parsed = index(`P:ok\n\nP:a\n${line}\n\n`);
    expect(parsed.record(0).name).toBe('ok');
    const failure = failureOf(() => parsed.record(1));
    expect(failure.code).toBe('INDEX_INVALID');
    expect(failure.message).toContain(`line ${number + 1}: "${line}" is not a number`);
  });

  it('takes a build time before 1970', () => {
    expect(index('P:a\nt:-5\n\n').record(0).buildTime).toBe(-5);
  });
});

describe('lookup', () => {
  const parsed = index(
    `${[
      'P:a\nV:1\np:v=1 w\n',
      'P:b\nV:1\np:a=2 v@edge x= =y v\ni:a docs=1\n',
      'P:a\nV:2\ni:docs=1\n',
      'P:c\nV:1\np:größe=1  so:x.so.1=1.2\n',
    ].join('\n')}\n`,
  );

  it.each([
    ['a', [0, 2, 1]],
    ['b', [1]],
    ['v', [0, 1, 1]],
    ['w', [0]],
    ['x=', [1]],
    ['=y', [1]],
    ['größe', [3]],
    ['so:x.so.1', [3]],
    ['x', []],
    ['', []],
    ['nothing', []],
  ])('providers of %j', (name, records) => {
    expect(parsed.providers(name)).toEqual(records);
  });

  it('finds names, install_if items and versions', () => {
    expect([...parsed.names()]).toEqual(['a', 'b', 'c']);
    expect([...parsed.providedNames()]).toEqual(['a', 'v', 'w', 'x=', '=y', 'größe', 'so:x.so.1']);
    expect([...parsed.installIfOf('docs=1')]).toEqual([1, 2]);
    expect([...parsed.installIfOf('docs')]).toEqual([]);
    expect(parsed.find('a', '2')).toBe(2);
    expect(parsed.find('a', '3')).toBeUndefined();
  });

  it('finds for any index what a plain search over all records finds', () => {
    const word = fc.constantFrom('a', 'b', 'c=1', 'd<2', 'e~', 'f@t', 'g=1@t', 'h==', '~i', 'j=@t');
    const record = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), provides: fc.array(word, { maxLength: 4 }) });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 12 }), (records) => {
        const made = index(records.map(({ name, provides }) => `P:${name}\np:${provides.join(' ')}\n\n`).join(''));
        const all = records.map((r, at) => ({ ...r, at }));
        for (const name of ['a', 'b', 'c', 'd', 'e', 'e~', 'f', 'g', 'h', '~i', 'j', 'j=@t']) {
          const named = all.filter((r) => r.name === name).map((r) => r.at);
          const providing = all.flatMap((r) =>
            r.provides.filter((p) => parseDependency(p).name === name).map(() => r.at),
          );
          expect(made.providers(name)).toEqual([...named, ...providing]);
        }
      }),
    );
  });

  it('keeps thousands of names apart', () => {
    const names = Array.from({ length: 9_000 }, (_, i) => `package-${i}`);
    const many = index(names.map((name) => `P:${name}\n\n`).join(''));
    expect(names.every((name, at) => many.named(name)[0] === at)).toBe(true);
  });
});

describe('compact form', () => {
  const text = new TextEncoder().encode(`${BASH}\nP:zsh\nV:1\np:shell\n\n`);
  const made = new ApkIndex(text, 'repo');

  it('gives the same index without reading the text again', () => {
    const again = parseCompact(printCompact(made), text, 'repo');
    expect(again?.tables).toEqual(made.tables);
    expect(again?.providers('shell')).toEqual([0, 1]);
    expect(again?.record(1)).toEqual(made.record(1));
  });

  it('is read from any offset in a larger buffer', () => {
    const bytes = printCompact(made);
    const larger = Buffer.alloc(bytes.length + 3);
    larger.set(bytes, 3);
    expect(parseCompact(larger.subarray(3), text, 'repo')?.providers('zsh')).toEqual([1]);
  });

  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['nothing', () => new Uint8Array(0)],
    ['a torn file', (bytes) => bytes.subarray(0, bytes.length - 4)],
    ['an odd length', (bytes) => bytes.subarray(0, bytes.length - 1)],
    ['one changed byte', (bytes) => bytes.with(bytes.length - 1, 77)],
    ['another version', (bytes) => bytes.with(4, 99)],
    ['other bytes', (bytes) => bytes.with(0, 0)],
    ['another number of tables', (bytes) => bytes.with(20, 3)],
  ])('refuses %s', (_what, change) => {
    expect(parseCompact(change(printCompact(made)), text, 'repo')).toBeUndefined();
  });

  it('refuses another text', () => {
    expect(parseCompact(printCompact(made), text.with(0, 88), 'repo')).toBeUndefined();
    expect(parseCompact(printCompact(made), text.subarray(1), 'repo')).toBeUndefined();
  });
});
