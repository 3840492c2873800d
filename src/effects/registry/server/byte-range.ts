// `Range` of downloads (RFC 9110, 14) and `Content-Range` of uploaded chunks (distribution spec, "Pushing a blob in chunks").

/** From `start`, up to but without `end`. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * What a `Range` header asks of content of that size. undefined: everything, as when the header is absent, of another unit
 * or of several ranges, which RFC 9110 lets us ignore. `unsatisfiable`: nothing of it is there.
 */
export function parseRange(header: string | undefined, sizeBytes: number): ByteSpan | undefined | 'unsatisfiable' {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  return start < end ? { start, end } : 'unsatisfiable';
}

/** `<first>-<last>`, both included; undefined where it is not of that form. A leading `bytes ` is forgiven. */
export function parseContentRange(header: string): ByteSpan | undefined {
  const [, first = '', last = ''] = /^(?:bytes )?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(header.trim()) ?? [];
  if (first === '' || Number(last) < Number(first)) return undefined;
  return { start: Number(first), end: Number(last) + 1 };
}
