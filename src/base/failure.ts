// Failure: the world or the user is wrong. It has a code, a sentence that names the thing, and a hint.
// (Our own mistakes are assertions, see `assert`; answers that are no errors are findings, plain values.)
// Never put a secret into a Failure: URLs pass `redact` here, whoever makes one.

import { EXIT, FAILURE_CODES, type FailureCode } from './failure-codes.ts';
import { redactText } from './redact.ts';

/** A place in a text the user wrote. `line` and `column` count from 1; `text` is that source line without its end. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text?: string;
}

export interface FailureDetails {
  readonly where?: SourcePlace;
  /** What to do about it; one sentence or a question ("did you mean ...?"). */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Further places or facts, one line each, shown below the sentence. */
  readonly notes?: readonly string[];
  /** Machine-readable explanation for --json (a solver explanation, a list of mismatches). */
  readonly data?: unknown;
}

export class Failure extends Error {
  readonly code: FailureCode;
  readonly where: SourcePlace | undefined;
  readonly hint: string | undefined;
  readonly notes: readonly string[];
  readonly data: unknown;

  constructor(code: FailureCode, sentence: string, details: FailureDetails = {}) {
    super(redactText(sentence), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'Failure';
    this.code = code;
    this.where = details.where;
    this.hint = details.hint === undefined ? undefined : redactText(details.hint);
    this.notes = (details.notes ?? []).map(redactText);
    this.data = details.data;
  }

  get exitCode(): number {
    return EXIT[FAILURE_CODES[this.code][0]];
  }

  /** The same failure said in a wider context: `installing bash 5.2-r0: <sentence>`. Code, place and hint stay. */
  within(context: string): Failure {
    return this.rephrased(`${context}: ${this.message}`, this.where);
  }

  /** The same failure with a place, unless it has one already. */
  at(place: SourcePlace | undefined): Failure {
    return this.where !== undefined || place === undefined ? this : this.rephrased(this.message, place);
  }

  private rephrased(message: string, where: SourcePlace | undefined): Failure {
    return new Failure(this.code, message, {
      ...(where && { where }),
      ...(this.hint !== undefined && { hint: this.hint }),
      notes: this.notes,
      data: this.data,
      cause: this.cause ?? this,
    });
  }
}

/** Runs `work`; a Failure thrown inside is said again with `context` in front. Other errors pass unchanged. */
export function failingWithin<T>(context: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Failure ? error.within(context) : error;
  }
}

/** Runs `work`; a Failure thrown inside that has no place gets this one. */
export function failingAt<T>(place: SourcePlace | undefined, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Failure ? error.at(place) : error;
  }
}

/** The same for work that takes its time. */
export async function failingLaterAt<T>(place: SourcePlace | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Failure ? error.at(place) : error;
  }
}

/** We are wrong, not the user: crash with a stack and a request to report. */
export function assert(condition: unknown, claim: string): asserts condition {
  if (!condition) throw new Error(`internal error: ${claim}. Please report this with the command you ran.`);
}
