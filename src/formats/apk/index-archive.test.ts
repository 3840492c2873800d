// The envelope of an index: what may be in it, in how many members, and what it may not hold.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printGzipMember } from '../gzip/members.ts';
import { printTarHeader, TAR_END, tarPadding } from '../tar/write.ts';
import { printIndexArchive, readIndexArchive } from './index-archive.ts';

function tar(...files: [name: string, text: string][]): Buffer {
  const pieces = files.flatMap(([name, text]) => {
    const content = Buffer.from(text);
    const owner = { uid: 0, gid: 0, uname: '', gname: '', mtime: 0, linkname: '', devmajor: 0, devminor: 0, pax: {} };
    const header = printTarHeader({ ...owner, name, type: '0', mode: 0o644, size: content.length });
    return [header, content, Buffer.alloc(tarPadding(content.length))];
  });
  return Buffer.concat(pieces);
}
const gz = (...tars: Buffer[]) => printGzipMember(Buffer.concat(tars));
const read = (bytes: Uint8Array, maxBytes = 1_000_000) => Buffer.from(readIndexArchive(bytes, { maxBytes })).toString();

const signature = gz(tar(['.SIGN.RSA.me.rsa.pub', 'x']));
const body = tar(['DESCRIPTION', 'd'], ['APKINDEX', 'P:a\n\n']);

describe('readIndexArchive', () => {
  it.each<[string, Buffer]>([
    ['an unsigned index', gz(body, TAR_END)],
    ['a signed index', Buffer.concat([signature, gz(body, TAR_END)])],
    ['a signature whose archive is closed', Buffer.concat([gz(tar(['.SIGN.RSA.a.rsa.pub', '']), TAR_END), gz(body)])],
    ['an archive over two members', Buffer.concat([signature, gz(body.subarray(0, 700)), gz(body.subarray(700))])],
    ['a signature within the only member', gz(tar(['.SIGN.RSA.a.rsa.pub', 'x']), body)],
    ['no end mark', gz(body)],
  ])('reads %s', (_, bytes) => {
    expect(read(bytes)).toBe('P:a\n\n');
  });

  it.each<[string, Uint8Array, string, RegExp]>([
    ['nothing', Buffer.alloc(0), 'INDEX_INVALID', /breaks off after 0/],
    ['half an index', gz(body).subarray(0, 60), 'INDEX_INVALID', /breaks off/],
    ['a page of a website', Buffer.from('<html>'), 'INDEX_INVALID', /damaged: .*no gzip/],
    ['something behind the last member', Buffer.concat([gz(body), Buffer.from('more')]), 'INDEX_INVALID', /no gzip/],
    ['a damaged archive', gz(Buffer.alloc(512, 'x')), 'INDEX_INVALID', /damaged/],
    ['an unexpected file', gz(body, tar(['evil', ''])), 'INDEX_INVALID', /unexpected file "evil"/],
    ['APKINDEX twice', gz(body, body), 'INDEX_INVALID', /twice/],
    ['no APKINDEX', gz(tar(['DESCRIPTION', 'd'])), 'INDEX_INVALID', /no APKINDEX/],
    ['an empty archive', gz(TAR_END), 'INDEX_INVALID', /no APKINDEX/],
    ['a bomb', gz(tar(['APKINDEX', 'x'.repeat(2_000_000)])), 'ARCHIVE_LIMIT', /more than/],
    [
      'a bomb in many members',
      Buffer.concat(Array<Buffer>(40).fill(gz(Buffer.alloc(30_000)))),
      'ARCHIVE_LIMIT',
      /more than/,
    ],
  ])('refuses %s', (_, bytes, code, message) => {
    expect(() => read(bytes)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  it('does not let the signature swallow what was signed', () => {
    // An entry that claims more content than its member holds would hide the first header of the next member.
    const greedy = Buffer.concat([tar(['.SIGN.RSA.a.rsa.pub', 'x'.repeat(512)]).subarray(0, 512)]);
    const bytes = Buffer.concat([gz(greedy), gz(body)]);
    expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'INDEX_INVALID' }));
  });
});

describe('printIndexArchive', () => {
  it('is read back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (records, description) => {
        expect(read(printIndexArchive(records, description))).toBe(records.toWellFormed());
      }),
    );
  });

  it('gives the same bytes for the same records', () => {
    expect(printIndexArchive('P:a\n\n', 'd').equals(printIndexArchive('P:a\n\n', 'd'))).toBe(true);
    expect(printIndexArchive('P:a\n\n', 'd').equals(printIndexArchive('P:a\n\n', 'e'))).toBe(false);
  });
});
