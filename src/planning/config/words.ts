// Splits a command line into words (layer-and-oci.md 12, image-config.md 4). Like a shell's, with two differences that the
// reference has: inside double quotes a backslash takes any character literally, and nothing is ever expanded.

import { Failure, type SourcePlace } from '../../base/failure.ts';

/**
 * The words of `text`; quotes join, `#` at the start of a word begins a comment to the end of the line.
 * Failure CONFIG_INVALID for an open quote or a final backslash; `name` is what the text is called: `entrypoint.command`.
 */
export function splitWords(text: string, name: string, where?: SourcePlace): string[] {
  const fail = (sentence: string, hint: string): never => {
    throw new Failure('CONFIG_INVALID', `${name} ${sentence}`, { hint, ...(where !== undefined && { where }) });
  };
  const characters = [...text];
  const words: string[] = [];
  /** Undefined between words; '' for a word that is empty so far, as in `''`. */
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] as string;
    if (character === '\\' && quote !== "'") {
      const next = characters[++i];
      if (next === undefined) return fail('ends with a backslash', 'write two for a backslash itself');
      word = (word ?? '') + next;
    } else if (quote !== '') {
      if (character === quote) quote = '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (' \t\r\n'.includes(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === '#' && word === undefined) {
      while (i + 1 < characters.length && characters[i + 1] !== '\n') i++;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quote !== '') return fail(`has an open ${quote === '"' ? 'double' : 'single'} quote`, `close it with ${quote}`);
  if (word !== undefined) words.push(word);
  return words;
}
