// Several things in one sentence, without making it endless.

const SHOWN = 3;

/** `a`, `a and b`, `a, b, c and 7 more`. */
export function listed(items: readonly string[]): string {
  const shown = items.slice(0, SHOWN);
  const rest = items.length - shown.length;
  const last = rest > 0 ? `${rest} more` : shown.pop();
  return shown.length === 0 ? `${last}` : `${shown.join(', ')} and ${last}`;
}
