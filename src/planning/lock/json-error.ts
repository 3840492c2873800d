// Where a text stops being JSON. The engine's own messages differ between Node versions and often lack the position; a lock
// with merge conflict markers in it is common enough to point at the line.

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end';

const TOKEN =
  /[ \t\r\n]*(?:([{}[\],:])|("(?:[^"\\\x00-\x1f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null))/y;

/** The offset of the first character that no JSON text can have there, or undefined for JSON. */
export function jsonErrorOffset(text: string): number | undefined {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  let end = 0;
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const sign = match[1];
    const next = step(expected, sign, match[2] !== undefined, open);
    if (next === undefined) return TOKEN.lastIndex - match[0].trimStart().length;
    expected = next;
    end = TOKEN.lastIndex;
  }
  const rest = end + (/^[ \t\r\n]*/.exec(text.slice(end))?.[0].length ?? 0);
  return rest === text.length && open.length === 0 && expected === ', or end' ? undefined : rest;
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
