// Text from anywhere inside Markdown: shown as it is, never as markup.

/** For one line of a paragraph, a list or a cell of a table. */
export function markdownText(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|#&~!]/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[\r\n]+/g, ' ');
}

/** A block of text with its line ends; the fence is longer than any in the text. */
export function markdownBlock(text: string, language = ''): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text.replace(/\n?$/, '\n')}${fence}`;
}
