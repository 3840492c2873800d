// A text the user wrote, and the places in it: what every located failure points at.
// Must never hand out credentials: the source line of a place is redacted here, since it is printed and logged.

import { Failure, type SourcePlace } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { redactText } from '../../base/redact.ts';

export interface SourceText {
  readonly file: string;
  readonly text: string;
  /** Offset of the first character of each line, ascending; the first is 0. */
  readonly lineStarts: readonly number[];
}

// YAML 1.2 section 5.1 excludes these; a stray one is an editor's accident that nobody sees on a screen.
const CONTROL_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** Decodes UTF-8 (a byte order mark is dropped). Failure CONFIG_SYNTAX: too large, not UTF-8, control characters. */
export function readSourceText(file: string, bytes: Uint8Array): SourceText {
  if (bytes.length > LIMITS.configBytes) {
    throw new Failure('CONFIG_SYNTAX', `${file} has ${bytes.length} bytes; the bound is ${LIMITS.configBytes}`);
  }
  const source = sourceText(file, decode(file, bytes));
  const control = CONTROL_CHARACTER.exec(source.text);
  if (control !== null) {
    const code = source.text.charCodeAt(control.index).toString(16).toUpperCase().padStart(4, '0');
    throw new Failure('CONFIG_SYNTAX', `a control character (U+${code}) is not allowed in YAML`, {
      where: placeAt(source, control.index),
      hint: 'write it as an escape in double quotes, for example "\\x1b"',
    });
  }
  return source;
}

export function sourceText(file: string, text: string): SourceText {
  const lineStarts = [0];
  for (const match of text.matchAll(/\r\n|\r|\n/g)) lineStarts.push(match.index + match[0].length);
  return { file, text, lineStarts };
}

/** The line and column of an offset, both counted from 1; columns count UTF-16 units. Offsets past the end mean the end. */
export function placeAt(source: SourceText, offset: number): SourcePlace {
  const at = Math.min(offset, source.text.length);
  const line = lineIndex(source.lineStarts, at);
  const start = source.lineStarts[line] ?? 0;
  const raw = source.text.slice(start, source.lineStarts[line + 1] ?? source.text.length).replace(/[\r\n]+$/, '');
  // Taking credentials out moves what follows them, and the caret with it.
  const column = redactText(raw.slice(0, at - start)).length + 1;
  return { file: source.file, line: line + 1, column, text: redactText(raw) };
}

function lineIndex(lineStarts: readonly number[], offset: number): number {
  let low = 0;
  let high = lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lineStarts[middle] as number) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    // The longest prefix of whole lines that does decode tells the line.
    let line = 1;
    for (let start = 0; ; line++) {
      const end = bytes.indexOf(0x0a, start) + 1;
      if (!isUtf8(bytes.subarray(start, end === 0 ? bytes.length : end)) || end === 0) break;
      start = end;
    }
    throw new Failure('CONFIG_SYNTAX', 'this line is not UTF-8 text', { where: { file, line, column: 1 }, cause });
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
