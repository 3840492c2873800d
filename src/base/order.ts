// Orders that do not depend on the locale. Never use localeCompare or a bare sort() on names: both differ from byte order.

/** Byte order of the UTF-8 forms of two strings (what Go, tar walkers and `sort` in the C locale use). */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      // UTF-16 order differs from UTF-8 order only where a surrogate meets a unit above the surrogate range.
      const xs = x >= 0xd800 && x <= 0xdfff;
      const ys = y >= 0xd800 && y <= 0xdfff;
      if (xs !== ys) return xs ? (y > 0xdfff ? 1 : x - y) : x > 0xdfff ? -1 : x - y;
      return x - y;
    }
  }
  return a.length - b.length;
}

/** A sorted copy without repetitions. */
export function sortedUnique(texts: Iterable<string>): string[] {
  return [...new Set(texts)].sort(compareBytes);
}
