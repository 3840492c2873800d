// Where a text stops being JSON. The engine's own messages differ between Node versions and often lack the position; a lock
// with merge conflict markers in it is common enough to point at the line.

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end';

const BLANKS = /[ \t\r\n]*/y;
const STRING_PIECE = /[^"\\\x00-\x1f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const LITERAL = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;

/** The offset of the first token that no JSON text can have there, or undefined for JSON. */
export function jsonErrorOffset(text: string): number | undefined {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  for (let at = endOf(BLANKS, text, 0); at < text.length; ) {
    const character = text[at] as string;
    const sign = '{}[],:'.includes(character) ? character : undefined;
    const end = sign !== undefined ? at + 1 : character === '"' ? stringEnd(text, at) : endOf(LITERAL, text, at);
    const next: Expected | undefined = end === at ? undefined : step(expected, sign, character === '"', open);
    if (next === undefined) return at;
    expected = next;
    at = endOf(BLANKS, text, end);
  }
  return open.length === 0 && expected === ', or end' ? undefined : text.length;
}

/** Behind what the sticky expression matches at `at`, or `at` where it does not match. */
function endOf(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at;
  return sticky.test(text) ? sticky.lastIndex : at;
}

/** Behind the closing quote, or `start` for a string that is open or malformed. A loop, since one expression backtracks. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  for (let end = endOf(STRING_PIECE, text, at); end > at; end = endOf(STRING_PIECE, text, at)) at = end;
  return text[at] === '"' ? at + 1 : start;
}

/** What may follow this token (`sign` is undefined for strings and other scalars), or undefined where it may not stand. */
function step(expected: Expected, sign: string | undefined, isString: boolean, open: string[]): Expected | undefined {
  const inObject = open.at(-1) === '{';
  if (sign === '}' || sign === ']') {
    const isEmptyEnd = expected === (sign === '}' ? 'key or }' : 'value or ]');
    const isEnd = expected === ', or end' && open.at(-1) === (sign === '}' ? '{' : '[');
    if (!isEmptyEnd && !isEnd) return undefined;
    open.pop();
    return ', or end';
  }
  switch (expected) {
    case 'value':
    case 'value or ]':
      if (sign === undefined) return ', or end';
      if (sign !== '{' && sign !== '[') return undefined;
      open.push(sign);
      return sign === '{' ? 'key or }' : 'value or ]';
    case 'key':
    case 'key or }':
      return isString ? ':' : undefined;
    case ':':
      return sign === ':' ? 'value' : undefined;
    case ', or end':
      if (sign !== ',' || open.length === 0) return undefined;
      return inObject ? 'key' : 'value';
  }
}
