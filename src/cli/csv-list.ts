// List flags: repeatable, each value a comma-separated line with CSV quoting (cli.md 1): `-p a,b -p '"x,y"'`.

import { Failure } from '../base/failure.ts';

/** The fields of one CSV line. An empty text has none. */
export function parseCsvLine(text: string): string[] {
  if (text === '') return [];
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      const end = closingQuote(text, at);
      fields.push(text.slice(at + 1, end).replaceAll('""', '"'));
      at = end + 1;
    } else {
      const end = text.indexOf(',', at);
      const field = text.slice(at, end < 0 ? text.length : end);
      if (field.includes('"')) throw badQuote(text);
      fields.push(field);
      at += field.length;
    }
    if (at === text.length) return fields;
    if (text[at] !== ',') throw badQuote(text);
    at++;
  }
}

function closingQuote(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] !== '"') continue;
    if (text[at + 1] !== '"') return at;
    at++; // A doubled quote stands for one.
  }
  throw badQuote(text);
}

function badQuote(text: string): Failure {
  return new Failure('USAGE_FLAG', `the list ${text} has a misplaced or unclosed double quote`, {
    hint: 'quote a whole field that holds a comma: \'"a,b",c\'',
  });
}
