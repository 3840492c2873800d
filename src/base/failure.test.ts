import { describe, expect, it } from 'vitest';
import { assert, Failure, failingAt, failingWithin } from './failure.ts';
import { EXIT, FAILURE_CODES, type FailureCode } from './failure-codes.ts';

describe('a failure', () => {
  it('carries code, sentence, place, hint and notes, all without secrets', () => {
    const where = { file: 'a.yaml', line: 2, column: 3, text: 'x: y' };
    const failure = new Failure('HTTP_STATUS', 'GET https://u:p@host/x: 403', {
      where,
      hint: 'see https://u:p@host/help',
      notes: ['asked https://u:p@host/x'],
      data: { status: 403 },
    });
    expect(failure).toMatchObject({
      code: 'HTTP_STATUS',
      message: 'GET https://xxxxx@host/x: 403',
      hint: 'see https://xxxxx@host/help',
      notes: ['asked https://xxxxx@host/x'],
      where,
      data: { status: 403 },
      exitCode: EXIT.network,
    });
  });

  it('said in a wider context keeps everything else', () => {
    const inner = new Failure('KEY_INVALID', 'no key', { hint: 'h', notes: ['n'], data: 1 });
    expect(inner.within('reading x')).toMatchObject({
      code: 'KEY_INVALID',
      message: 'reading x: no key',
      hint: 'h',
      notes: ['n'],
      data: 1,
      cause: inner,
    });
  });

  it('gets its context from failingWithin; other errors pass unchanged', () => {
    const failing = (error: Error) => () =>
      failingWithin('outside', () => {
        throw error;
      });
    expect(failing(new Failure('KEY_INVALID', 'inside'))).toThrow('outside: inside');
    expect(failing(new RangeError('inside'))).toThrow(new RangeError('inside'));
    expect(failingWithin('outside', () => 7)).toBe(7);
  });

  it.each(Object.keys(FAILURE_CODES) as FailureCode[])('%s has an exit status between 2 and 8', (code) => {
    expect(new Failure(code, 'x').exitCode).toBeGreaterThanOrEqual(2);
    expect(new Failure(code, 'x').exitCode).toBeLessThanOrEqual(8);
  });
});

describe('an assertion', () => {
  it('crashes as our own mistake', () => {
    expect(() => assert(false, 'one is one')).toThrow('internal error: one is one');
    expect(() => assert(true, 'one is one')).not.toThrow();
  });
});

describe('a place', () => {
  const place = { file: 'a.yaml', line: 2, column: 3 };
  const failing = (failure: Failure) => () =>
    failingAt(place, () => {
      throw failure;
    });

  it('is given by failingAt to a failure that has none', () => {
    const failure = new Failure('KEY_INVALID', 'x', { hint: 'h' });
    expect(failing(failure)).toThrow(expect.objectContaining({ message: 'x', where: place, hint: 'h' }));
    expect(failure.at(undefined)).toBe(failure);
  });

  it('stays when there is one', () => {
    const where = { file: 'b.yaml', line: 9, column: 1 };
    expect(failing(new Failure('KEY_INVALID', 'x', { where }))).toThrow(expect.objectContaining({ where }));
  });
});
