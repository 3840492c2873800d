// The Link header, which leads from one page of a listing to the next (RFC 8288; distribution spec, "Listing tags").
// Pure text.

const TARGET = /[\s,]*<([^<>]*)>/y;
const PARAMETER = /\s*;\s*([^\s=;,"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*)))?/y;

/** The target of the first link with `rel="next"`, as the header spells it; undefined where there is none. */
export function parseNextLink(header: string | readonly string[] | undefined): string | undefined {
  const text = typeof header === 'string' ? header : (header ?? []).join(',');
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match !== null) position = pattern.lastIndex;
    return match;
  };
  for (let target = take(TARGET); target !== null; target = take(TARGET)) {
    let relations = '';
    for (let parameter = take(PARAMETER); parameter !== null; parameter = take(PARAMETER)) {
      const [, name = '', quoted, plain = ''] = parameter;
      if (name.toLowerCase() === 'rel' && relations === '') relations = (quoted ?? plain).toLowerCase();
    }
    if (relations.split(/\s+/).includes('next')) return target[1];
  }
  return undefined;
}
