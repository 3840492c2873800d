import fc from 'fast-check';
import parseExpression from 'spdx-expression-parse';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../base/limits.ts';
import { parseLicence } from './licence.ts';

describe('parseLicence', () => {
  it.each([
    // Already expressions.
    ['MIT', 'MIT'],
    ['GPL-1.0-or-later OR Artistic-1.0-Perl', 'GPL-1.0-or-later OR Artistic-1.0-Perl'],
    ['Apache-2.0 WITH LLVM-exception', 'Apache-2.0 WITH LLVM-exception'],
    ['(MIT OR ISC) AND BSD-2-Clause', '(MIT OR ISC) AND BSD-2-Clause'],
    ['GPL-2.0+', 'GPL-2.0+'],
    ['LicenseRef-own AND MIT', 'LicenseRef-own AND MIT'],
    // No statement.
    ['', 'NOASSERTION'],
    ['  ', 'NOASSERTION'],
    ['Unknown', 'NOASSERTION'],
    ['NOASSERTION', 'NOASSERTION'],
    ['NONE', 'NONE'],
    // Meant as expressions.
    ['Public-Domain and MIT', 'LicenseRef-apk-Public-Domain AND MIT'],
    ['ISC and BSD-2-Clause or mit', 'ISC AND BSD-2-Clause OR MIT'],
    ['ZLib', 'Zlib'],
    ['GPL-2.0+, LGPL-2.1+, Zlib', 'GPL-2.0+ AND LGPL-2.1+ AND Zlib'],
    ['GPL-2.0-only LGPL-2.1-only', '(GPL-2.0-only AND LGPL-2.1-only)'],
    ['MIT ICU Unicode-TOU', '(MIT AND ICU AND Unicode-TOU)'],
    ['LGPL-2.0-or-later VSL', '(LGPL-2.0-or-later AND LicenseRef-apk-VSL)'],
    [
      'GFDL-1.3-or-later GPL-2.0-or-later WITH Font-exception-2.0',
      '(GFDL-1.3-or-later AND GPL-2.0-or-later WITH Font-exception-2.0)',
    ],
    // Names that are none of the list's.
    ['custom', 'LicenseRef-apk-custom'],
    ['custom:multiple', 'LicenseRef-apk-custom-multiple'],
    ['Public Domain', 'LicenseRef-apk-PublicC32Domain'],
    ['Public Domain OR MIT', 'LicenseRef-apk-PublicC32Domain OR MIT'],
    ['GPL-2.0-only WITH OpenSSL-Exception', 'LicenseRef-apk-GPL-2.0-onlyC32WITHC32OpenSSL-Exception'],
    // Not readable as an expression: all of it is one name.
    ['MIT AND', 'LicenseRef-apk-MITC32AND'],
    ['MIT WITH', 'LicenseRef-apk-MITC32WITH'],
    ['GPL (v2)', 'LicenseRef-apk-GPLC32C40v2C41'],
    ['((MIT)', 'LicenseRef-apk-C40C40MITC41'],
    ['(MIT AND ISC) WITH LLVM-exception', 'LicenseRef-apk-C40MITC32ANDC32ISCC41C32WITHC32LLVM-exception'],
  ])('%j -> %s', (text, expression) => {
    expect(parseLicence(text).expression).toBe(expression);
  });

  it('tells what its references stand for, and the id of a listed licence', () => {
    expect(parseLicence('Public-Domain AND MIT').refs).toEqual([
      { licenseId: 'LicenseRef-apk-Public-Domain', extractedText: 'Public-Domain' },
    ]);
    expect(parseLicence('LicenseRef-own').refs.map((ref) => ref.licenseId)).toEqual(['LicenseRef-own']);
    expect(parseLicence('mit').listedId).toBe('MIT');
    expect(parseLicence('MIT OR ISC').listedId).toBeUndefined();
  });

  it('shortens long names by their hash, so that two never share an id', () => {
    const [a, b] = [parseLicence(`${'x'.repeat(90)}1`), parseLicence(`${'x'.repeat(90)}2`)];
    expect(a.expression).toMatch(/^LicenseRef-apk-[0-9a-f]{32}$/);
    expect(b.expression).not.toBe(a.expression);
    const huge = '('.repeat(LIMITS.licenceCharacters + 1);
    expect(parseLicence(huge).refs).toEqual([{ licenseId: parseLicence(huge).expression, extractedText: huge }]);
  });

  it('always gives a valid expression, whose references are all explained', () => {
    const word = fc.constantFrom(
      ...['MIT', 'mit', 'GPL-2.0+', 'custom', 'AND', 'or', 'WITH', 'LLVM-exception', '(', ')', ',', 'LicenseRef-x'],
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(word, { maxLength: 12 }).map((words) => words.join(' ')),
    );
    fc.assert(
      fc.property(text, (licence) => {
        const { expression, refs } = parseLicence(licence);
        if (expression !== 'NOASSERTION' && expression !== 'NONE') parseExpression(expression);
        const used = expression.match(/LicenseRef-[A-Za-z0-9.-]+/g) ?? [];
        expect(used.toSorted()).toEqual(refs.map((ref) => ref.licenseId).toSorted());
        if (expression !== 'NOASSERTION') expect(parseLicence(expression).expression).toBe(expression);
      }),
      { numRuns: 150 },
    );
  });
});
