// How a plain scalar becomes a number or a boolean (image-config.md 1): YAML 1.2 with the leftovers of 1.1 that people use.

const DECIMAL = /^[+-]?(0|[1-9][0-9_]*)$/;
const OCTAL = /^[+-]?0[oO]?[0-7_]+$/;
const HEXADECIMAL = /^[+-]?0[xX][0-9a-fA-F_]+$/;
const BINARY = /^[+-]?0[bB][01_]+$/;

/** A whole number in decimal, octal (`0755`, `0o755`), hexadecimal or binary; undefined for everything else. */
export function parseInteger(text: string): number | undefined {
  const digits = text.replace(/^[+-]/, '').replaceAll('_', '');
  const magnitude = integerMagnitude(text, digits);
  if (magnitude === undefined || Number.isNaN(magnitude)) return undefined;
  return text.startsWith('-') ? 0 - magnitude : magnitude;
}

function integerMagnitude(text: string, digits: string): number | undefined {
  if (DECIMAL.test(text)) return Number.parseInt(digits, 10);
  if (OCTAL.test(text)) return Number.parseInt(digits.replace(/^0[oO]?/, ''), 8);
  if (HEXADECIMAL.test(text)) return Number.parseInt(digits.slice(2), 16);
  if (BINARY.test(text)) return Number.parseInt(digits.slice(2), 2);
  return undefined;
}

const TRUE_TEXTS: readonly string[] = ['true', 'True', 'TRUE'];
const FALSE_TEXTS: readonly string[] = ['false', 'False', 'FALSE'];
/** YAML 1.1 spellings, with or without quotes, where a boolean is expected. */
export const TRUE_WORDS: readonly string[] = ['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'];
export const FALSE_WORDS: readonly string[] = ['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'];

export function parseBoolean(text: string, plain: boolean): boolean | undefined {
  if ((plain && TRUE_TEXTS.includes(text)) || TRUE_WORDS.includes(text)) return true;
  if ((plain && FALSE_TEXTS.includes(text)) || FALSE_WORDS.includes(text)) return false;
  return undefined;
}
