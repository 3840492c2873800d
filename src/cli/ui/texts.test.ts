import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCsvLine } from '../csv-list.ts';
import { packageLine, parsePackageTemplate } from './package-line.ts';
import { displayWidth, fitted, printable } from './printable.ts';
import { printCount, printDuration, printSize } from './quantity.ts';

describe('quantities', () => {
  const sizes: [number, string][] = [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1024 * 1024 - 1, '1.0 MiB'],
    [40 * 1024 * 1024, '40.0 MiB'],
    [3 * 1024 ** 4, '3.0 TiB'],
    [5000 * 1024 ** 4, '5000.0 TiB'],
  ];
  it.each(sizes)('%i bytes', (bytes, text) => expect(printSize(bytes)).toBe(text));

  const durations: [number, string][] = [
    [0, '0 ms'],
    [999.4, '999 ms'],
    [999.6, '1.0 s'],
    [59_949, '59.9 s'],
    [59_951, '1 min 0 s'],
    [125_000, '2 min 5 s'],
  ];
  it.each(durations)('%d ms', (ms, text) => expect(printDuration(ms)).toBe(text));

  it('counts', () => expect([0, 1, 2].map((n) => printCount(n, 'file'))).toEqual(['0 files', '1 file', '2 files']));
});

describe('printable', () => {
  it('spells control characters out and keeps line feeds and tabs', () => {
    expect(printable('a\tb\nc\x1b[31m\x00\x7f\x9b\u202e')).toBe('a\tb\nc\\x1b[31m\\x00\\x7f\\x9b\\u202e');
  });
  it('leaves nothing that a terminal obeys', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f]/);
      }),
    );
  });
  it('fits any text into any width', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, columns) => {
        const cut = fitted(text, columns);
        expect(displayWidth(cut)).toBeLessThanOrEqual(columns);
        if (displayWidth(text) <= columns) expect(cut).toBe(text);
      }),
    );
  });
});

describe('CSV lists', () => {
  const rows: [string, string[]][] = [
    ['', []],
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    ['a,', ['a', '']],
    ['"a,b",c', ['a,b', 'c']],
    ['"say ""hi""",""', ['say "hi"', '']],
    [' a , b ', [' a ', ' b ']],
  ];
  it.each(rows)('%j', (text, fields) => expect(parseCsvLine(text)).toEqual(fields));

  it.each(['"a', 'a"b', '"a"b', 'a,"'])('refuses %j', (text) => {
    expect(() => parseCsvLine(text)).toThrow(expect.objectContaining({ code: 'USAGE_FLAG' }));
  });

  it('reads back whatever is quoted', () => {
    const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`;
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (fields) => {
        expect(parseCsvLine(fields.map(quoted).join(','))).toEqual(fields);
      }),
    );
  });
});

describe('package lines', () => {
  const hello = { name: 'hello', version: '1-r0', source: 'r/x86_64/hello-1-r0.apk' };
  const rows: [format: string, line: string][] = [
    ['name-version', 'hello 1-r0'],
    ['name-version-source', 'hello 1-r0 r/x86_64/hello-1-r0.apk'],
    ['name=version', 'hello=1-r0'],
    ['name=version-source', 'hello=1-r0 r/x86_64/hello-1-r0.apk'],
    ['name-(version)', 'hello (1-r0)'],
    ['name-(version)-source', 'hello (1-r0) r/x86_64/hello-1-r0.apk'],
    ['packagelock', '- hello=1-r0'],
    ['packagelock-source', '- hello=1-r0 # r/x86_64/hello-1-r0.apk'],
    ['{{ .Name }}@{{.Version}}', 'hello@1-r0'],
    ['plain', 'plain'],
    ['', ''],
  ];
  it.each(rows)('%j', (format, line) => expect(packageLine(hello, parsePackageTemplate(format))).toBe(line));

  it('shows control characters of the index, and keeps those of the template', () => {
    const template = parsePackageTemplate('{{.Name}}\t{{.Version}}');
    expect(packageLine({ ...hello, name: 'a\x1b[2J' }, template)).toBe('a\\x1b[2J\t1-r0');
  });

  it.each(['{{.Size}}', '{{ if .Name }}x{{ end }}', '{{Name}}'])('refuses %s', (format) => {
    expect(() => parsePackageTemplate(format)).toThrow(expect.objectContaining({ code: 'USAGE_FLAG' }));
  });
});
