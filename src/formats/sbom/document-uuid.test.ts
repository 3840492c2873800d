import fc from 'fast-check';
import { expect, it } from 'vitest';
import { documentUuid } from './document-uuid.ts';

it('is a UUID of version 8 and the RFC 9562 variant, the same for the same text only', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      expect(documentUuid(a)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(documentUuid(a) === documentUuid(b)).toBe(a === b);
    }),
  );
});
