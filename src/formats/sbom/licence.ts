// Licence texts of packages -> SPDX 2.3 licence expressions (Annex D). Where a text is none and cannot be read as one
// without guessing, it becomes a `LicenseRef-`, so that every document stays valid and nothing said is lost.

import parseExpression from 'spdx-expression-parse';
import DEPRECATED_IDS from 'spdx-license-ids/deprecated.json' with { type: 'json' };
import LICENCE_IDS from 'spdx-license-ids/index.json' with { type: 'json' };
import { hashHex } from '../../base/digest.ts';
import { LIMITS } from '../../base/limits.ts';
import type { SpdxLicensingInfo } from './spdx.ts';
import { encodeSpdxId } from './spdx-id.ts';

export interface Licence {
  /** A valid SPDX expression, NOASSERTION or NONE. */
  readonly expression: string;
  /** The id, where the expression is just one entry of the SPDX licence list. */
  readonly listedId: string | undefined;
  /** What each `LicenseRef-` in the expression stands for. */
  readonly refs: readonly SpdxLicensingInfo[];
}

const CANONICAL_IDS = new Map([...DEPRECATED_IDS, ...LICENCE_IDS].map((id) => [id.toLowerCase(), id]));

const UNKNOWN_TEXT = 'The package names this licence without its text.';

const LICENCE_REF = /^LicenseRef-[A-Za-z0-9.-]+$/;
const TOKENS = /[(),]|[^\s(),]+/g;

/**
 * The licence field of a package as an expression. Read as meant: operators in any case, list ids in any case, and
 * names in a row or with commas, which old Alpine packages write where all of them apply.
 */
export function parseLicence(text: string): Licence {
  const trimmed = text.trim().toWellFormed();
  if (/^(?:|noassertion|unknown)$/i.test(trimmed)) return { expression: 'NOASSERTION', listedId: undefined, refs: [] };
  if (trimmed === 'NONE') return { expression: 'NONE', listedId: undefined, refs: [] };
  if (trimmed.length > LIMITS.licenceCharacters) return asReference(trimmed);
  const reader = new ExpressionReader(trimmed);
  const expression = reader.read();
  if (expression === undefined || !isExpression(expression)) return asReference(trimmed);
  const listedId = CANONICAL_IDS.get(expression.toLowerCase());
  return { expression, listedId, refs: reader.refs };
}

function asReference(text: string): Licence {
  const ref = referenceTo(text);
  return { expression: ref.licenseId, listedId: undefined, refs: [ref] };
}

/** `apk-` keeps ours apart from the references of embedded documents, which may use one name for other texts. */
function referenceTo(text: string): SpdxLicensingInfo {
  const encoded = encodeSpdxId(text);
  const name = encoded.length <= 64 ? encoded : hashHex('sha256', text).slice(0, 32);
  return { licenseId: `LicenseRef-apk-${name}`, extractedText: text };
}

function isExpression(text: string): boolean {
  try {
    parseExpression(text);
    return true;
  } catch {
    return false;
  }
}

/** Rewrites token runs; the grammar of the result is judged by the expression parser. */
class ExpressionReader {
  readonly refs: SpdxLicensingInfo[] = [];
  readonly #tokens: readonly string[];

  constructor(text: string) {
    this.#tokens = text.match(TOKENS) ?? [];
  }

  /** The expression, or undefined where nothing in the text is known: then all of it is one name. */
  read(): string | undefined {
    const words: string[] = [];
    let known = this.#tokens.some((token) => operatorOf(token) !== undefined);
    let run: string[] = [];
    const endRun = () => {
      if (run.length > 0) words.push(this.#expressionOf(run));
      run = [];
    };
    for (const token of this.#tokens) {
      const operator = operatorOf(token);
      if (operator === undefined) {
        known ||= knownId(token) !== undefined;
        run.push(token);
      } else if (operator === 'WITH') {
        run.push(operator); // An exception belongs to the id before it.
      } else {
        endRun();
        words.push(operator);
      }
    }
    endRun();
    return known ? words.join(' ').replaceAll('( ', '(').replaceAll(' )', ')') : undefined;
  }

  /** Names in a row: each a licence of its own if at least one is known, else one name of several words. */
  #expressionOf(run: readonly string[]): string {
    if (!run.some((word) => knownId(word) !== undefined)) return this.#reference(run.join(' '));
    const parts: string[] = [];
    for (let i = 0; i < run.length; i++) {
      const word = run[i] ?? '';
      if (run[i + 1] === 'WITH' && i + 2 < run.length) {
        parts.push(this.#withException(word, run[i + 2] ?? ''));
        i += 2;
      } else {
        parts.push(this.#name(word));
      }
    }
    return parts.length === 1 ? (parts[0] ?? '') : `(${parts.join(' AND ')})`;
  }

  /** SPDX 2.3 has no reference for exceptions: with an unlisted one the whole phrase becomes a name. */
  #withException(word: string, exception: string): string {
    const phrase = `${knownId(word) ?? word} WITH ${exception}`;
    return isExpression(phrase) ? phrase : this.#reference(phrase);
  }

  #name(word: string): string {
    if (word === 'WITH') return word; // Half a phrase: the expression parser will refuse it.
    if (LICENCE_REF.test(word)) this.refs.push({ licenseId: word, extractedText: UNKNOWN_TEXT });
    return knownId(word) ?? this.#reference(word);
  }

  #reference(name: string): string {
    const ref = referenceTo(name);
    this.refs.push(ref);
    return ref.licenseId;
  }
}

function operatorOf(token: string): string | undefined {
  if (token === ',') return 'AND';
  if (token === '(' || token === ')') return token;
  const upper = token.toUpperCase();
  return upper === 'AND' || upper === 'OR' || upper === 'WITH' ? upper : undefined;
}

/** The id in the list's own spelling, with its `+`; references to licences stay as they are. */
function knownId(word: string): string | undefined {
  if (LICENCE_REF.test(word)) return word;
  const id = CANONICAL_IDS.get(word.toLowerCase());
  if (id !== undefined || !word.endsWith('+')) return id;
  const base = CANONICAL_IDS.get(word.slice(0, -1).toLowerCase());
  return base === undefined ? undefined : `${base}+`;
}
