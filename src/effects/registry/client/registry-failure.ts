// What a registry's refusals say: its error documents and the sentences for statuses (distribution spec, "Error codes").
// Texts of a registry are hostile: they are cut, made one line, and go through the authenticator's scrub before use.

import { Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import { isMap, parseJsonMap } from '../auth/auth-file.ts';
import type { SmallAnswer } from '../small-answer.ts';

export interface RegistryErrorText {
  /** `MANIFEST_UNKNOWN`; '' where there is none. */
  readonly code: string;
  readonly message: string;
}

const SHOWN_CHARACTERS = 200;

/** The errors of an answer's body; [] where it has no such document. */
export function parseErrors(bytes: Uint8Array): RegistryErrorText[] {
  let errors: unknown;
  try {
    errors = parseJsonMap(Buffer.from(bytes.subarray(0, LIMITS.registryAnswerBytes)).toString('utf8'), '')['errors'];
  } catch {
    return [];
  }
  if (!Array.isArray(errors)) return [];
  return errors.filter(isMap).map((error) => ({ code: line(error['code']), message: line(error['message']) }));
}

/** `MANIFEST_UNKNOWN: manifest unknown`, or undefined where the registry says nothing that can be shown. */
export function errorText(bytes: Uint8Array): string | undefined {
  const texts = parseErrors(bytes).map(({ code, message }) => [code, message].filter(Boolean).join(': '));
  const shown = texts.filter(Boolean).slice(0, 3).join('; ');
  return shown === '' ? undefined : shown;
}

/** What a part of a manifest that the registry does not have, or not yet, is called. */
const MISSING_PART_CODES = ['BLOB_UNKNOWN', 'MANIFEST_BLOB_UNKNOWN', 'MANIFEST_UNKNOWN'] as const;

/** How programs tell one refusal from another. */
export interface Refusal {
  readonly status?: number;
  /** The registry misses something that the manifest it was given names. */
  readonly missesPart?: true;
}

/** Empty for what is no Failure of `statusFailure`. */
export function refusalOf(error: unknown): Refusal {
  return error instanceof Failure && error.code === 'HTTP_STATUS' ? ((error.data ?? {}) as Refusal) : {};
}

/** `doing` completes "does not let us". `text` is the registry's own words, scrubbed. */
export function statusFailure(
  { status, url, bytes }: Pick<SmallAnswer, 'status' | 'url' | 'bytes'>,
  doing: string,
  text: string | undefined,
): Failure {
  return new Failure('HTTP_STATUS', `${url.host} does not let us ${doing}: it answered with status ${status}`, {
    hint: statusHint(status),
    notes: text === undefined ? [] : [`the registry says: ${text}`],
    data: { status, ...(missesPart(bytes) && { missesPart: true }) } satisfies Refusal,
  });
}

function missesPart(bytes: Uint8Array): boolean {
  return parseErrors(bytes).some(({ code }) => MISSING_PART_CODES.some((known) => known === code));
}

function statusHint(status: number): string {
  if (status === 404) return 'check the name of the repository; some registries want it to be created first';
  if (status === 405) return 'this registry does not offer that, or has it switched off';
  if (status === 413) return 'a server on the way has a bound on the size of a request; ask whoever runs it';
  if (status === 429) return 'the registry limits requests; log in for a higher limit, or wait a while';
  if (status >= 500) return 'the registry has trouble; try again later';
  return 'the registry does not accept the request; `stave doctor` shows what it can do';
}

export function protocolFailure(url: URL, what: string): Failure {
  return new Failure('REGISTRY_PROTOCOL', `the registry ${url.host} ${what}`, {
    hint: 'the registry, or a proxy in front of it, is broken; `stave doctor` shows more',
  });
}

/** One printable line, not too long. */
function line(value: unknown): string {
  if (typeof value !== 'string') return '';
  const flat = value.replace(/[\p{C}\s]+/gu, ' ').trim();
  return flat.length > SHOWN_CHARACTERS ? `${flat.slice(0, SHOWN_CHARACTERS)}…` : flat;
}
