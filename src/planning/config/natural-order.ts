// The order in which the reference prints the keys of maps as YAML: runs of digits compare as numbers, and where a letter
// meets something else the letter comes last, or first behind a digit.

const LETTER = /\p{L}/u;
const DIGIT = /\p{Nd}/u;

export function compareNaturally(a: string, b: string): number {
  const as = [...a];
  const bs = [...b];
  let at = 0;
  while (at < as.length && at < bs.length && as[at] === bs[at]) at++;
  const x = as[at];
  const y = bs[at];
  if (x === undefined || y === undefined) return as.length - bs.length;
  const [xIsLetter, yIsLetter] = [LETTER.test(x), LETTER.test(y)];
  if (xIsLetter !== yIsLetter) {
    const behindDigit = at > 0 && DIGIT.test(as[at - 1] as string);
    return xIsLetter === behindDigit ? -1 : 1;
  }
  const order = xIsLetter ? 0 : compareNumbers(as, bs, at);
  return order || (x.codePointAt(0) ?? 0) - (y.codePointAt(0) ?? 0);
}

/** The numbers that begin at `at` in both texts; the same number with fewer digits first. */
function compareNumbers(as: readonly string[], bs: readonly string[], at: number): number {
  const [x, y] = [digitsFrom(as, at), digitsFrom(bs, at)];
  // A zero in the middle of a number is a digit of it, not the padding of a new one.
  const continues = (as[at] === '0' || bs[at] === '0') && /[1-9][0-9]*$/.test(as.slice(0, at).join(''));
  const lead = continues ? '1' : '';
  const [i, j] = [BigInt(`${lead}${x}` || '0'), BigInt(`${lead}${y}` || '0')];
  return i === j ? x.length - y.length : i < j ? -1 : 1;
}

function digitsFrom(characters: readonly string[], start: number): string {
  let end = start;
  while (end < characters.length && /[0-9]/.test(characters[end] as string)) end++;
  return characters.slice(start, end).join('');
}
