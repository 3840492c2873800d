import { describe, expect, it } from 'vitest';
import { errorText, parseErrors, statusFailure } from './registry-failure.ts';

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

describe('errors of a registry', () => {
  it.each<[string, unknown, string | undefined]>([
    ['one', { errors: [{ code: 'DENIED', message: 'no' }] }, 'DENIED: no'],
    [
      'several',
      { errors: [{ code: 'A' }, { message: 'b' }, { code: 'C', message: 'c' }, { code: 'D' }] },
      'A; b; C: c',
    ],
    ['control characters', { errors: [{ message: 'a\u001b[31m\nb\u202ec' }] }, 'a [31m b c'],
    ['a long one', { errors: [{ message: 'x'.repeat(500) }] }, `${'x'.repeat(200)}…`],
    ['no list', { errors: 'x' }, undefined],
    ['other types', { errors: [7, { code: 1, message: [] }] }, undefined],
    ['a page for people', '<html>', undefined],
    ['nothing', '', undefined],
  ])('%s', (_name, document, expected) => {
    expect(errorText(bytes(document))).toBe(expected);
  });

  it('keeps codes for decisions', () => {
    expect(parseErrors(bytes({ errors: [{ code: 'X', message: 'y', detail: {} }] }))).toEqual([
      { code: 'X', message: 'y' },
    ]);
  });
});

describe('statusFailure', () => {
  it.each([
    [400, /does not accept/],
    [404, /check the name of the repository/],
    [405, /does not offer that/],
    [413, /bound on the size/],
    [429, /limits requests/],
    [500, /has trouble/],
    [503, /has trouble/],
  ])('%i says what to do', (status, hint) => {
    const failure = statusFailure(
      { status, url: new URL('https://u:p@r.example/v2/x'), bytes: bytes('') },
      'store r.example/a:1',
      'A: b',
    );
    expect(failure.message).toBe(`r.example does not let us store r.example/a:1: it answered with status ${status}`);
    expect(failure.hint).toMatch(hint);
    expect(failure).toMatchObject({ code: 'HTTP_STATUS', data: { status }, notes: ['the registry says: A: b'] });
  });
});
