// SPDX identifiers (sbom-and-lock.md 1, "Identifier encoding").

const encoder = new TextEncoder();

/**
 * The text with `:` as `-` and every other byte outside `[a-zA-Z0-9-.]` as `C<decimal byte>`. Valid ids come back
 * unchanged. Not reversible: two texts may get one id, so documents must still check that ids are unique.
 */
export function encodeSpdxId(text: string): string {
  if (/^[a-zA-Z0-9.-]*$/.test(text)) return text;
  let id = '';
  for (const byte of encoder.encode(text)) {
    const char = String.fromCharCode(byte);
    if (char === ':') id += '-';
    else if (/[a-zA-Z0-9.-]/.test(char)) id += char;
    else id += `C${byte}`;
  }
  return id;
}
