// What the registry says when it refuses: a status and the error document of the distribution spec ("Error Codes").
// These are answers to a client, not Failures: nothing here ends the server.

import { printJson } from '../../../base/canonical-json.ts';
import type { Answer } from './exchange.ts';

/** Every code of the specification that we use, with the status that goes with it. */
const STATUS = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNSUPPORTED: 405,
} as const;

type RegistryErrorCode = keyof typeof STATUS;

interface RegistryErrorDetails {
  /** Where it is not the usual one of the code. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the sentence is about, for programs. */
  readonly detail?: unknown;
}

export class RegistryError extends Error {
  readonly status: number;
  readonly #code: RegistryErrorCode;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #detail: unknown;

  constructor(code: RegistryErrorCode, sentence: string, details: RegistryErrorDetails = {}) {
    super(sentence);
    this.#code = code;
    this.status = details.status ?? STATUS[code];
    this.#headers = details.headers ?? {};
    this.#detail = details.detail;
  }

  answer(): Answer {
    return errorAnswer(this.status, this.#code, this.message, this.#detail, this.#headers);
  }
}

/** The answer to a mistake of ours or of the disk: says nothing of the inside. */
export function brokenAnswer(): Answer {
  return errorAnswer(500, 'UNKNOWN', 'the registry could not do that; its log says why');
}

function errorAnswer(
  status: number,
  code: string,
  message: string,
  detail?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const body = Buffer.from(printJson({ errors: [{ code, message, detail }] }));
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}
