import { describe, expect, it } from 'vitest';
import {
  attemptsWorth,
  backoffMs,
  errorCode,
  isRetryableStatus,
  MAX_ATTEMPTS,
  type RetryClock,
  retryAfterMs,
} from './retry.ts';

const clock = (random: number): RetryClock => ({
  now: () => Date.UTC(2026, 0, 1),
  sleep: async () => {},
  random: () => random,
});
const withCode = (code: string, cause?: unknown) => Object.assign(new Error('x', { cause }), { code });

describe('attemptsWorth', () => {
  it.each([
    ['ECONNRESET', MAX_ATTEMPTS],
    ['UND_ERR_SOCKET', MAX_ATTEMPTS],
    ['UND_ERR_BODY_TIMEOUT', MAX_ATTEMPTS],
    ['UND_ERR_CONNECT_TIMEOUT', 2],
    ['ENOTFOUND', 1],
    ['EAI_AGAIN', 1],
    ['ECONNREFUSED', 1],
    ['CERT_HAS_EXPIRED', 1],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 1],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 1],
    ['UND_ERR_INVALID_ARG', 1],
  ])('%s: %i', (code, attempts) => {
    expect(attemptsWorth(withCode(code))).toBe(attempts);
    expect(attemptsWorth(new Error('wrapped', { cause: withCode(code) }))).toBe(attempts);
  });

  it('is 1 for errors without a code', () => {
    expect(attemptsWorth(new Error('x'))).toBe(1);
    expect(attemptsWorth('text')).toBe(1);
    expect(errorCode(undefined)).toBe('');
  });
});

describe('isRetryableStatus', () => {
  it.each([
    [429, true],
    [500, true],
    [502, true],
    [503, true],
    [501, false],
    [400, false],
    [401, false],
    [404, false],
    [304, false],
  ])('%i: %s', (status, worth) => {
    expect(isRetryableStatus(status)).toBe(worth);
  });
});

describe('backoffMs', () => {
  it('doubles up to a bound, and keeps at least a half of it', () => {
    expect([1, 2, 3, 4, 5, 6, 50].map((n) => backoffMs(n, clock(0)))).toEqual([250, 500, 1000, 2000, 4000, 4000, 4000]);
    expect([1, 2, 50].map((n) => backoffMs(n, clock(1)))).toEqual([500, 1000, 8000]);
  });
});

describe('retryAfterMs', () => {
  it.each([
    [undefined, undefined],
    ['3', 3000],
    [' 0 ', 0],
    ['Thu, 01 Jan 2026 00:00:05 GMT', 5000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['61', 'too-long'],
    ['soon', undefined],
  ])('%s: %s', (header, expected) => {
    expect(retryAfterMs(header, clock(0))).toBe(expected);
  });
});
