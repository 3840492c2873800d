// What people read when something is wrong (design: "three kinds of wrong"): the sentence, the source line with a
// caret, notes, a hint. And the same as one JSON object for --json. Must never print a secret or a control character.

import { Failure, type SourcePlace } from '../../base/failure.ts';
import { redactText } from '../../base/redact.ts';
import type { Paint } from './paint.ts';
import { characterWidth, printable } from './printable.ts';

/** Columns of a source line that we show; longer lines are cut around the caret. */
const SHOWN_COLUMNS = 120;

/** Lines for a terminal or a log, with a final newline. `verbose` adds the causes. */
export function printFailure(failure: Failure, paint: Paint, verbose = false): string {
  const lines = [`${paint('error', 'error:')} ${printable(failure.message)} ${paint('quiet', `[${failure.code}]`)}`];
  if (failure.where !== undefined) lines.push(...sourceLines(failure.where, paint));
  for (const note of failure.notes) lines.push(...indented(note, '  '));
  if (failure.hint !== undefined) lines.push(`  ${paint('hint', 'hint:')} ${printable(failure.hint)}`);
  if (verbose) lines.push(...causeLines(failure.cause, paint));
  return `${lines.join('\n')}\n`;
}

/** The fields of a failure for --json: one object on one line of stderr, told from events by its `type`. */
export function failureRecord(failure: Failure): Record<string, unknown> {
  return {
    type: 'failure',
    code: failure.code,
    message: failure.message,
    exitCode: failure.exitCode,
    ...(failure.where !== undefined && { where: failure.where }),
    ...(failure.hint !== undefined && { hint: failure.hint }),
    ...(failure.notes.length > 0 && { notes: failure.notes }),
    ...(failure.data !== undefined && { data: failure.data }),
  };
}

/** Our own mistake: the stack, and a request to report it. */
function printBug(error: unknown, paint: Paint): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [
    `${paint('error', 'internal error:')} ${printable(redactText(stack))}`,
    '',
    'This is a mistake in stave, not in what you did. Please report it with the lines above,',
    'the command you ran, and what `stave version` prints.',
    '',
  ].join('\n');
}

function bugRecord(error: unknown): Record<string, unknown> {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    type: 'failure',
    code: 'INTERNAL',
    message: redactText(message),
    exitCode: 1,
    ...(stack !== undefined && { stack: redactText(stack) }),
  };
}

/** The line with a caret under the column. */
export function sourceLines(where: SourcePlace, paint: Paint): string[] {
  const place = `${printable(where.file)}:${where.line}:${where.column}`;
  const number = String(where.line);
  const margin = ' '.repeat(number.length);
  const bar = paint('quiet', '|');
  if (where.text === undefined) return [`  ${paint('quiet', '-->')} ${place}`];
  const { text, column } = croppedAround(where.text, where.column);
  return [
    `  ${margin}${paint('quiet', '-->')} ${place}`,
    `  ${margin} ${bar}`,
    `  ${paint('quiet', number)} ${bar} ${printable(text)}`,
    `  ${margin} ${bar} ${caretPadding(text, column)}${paint('error', '^')}`,
  ];
}

function croppedAround(text: string, column: number): { text: string; column: number } {
  if (text.length <= SHOWN_COLUMNS) return { text, column };
  const start = Math.max(0, Math.min(column - 1 - SHOWN_COLUMNS / 2, text.length - SHOWN_COLUMNS));
  const piece = text.slice(start, start + SHOWN_COLUMNS);
  const head = start > 0 ? '…' : '';
  const tail = start + SHOWN_COLUMNS < text.length ? '…' : '';
  return { text: head + piece + tail, column: column - start + head.length };
}

/** What stands above the caret, as blanks: tabs stay tabs, wide characters become two blanks. */
function caretPadding(text: string, column: number): string {
  let padding = '';
  for (const character of text.slice(0, column - 1)) {
    if (character === '\t') padding += '\t';
    else padding += ' '.repeat([...printable(character)].reduce((width, c) => width + characterWidth(c), 0));
  }
  return padding + ' '.repeat(Math.max(0, column - 1 - text.length));
}

function indented(text: string, indent: string): string[] {
  return printable(text)
    .split('\n')
    .map((line) => `${indent}${line}`);
}

function causeLines(cause: unknown, paint: Paint): string[] {
  const lines: string[] = [];
  for (let error = cause, depth = 0; error instanceof Error && depth < 8; error = error.cause, depth++) {
    lines.push(`  ${paint('quiet', `because: ${printable(redactText(error.message))}`)}`);
  }
  return lines;
}

/** The failure as text or JSON line, whatever was thrown. */
export function printThrown(error: unknown, paint: Paint, options: { json: boolean; verbose: boolean }): string {
  if (options.json) {
    return `${JSON.stringify(error instanceof Failure ? failureRecord(error) : bugRecord(error))}\n`;
  }
  return error instanceof Failure ? printFailure(error, paint, options.verbose) : printBug(error, paint);
}
