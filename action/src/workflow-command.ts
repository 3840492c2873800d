// Workflow commands (GitHub's documentation, "Workflow commands for GitHub Actions"): lines of the log that the runner obeys.
// Pure. Must never let text from outside become one: whatever is no command of ours goes through `plainText`.

import { printable } from '../../src/cli/ui/printable.ts';

type CommandName = 'error' | 'warning' | 'notice' | 'group' | 'endgroup' | 'add-mask';

export type CommandProperties = Readonly<Record<string, string | number | undefined>>;

/** One line with its end. Properties without a value are left out. */
export function printCommand(name: CommandName, message: string, properties: CommandProperties = {}): string {
  const pairs = Object.entries(properties).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${escapedProperty(String(value))}`],
  );
  return `::${[name, pairs.join(',')].filter(Boolean).join(' ')}::${escapedMessage(message)}\n`;
}

function escapedMessage(text: string): string {
  return text.replace(/[%\r\n]/g, percentEncoded);
}

function escapedProperty(text: string): string {
  return text.replace(/[%\r\n:,]/g, percentEncoded);
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/**
 * Text as lines of the log that the runner only shows. It looks for `::` at the beginning of a line, behind any white space,
 * and for the older `##[` anywhere; control characters, which end lines too, are spelled out.
 */
export function plainText(text: string): string {
  return printable(text)
    .replace(/^([^\S\n]*):(?=:)/gm, '$1\\x3a')
    .replace(/##(?=\[)/g, '#\\x23');
}
