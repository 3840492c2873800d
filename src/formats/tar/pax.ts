// PAX extended header records: `<length> <key>=<value>\n`, the length counting itself (layer-and-oci.md 9).
// Values are byte strings (one char a byte); keys are UTF-8 text.

import { Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';
import { decodeByteString } from './block.ts';

/** Keys that say what a header field says too. A reader applies them; a writer makes them when the field cannot hold it. */
export const FIELD_KEYS: ReadonlySet<string> = new Set([
  'path',
  'linkpath',
  'size',
  'uid',
  'gid',
  'uname',
  'gname',
  'mtime',
]);

/** The records in order; a repeated key keeps the last value. Damage is ARCHIVE_INVALID. */
export function parsePaxRecords(payload: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < payload.length; ) {
    const space = payload.indexOf(0x20, at);
    const digits = space < 0 ? '' : payload.toString('latin1', at, space);
    const end = /^[1-9][0-9]{0,9}$/.test(digits) ? at + Number(digits) : 0;
    const equals = payload.indexOf(0x3d, space + 1);
    if (end > payload.length || equals <= space + 1 || equals >= end || payload[end - 1] !== 0x0a) {
      throw new Failure('ARCHIVE_INVALID', 'an extended tar header holds a damaged record');
    }
    const key = decodeByteString(payload.toString('latin1', space + 1, equals), 'PAX key');
    const value = payload.toString('latin1', equals + 1, end - 1);
    if ((FIELD_KEYS.has(key) ? value : key).includes('\0')) {
      throw new Failure('ARCHIVE_INVALID', `an extended tar header has a NUL in ${JSON.stringify(key)}`);
    }
    records.set(key, value);
    at = end;
  }
  return records;
}

/** The payload of an extended header, records in byte order of their keys. */
export function printPaxRecords(records: ReadonlyMap<string, string>): Buffer {
  const sorted = [...records].sort(([a], [b]) => compareBytes(a, b));
  return Buffer.concat(sorted.map(([key, value]) => printPaxRecord(key, value)));
}

function printPaxRecord(key: string, value: string): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'utf8'), Buffer.from(`${value}\n`, 'latin1')]);
  let length = rest.length + String(rest.length).length;
  // One more digit may have been needed for the number itself.
  if (String(length).length > String(rest.length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length), 'latin1'), rest]);
}
