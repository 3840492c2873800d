import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TarEntry } from '../../formats/tar/entry.ts';
import { parseStoredPackage, printStoredPackage, type StoredPackage } from './stored-package.ts';

const small = fc.nat({ max: 5 });
const word = fc.constantFrom('', 'root', 'ä ö', 'ustar', '0');
const entry: fc.Arbitrary<TarEntry> = fc.record({
  name: fc.string(),
  type: fc.constantFrom('0', '1', '2', '5'),
  mode: fc.constantFrom(0o644, 0o755, 0),
  uid: small,
  gid: small,
  uname: word,
  gname: word,
  mtime: fc.constantFrom(0, 1.5, -3),
  size: small,
  linkname: word,
  devmajor: small,
  devminor: small,
  pax: fc.dictionary(fc.string(), fc.constantFrom('', '\u00ff\u0000', 'abc'), { noNullPrototype: true }),
  offset: small,
  magic: fc.constantFrom('ustar' as const, 'gnu' as const, 'v7' as const),
});
const member = fc.record({ start: small, end: small, checksum: word });
const info = { name: 'n', version: '1', depends: ['a'], buildDate: 3 } as unknown as StoredPackage['package']['info'];

const stored: fc.Arbitrary<StoredPackage> = fc.record({
  dataTarBytes: small,
  dataTarCrc: small,
  controlTarBytes: small,
  kept: fc.array(
    fc.record({
      offset: small,
      sizeBytes: small,
      crc: small,
      sum: small,
      at: small,
      deflatedBytes: small,
      seal: small,
    }),
  ),
  package: fc.record({
    info: fc.constant(info),
    controlSha1: word,
    sizeBytes: small,
    members: fc.record({ signature: member, control: member, data: member }, { requiredKeys: ['control', 'data'] }),
    control: fc.array(fc.tuple(entry, fc.uint8Array()).map(([e, bytes]) => ({ ...e, content: Buffer.from(bytes) }))),
    entries: fc.array(entry),
    record: fc.constantFrom(undefined, '', 'P:a\nF:usr\n\n', 'T:ä\n\n'),
  }),
}) as fc.Arbitrary<StoredPackage>;

it('a stored package comes back as it was', () => {
  fc.assert(
    fc.property(stored, (value) => {
      expect(parseStoredPackage(Buffer.from(printStoredPackage(value)))).toEqual(value);
    }),
  );
});

it.each([
  ['another format', (text: string) => text.replace(/"format":\d+/, '"format":3')],
  ['a single line', (text: string) => text.slice(0, text.indexOf('\n'))],
  ['nothing', () => ''],
])('%s is not read', (_, changed) => {
  const [value] = fc.sample(stored, 1) as [StoredPackage];
  expect(parseStoredPackage(Buffer.from(changed(printStoredPackage(value))))).toBeUndefined();
});
