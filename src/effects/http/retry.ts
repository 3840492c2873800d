// What is worth another try, and how long to wait before it (cli.md 4, where the reference retries far too much).
// A name that does not resolve, a refused connection or certificate, and a client error stay what they are.

/** Waiting and chance, so that tests need neither. */
export interface RetryClock {
  /** Milliseconds since 1970: a Retry-After header may be a date. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** 0 <= x < 1. */
  random(): number;
}

export const systemClock: RetryClock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: () => Math.random(),
};

/** Requests in all for one `get`, the first included. */
export const MAX_ATTEMPTS = 5;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 8_000;
/** A server that wants a longer pause than this gets its error passed on at once: builds should not hang silently. */
const MAX_RETRY_AFTER_MS = 60_000;

/** Connections that broke or stalled. Everything else either cannot change within seconds or is our own mistake. */
const BROKEN = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

/** Nobody answered for many seconds: one more try is fair, five would be minutes. */
const SILENT = new Set(['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT']);

/** The code of a network error, looked for in its causes too; '' when there is none. */
export function errorCode(error: unknown): string {
  for (let e = error, depth = 0; e instanceof Error && depth < 4; e = e.cause, depth++) {
    if ('code' in e && typeof e.code === 'string') return e.code;
  }
  return '';
}

/** How many requests in all are worth it when one ends in this error. */
export function attemptsWorth(error: unknown): number {
  const code = errorCode(error);
  return BROKEN.has(code) ? MAX_ATTEMPTS : SILENT.has(code) ? 2 : 1;
}

export function isRetryableStatus(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501);
}

/** Milliseconds to wait before attempt `attempt` + 1: doubling, with jitter of a half so that builds do not march in step. */
export function backoffMs(attempt: number, clock: RetryClock): number {
  const full = Math.min(FIRST_DELAY_MS * 2 ** (attempt - 1), MAX_DELAY_MS);
  return Math.round(full / 2 + (full / 2) * clock.random());
}

/** What a Retry-After header asks for in milliseconds; undefined without one; 'too-long' beyond our patience. */
export function retryAfterMs(header: string | undefined, clock: RetryClock): number | 'too-long' | undefined {
  if (header === undefined) return undefined;
  const date = Date.parse(header);
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Number.isNaN(date) ? undefined : date - clock.now();
  if (ms === undefined) return undefined;
  return ms > MAX_RETRY_AFTER_MS ? 'too-long' : Math.max(ms, 0);
}
