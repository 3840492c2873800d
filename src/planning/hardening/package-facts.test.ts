import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildElf, rangeOf } from '../../../test/support/tiny-elf.ts';
import { testPackage } from '../../../test/support/trees.ts';
import type { TarEntry } from '../../formats/tar/entry.ts';
import { readFileFacts } from './file-facts.ts';
import { parsePackageFacts, printPackageFacts, readPackageFacts } from './package-facts.ts';

const FILES: Readonly<Record<string, Buffer>> = {
  'usr/bin/app': buildElf({ needed: ['liba.so'], needs: { 'liba.so': ['V1'] } }),
  'usr/bin/script': Buffer.from('#!/bin/sh\necho\n'),
  'etc/app.conf': Buffer.from('password = q8Zr-4Lw0p_XvN2t\n'),
  'usr/share/app/data': Buffer.from('nothing to say'),
  'usr/share/app/empty': Buffer.alloc(0),
};

/** The contents end to end, as in a data tar without headers, and what says where they lie. */
function archive(files: Readonly<Record<string, Buffer>>): { entries: TarEntry[]; bytes: Buffer } {
  const [pattern] = testPackage({ name: 'app' }, ['file name content']).pkg.entries;
  let offset = 0;
  const entries = Object.entries(files).map(([name, { length: size }]) => {
    const entry = { ...(pattern as TarEntry), name, size, offset };
    offset += size;
    return entry;
  });
  return { entries, bytes: Buffer.concat(Object.values(files)) };
}

describe('the facts of a package', () => {
  it('are those of its files, by where their contents lie', () => {
    const { entries, bytes } = archive(FILES);
    const expected = entries.flatMap(({ name, offset, size }) => {
      const own = readFileFacts(name, size, rangeOf(FILES[name] as Buffer));
      return own === undefined ? [] : [[offset, own]];
    });
    expect(expected).toHaveLength(3);
    expect([...readPackageFacts(entries, rangeOf(bytes))]).toEqual(expected);
  });

  it('come back as they were printed', () => {
    const secret = fc.record({ kind: fc.constant('secret' as const), what: fc.string(), line: fc.nat() });
    const script = fc.record({ interpreter: fc.string(), argument: fc.string() });
    const facts = fc.record({ script, secrets: fc.array(secret) }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), facts)), (list) => {
        expect(parsePackageFacts(printPackageFacts(new Map(list)))).toEqual(new Map(list));
      }),
    );
  });
});
