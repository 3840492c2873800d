// PEM: base64 blocks between BEGIN and END lines (RFC 7468, with the headers of RFC 1421 allowed). Text around the blocks
// is ignored, as every consumer of CA bundles does; a block that is not whole is no block.

/** One block. `type` is the label: `CERTIFICATE`, `PUBLIC KEY` ... */
export interface PemBlock {
  readonly type: string;
  readonly der: Uint8Array;
}

const BEGIN = /^-----BEGIN (.*)-----$/;
const HEADER = /^[^:]+: ?.*$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const COLUMNS = 64;

/** The whole blocks of a text, in order. */
export function parsePem(text: string): PemBlock[] {
  const lines = text.split('\n').map((line) => line.trimEnd());
  const blocks: PemBlock[] = [];
  for (let i = 0; i < lines.length; i++) {
    const type = BEGIN.exec(lines[i] ?? '')?.[1];
    if (type === undefined) continue;
    const body: string[] = [];
    // Another BEGIN before the END: the first one was never finished, the scan goes on from the second.
    while (i + 1 < lines.length && !(lines[i + 1] ?? '').startsWith('-----')) body.push(lines[++i] ?? '');
    if (lines[i + 1] !== `-----END ${type}-----`) continue;
    i++;
    const der = decodeBody(body);
    if (der !== undefined) blocks.push({ type, der });
  }
  return blocks;
}

/** Headers, if there are any, stand before an empty line. They say nothing about certificates and public keys. */
function decodeBody(lines: readonly string[]): Uint8Array | undefined {
  const gap = lines.indexOf('');
  const hasHeaders = gap > 0 && lines.slice(0, gap).every((line) => HEADER.test(line));
  const base64 = lines
    .slice(hasHeaders ? gap + 1 : 0)
    .join('')
    .replace(/[ \t]/g, '');
  return BASE64.test(base64) ? Buffer.from(base64, 'base64') : undefined;
}

/** The canonical form: 64 columns, no headers, final newline. */
export function printPem({ type, der }: PemBlock): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${COLUMNS}}`, 'g')) ?? [];
  return [`-----BEGIN ${type}-----`, ...lines, `-----END ${type}-----`, ''].join('\n');
}
