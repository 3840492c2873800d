// The CRC-32 of two byte strings laid end to end, from the CRC-32 of each (RFC 1952, section 8): a gzip member whose parts
// were compressed apart gets its checksum without anybody reading the parts again.
//
// A CRC is a remainder of polynomials over GF(2): putting n zero bytes behind a text multiplies its remainder by x^(8n).

/** The polynomial of gzip, bits reflected: the lowest bit is the coefficient of x^31. */
const POLYNOMIAL = 0xedb88320;

/** The polynomial 1 in that order of bits. */
const ONE = 0x80000000;

/** x^(2^i) for i below 32; the exponents of x repeat with a period of 2^32 - 1, so that these are all. */
const POWERS = powersOfTwo();

/** CRC-32 of `a` followed by `b`, from crc(a), crc(b) and the length of `b`. */
export function combineCrc32(crcA: number, crcB: number, lengthB: number): number {
  return (multiply(powerOfX(lengthB * 8), crcA) ^ crcB) >>> 0;
}

/** x^exponent modulo the polynomial, for natural exponents up to 2^53. */
function powerOfX(exponent: number): number {
  let result = ONE;
  for (let rest = exponent, i = 0; rest > 0; rest = Math.floor(rest / 2), i = (i + 1) % 32) {
    if (rest % 2 === 1) result = multiply(POWERS[i] as number, result);
  }
  return result;
}

/** The product of two polynomials modulo ours: 32 steps, 0.1 µs. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ POLYNOMIAL;
  }
  return product;
}

function powersOfTwo(): number[] {
  const powers = [ONE >>> 1]; // x^1
  while (powers.length < 32) {
    const last = powers.at(-1) as number;
    powers.push(multiply(last, last));
  }
  return powers;
}
