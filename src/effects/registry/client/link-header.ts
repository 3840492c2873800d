// The Link header, which leads from one page of a listing to the next (RFC 8288; distribution spec, "Listing tags").
// Pure text.

const LINK = /[\s,]*<([^<>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s";,]*))?)*)/y;
const REL = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s";,]*))/i;

/** The target of the first link with `rel="next"`, as the header spells it; undefined where there is none. */
export function parseNextLink(header: string | readonly string[] | undefined): string | undefined {
  const text = typeof header === 'string' ? header : (header ?? []).join(',');
  LINK.lastIndex = 0;
  for (let link = LINK.exec(text); link !== null; link = LINK.exec(text)) {
    const [, quoted, plain] = REL.exec(link[2] ?? '') ?? [];
    if ((quoted ?? plain ?? '').toLowerCase().split(/\s+/).includes('next')) return link[1];
  }
  return undefined;
}
