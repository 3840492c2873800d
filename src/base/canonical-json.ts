// JSON text as the field's Go tools write it: keys in the order given, `<`, `>`, `&`, U+2028 and U+2029 escaped, lone
// surrogates replaced. Byte-exact, since these texts are digested (layer-and-oci.md 12, image-config.md 9).

const ESCAPES: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
  '\b': '\\b',
  '\f': '\\f',
};

/**
 * The JSON text of a plain value. `indent` 0 is compact; otherwise one entry a line with that many spaces a level.
 * No final newline. Keys whose value is undefined are left out.
 */
export function printJson(value: unknown, indent = 0): string {
  const text = JSON.stringify(value, (_key, v) => (typeof v === 'string' ? v.toWellFormed() : v), indent);
  // These five characters occur in JSON only inside strings, so a replacement over the whole text is safe.
  return text.replace(/[<>&\u2028\u2029]/g, (c) => ESCAPES[c] ?? c);
}
