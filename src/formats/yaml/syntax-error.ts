// The YAML library's error codes in plain words: what stands there, and what to write instead.

import type { ErrorCode } from 'yaml';

interface Description {
  readonly sentence: string;
  readonly hint?: string;
}

const DESCRIPTIONS: Partial<Record<ErrorCode, Description>> = {
  BAD_DQ_ESCAPE: {
    sentence: 'an unknown escape in a double-quoted text',
    hint: 'in single quotes a backslash is just a backslash',
  },
  BAD_SCALAR_START: { sentence: 'a text cannot begin with this character', hint: 'put the text in quotes' },
  BLOCK_AS_IMPLICIT_KEY: {
    sentence: 'a map cannot begin in the middle of a line',
    hint: 'put a text that contains ": " in quotes, or begin the map on a line of its own',
  },
  BLOCK_IN_FLOW: { sentence: 'an indented list or map cannot stand inside [ ] or { }' },
  MULTILINE_IMPLICIT_KEY: {
    sentence: 'a key must stand on one line and be followed by a colon',
    hint: 'is a ":" missing at the end of a line?',
  },
  TAB_AS_INDENT: { sentence: 'YAML is indented with spaces, not with tabs', hint: 'replace the tab by spaces' },
};

/** `message` is the library's own text: used where we have nothing better. */
export function describeSyntaxError(code: ErrorCode, message: string): Description {
  const text = message.trim();
  return DESCRIPTIONS[code] ?? { sentence: text.charAt(0).toLowerCase() + text.slice(1) };
}
