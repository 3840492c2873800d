// Values -> YAML as the field's Go tools print it: block style, four spaces, quotes only where a reader would otherwise see
// another type (image-config.md 10). What it prints, parseYaml reads back to the same texts.

export type PrintableYaml =
  | string
  | number
  | boolean
  | null
  | readonly PrintableYaml[]
  | ReadonlyMap<string, PrintableYaml>;

const STEP = 4;

/** A document with a final newline. Map keys come in the order of the map. */
export function printYaml(value: ReadonlyMap<string, PrintableYaml>): string {
  return value.size === 0 ? '{}\n' : mapLines(value, 0).join('\n').concat('\n');
}

/** Lines of a block map whose keys stand at column `indent`. */
function mapLines(map: ReadonlyMap<string, PrintableYaml>, indent: number): string[] {
  return [...map].flatMap(([key, value]) => {
    const inner = nextStop(indent);
    return entryLines(`${' '.repeat(indent)}${printInline(key)}:`, value, inner, inner - indent);
  });
}

/** Lines of a block list whose dashes stand at column `indent`. Its items begin two columns further, behind the dash. */
function listLines(list: readonly PrintableYaml[], indent: number): string[] {
  const dash = `${' '.repeat(indent)}-`;
  return list.flatMap((item) => {
    if (!isFilled(item)) return entryLines(dash, item, indent + 2, 2);
    const [first = '', ...rest] = blockLines(item, indent + 2);
    return [`${dash} ${first.trimStart()}`, ...rest];
  });
}

function entryLines(head: string, value: PrintableYaml, inner: number, step: number): string[] {
  if (isFilled(value)) return [head, ...blockLines(value, inner)];
  if (typeof value !== 'string') return [`${head} ${printSimple(value)}`];
  if (!value.includes('\n') || !fitsLiteral(value)) return [`${head} ${printInline(value)}`];
  const body = value.replace(/\n$/, '').split('\n');
  const lines = body.map((line) => (line === '' ? '' : `${' '.repeat(inner)}${line}`));
  return [`${head} |${/^[ \n]/.test(value) ? step : ''}${chomping(value)}`, ...lines];
}

function blockLines(value: Filled, indent: number): string[] {
  return isList(value) ? listLines(value, indent) : mapLines(value, indent);
}

/** Columns of nested blocks are multiples of the step, also below a list item that begins between two of them. */
function nextStop(indent: number): number {
  return STEP * Math.floor((indent + STEP) / STEP);
}

type Filled = readonly PrintableYaml[] | ReadonlyMap<string, PrintableYaml>;

function isFilled(value: PrintableYaml): value is Filled {
  if (value === null || typeof value !== 'object') return false;
  return isList(value) ? value.length > 0 : value.size > 0;
}

// Array.isArray alone does not narrow readonly arrays.
function isList(value: Filled): value is readonly PrintableYaml[] {
  return Array.isArray(value);
}

function printSimple(value: Exclude<PrintableYaml, string>): string {
  if (value === null || typeof value !== 'object') return String(value);
  return isList(value) ? '[]' : '{}';
}

/** A literal block keeps its text only where nothing invisible would be lost at the ends of lines. */
function fitsLiteral(text: string): boolean {
  return !/ \n| $|[^\t\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]|[\u2028\u2029]/u.test(
    text,
  );
}

/** `-` for no final newline, `+` for more than one (or for nothing but newlines), nothing for exactly one. */
function chomping(text: string): '' | '-' | '+' {
  if (!text.endsWith('\n')) return '-';
  return text === '\n' || text.endsWith('\n\n') ? '+' : '';
}

function printInline(text: string): string {
  if (looksTyped(text)) return printDoubleQuoted(text);
  if (isPlain(text)) return text;
  // Single quotes cannot hold what must be escaped, and would fold line breaks.
  return /[^\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u.test(text)
    ? printDoubleQuoted(text)
    : `'${text.replaceAll("'", "''")}'`;
}

/** Texts that a reader without our schema would take for null, a boolean, a number, a date or a merge key. */
function looksTyped(text: string): boolean {
  return (
    /^(|~|null|Null|NULL|<<|=)$/.test(text) ||
    /^(true|false|yes|no|on|off|y|n)$/i.test(text) ||
    /^[-+]?(0|[1-9][0-9_]*|0o?[0-7_]+|0x[0-9a-f_]+|0b[01_]+)$/i.test(text) ||
    /^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)(e[-+]?[0-9]+)?$/i.test(text) ||
    /^[-+]?\.inf$|^\.nan$/i.test(text) ||
    /^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$/.test(text) ||
    /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?$/.test(text)
  );
}

function isPlain(text: string): boolean {
  return !(
    /^[#,[\]{}&*!|>'"%@` ]/.test(text) ||
    /^[-?:](?: |$)/.test(text) ||
    /^(---|\.\.\.)/.test(text) ||
    /: | #|:$| $/.test(text) ||
    /[^\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u.test(text)
  );
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\x85': '\\N',
  '\ufeff': '\\uFEFF',
  '\u2028': '\\L',
  '\u2029': '\\P',
};

function printDoubleQuoted(text: string): string {
  const printed = text
    .toWellFormed()
    .replace(
      /["\\]|[^\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/gu,
      (character) => ESCAPES[character] ?? escapeByNumber(character.codePointAt(0) ?? 0),
    );
  return `"${printed}"`;
}

function escapeByNumber(code: number): string {
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
