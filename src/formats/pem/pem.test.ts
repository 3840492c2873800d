// Which texts hold which blocks, and print-then-parse.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CERTIFICATE_1, CERTIFICATE_2 } from '../../../test/support/certificates.ts';
import { parsePem, printPem } from './pem.ts';

const block = (type: string, ...body: string[]) =>
  [`-----BEGIN ${type}-----`, ...body, `-----END ${type}-----`, ''].join('\n');
const A = block('A', 'AQID');

/** Blocks in short: `TYPE hex`. */
const shortly = (text: string) => parsePem(text).map(({ type, der }) => `${type} ${Buffer.from(der).toString('hex')}`);

describe('parsePem', () => {
  it.each<[string, string, string[]]>([
    ['nothing', '', []],
    ['text only', 'no block here\n', []],
    ['one block', A, ['A 010203']],
    ['text around', `before\n${A}after`, ['A 010203']],
    ['no final newline', A.trimEnd(), ['A 010203']],
    ['several blocks', `${A}${block('B C', 'BA==')}`, ['A 010203', 'B C 04']],
    ['carriage returns and spaces', A.replaceAll('\n', ' \r\n'), ['A 010203']],
    ['lines of any length', block('A', 'A', 'QI', 'D'), ['A 010203']],
    ['blanks within lines', block('A', 'AQ ID'), ['A 010203']],
    ['headers', block('A', 'Proc-Type: 4', 'X: y', '', 'AQID'), ['A 010203']],
    ['an empty line before the base64', block('A', '', 'AQID'), ['A 010203']],
    ['an empty block', block('A'), ['A ']],
    ['headers without empty line', block('A', 'X: y', 'AQID'), []],
    ['another label at the end', A.replace('END A', 'END B'), []],
    ['no end', '-----BEGIN A-----\nAQID\n', []],
    ['no end, then a whole one', `-----BEGIN A-----\nAQID\n${block('B', 'BA==')}`, ['B 04']],
    ['no base64', block('A', 'AQ!D'), []],
    ['padding too short', block('A', 'BA='), []],
    ['padding in the middle', block('A', 'BA==', 'AQID'), []],
    ['not at the start of the line', `x${A}`, []],
    ['a glued pair', `${A.trimEnd()}${A}`, []],
  ])('%s', (_, text, blocks) => {
    expect(shortly(text)).toEqual(blocks);
  });
});

describe('printPem', () => {
  it.each([CERTIFICATE_1, CERTIFICATE_2])('prints as openssl does', (pem) => {
    expect(parsePem(`Subject: test\n${pem}`).map(printPem)).toEqual([pem]);
  });

  it('is read back', () => {
    const blocks = fc.array(
      fc.record({ type: fc.stringMatching(/^[A-Z]([A-Z ]{0,10}[A-Z])?$/), der: fc.uint8Array({ maxLength: 200 }) }),
    );
    fc.assert(
      fc.property(blocks, (list) => {
        const text = list.map((b) => `text\n${printPem(b)}`).join('');
        expect(parsePem(text).map(({ type, der }) => ({ type, der: Uint8Array.from(der) }))).toEqual(list);
        expect(Math.max(0, ...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(64);
      }),
    );
  });
});
