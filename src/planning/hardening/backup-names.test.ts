import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BACKUP_ENDS, BACKUP_NAME } from './backup-names.ts';

const ENDINGS =
  '~ .apk-new .apk-old .dpkg-new .dpkg-old .dpkg-dist .dpkg-tmp .rpmsave .rpmnew .rpmorig .bak .swp .orig .rej'.split(
    ' ',
  );

describe('names of back-ups', () => {
  it.each(ENDINGS)('x%s', (ending) => {
    expect(BACKUP_NAME.test(`etc/x${ending}`)).toBe(true);
    expect(BACKUP_NAME.test(`etc/x${ending}/y`)).toBe(false);
  });

  it('end in the letters that are asked for first', () => {
    const part = fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom(...ENDINGS, 'apk', '-', 'rpm', '.'));
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const name = parts.join('');
        if (BACKUP_NAME.test(name)) expect(BACKUP_ENDS.has(name.charCodeAt(name.length - 1))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
