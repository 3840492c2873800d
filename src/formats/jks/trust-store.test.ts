// A store made by Java itself, hand-made ones that no tool would write, and print-then-parse.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CERTIFICATE_1, KEYTOOL_STORE } from '../../../test/support/certificates.ts';
import { parsePem } from '../pem/pem.ts';
import { parseTrustStore, printTrustStore, type TrustStoreEntry, trustedCertificate } from './trust-store.ts';

/** A store of these bytes with the digest that belongs to them. */
function signed(body: Uint8Array, password = 'changeit'): Buffer {
  const passwordBytes = Buffer.from([...password].flatMap((c) => [0, c.charCodeAt(0)]));
  const digest = createHash('sha1').update(passwordBytes).update('Mighty Aphrodite').update(body).digest();
  return Buffer.concat([body, digest]);
}

const hex = (...parts: string[]) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');
const HEADER = 'feedfeed 00000002';
const CREATED = '0000000000000001';

describe('a store made by keytool', () => {
  it('is read', () => {
    const [block] = parsePem(CERTIFICATE_1);
    expect(parseTrustStore(KEYTOOL_STORE)).toEqual([trustedCertificate('first', block!.der, 1795445509406n)]);
  });

  it('is printed byte for byte', () => {
    expect(Buffer.from(printTrustStore(parseTrustStore(KEYTOOL_STORE)))).toEqual(KEYTOOL_STORE);
  });

  it('is refused with another password', () => {
    const sentence = 'the trust store is damaged, or its password is not "other"';
    expect(() => parseTrustStore(KEYTOOL_STORE, 'other')).toThrow(sentence);
  });

  it('is refused after any change, and never read beyond its end', () => {
    fc.assert(
      fc.property(fc.nat(KEYTOOL_STORE.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(KEYTOOL_STORE);
        damaged[at]! ^= change;
        expect(() => parseTrustStore(damaged)).toThrow(/trust store/);
        expect(() => parseTrustStore(KEYTOOL_STORE.subarray(0, at))).toThrow(/trust store/);
      }),
    );
  });
});

describe('parseTrustStore', () => {
  it('reads version 1, where certificates have no type', () => {
    const store = signed(hex('feedfeed 00000001 00000001 00000002 0001 61', CREATED, '00000002 beef'));
    expect(parseTrustStore(store)).toEqual([trustedCertificate('a', hex('beef'), 1n)]);
  });

  it('keeps the later of two entries with one alias', () => {
    const entry = (alias: string, der: string) => `00000002 0001 ${alias} ${CREATED} 0000 00000001 ${der}`;
    const entries = parseTrustStore(signed(hex(HEADER, '00000002', entry('41', '01'), entry('61', '02'))));
    expect(entries).toMatchObject([{ alias: 'a', certificate: { der: hex('02') } }]);
  });

  it('keeps private keys as they are', () => {
    const certificate = '0005 582e353039 00000001 cc';
    const body = hex(
      HEADER,
      '00000001 00000001 0001 6b',
      CREATED,
      '00000003 010203 00000002',
      certificate,
      certificate,
    );
    const entries = parseTrustStore(signed(body));
    expect(entries).toMatchObject([{ kind: 'private-key', alias: 'k', encryptedKey: hex('010203'), chain: [{}, {}] }]);
    expect(Buffer.from(printTrustStore(entries))).toEqual(signed(body));
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'the trust store is no Java key store'],
    ['text', Buffer.from(CERTIFICATE_1), 'the trust store is no Java key store'],
    [
      'PKCS#12',
      Buffer.concat([hex('30820400 020103 308203c6 0609'), Buffer.alloc(1014)]),
      /PKCS#12, only JKS can be edited/,
    ],
    [
      'JCEKS',
      signed(hex('cececece 00000002 00000000')),
      'the trust store is of the kind JCEKS, only JKS can be edited',
    ],
    ['version 3', signed(hex('feedfeed 00000003 00000000')), 'the trust store has the unknown version 3'],
    ['entry kind 3', signed(hex(HEADER, '00000001 00000003 0000', CREATED)), /entry of the unknown kind 3/],
    ['too many entries', signed(hex(HEADER, 'ffffffff')), 'the trust store ends in the middle of an entry'],
    ['too long a block', signed(hex(HEADER, '00000001 00000002 0000', CREATED, '0000 ffffffff')), /in the middle/],
    ['bytes behind', signed(hex(HEADER, '00000000 00')), 'the trust store has bytes behind its entries'],
  ])('refuses %s', (_, bytes, sentence) => {
    expect(() => parseTrustStore(bytes)).toThrow(
      expect.objectContaining({ code: 'CERTIFICATE_INVALID', message: expect.stringMatching(sentence) }),
    );
  });
});

describe('printTrustStore', () => {
  it('puts the aliases in byte order and in lower case', () => {
    const entries = ['b', 'A', 'a-1', '\xe9'].map((alias) => trustedCertificate(alias, hex('00'), 0n));
    expect(parseTrustStore(printTrustStore(entries)).map((e) => e.alias)).toEqual(['a', 'a-1', 'b', '\xe9']);
  });

  it('is read back', () => {
    const bytes = fc.uint8Array({ maxLength: 40 }).map((b) => Buffer.from(b));
    const alias = fc.stringMatching(/^[a-z0-9\x80-\xff-]{0,12}$/);
    const certificate = fc.record({ type: fc.constantFrom('X.509', 'other'), der: bytes });
    const createdMs = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const entry: fc.Arbitrary<TrustStoreEntry> = fc.oneof(
      fc.record({ kind: fc.constant('certificate' as const), alias, createdMs, certificate }),
      fc.record({
        kind: fc.constant('private-key' as const),
        alias,
        createdMs,
        encryptedKey: bytes,
        chain: fc.array(certificate, { maxLength: 3 }),
      }),
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(entry, { selector: (e) => e.alias }),
        fc.string({ maxLength: 8 }),
        (entries, password) => {
          const read = parseTrustStore(printTrustStore(entries, password), password);
          expect(new Set(read)).toEqual(new Set(entries));
        },
      ),
    );
  });
});
