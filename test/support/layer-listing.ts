// A layer as the lines of the golden listings (golden/apko/README.md), so that a mismatch shows an entry, not two hashes.

import { createHash } from 'node:crypto';
import type { TarEntry } from '../../src/formats/tar/entry.ts';
import { readTar } from '../../src/formats/tar/read.ts';

/** `type mode uid:gid uname:gname mtime size "name" "link" major:minor sha256-prefix-or-dash[ pax as JSON]`, a line an entry. */
export function listLayer(tar: Uint8Array): string[] {
  return readTar(tar).map((entry) => listEntry(tar, entry));
}

function listEntry(tar: Uint8Array, e: TarEntry): string {
  const content =
    e.type === '0'
      ? createHash('sha256')
          .update(tar.subarray(e.offset, e.offset + e.size))
          .digest('hex')
          .slice(0, 16)
      : '-';
  const pax = Object.entries(e.pax).map(
    ([key, value]) => `${quote(key)}: ${quote(Buffer.from(value, 'latin1').toString('utf8'))}`,
  );
  return [
    e.type,
    `0${e.mode.toString(8).padStart(4, '0')}`,
    `${e.uid}:${e.gid}`,
    `${e.uname}:${e.gname}`,
    e.mtime,
    e.size,
    quote(e.name),
    quote(e.linkname),
    `${e.devmajor}:${e.devminor}`,
    content,
    ...(pax.length > 0 ? [`{${pax.join(', ')}}`] : []),
  ].join(' ');
}

const quote = (text: string) => JSON.stringify(text);

/** The first lines that differ, with a few equal ones before them; [] when there is none. */
export function firstDifference(expected: readonly string[], actual: readonly string[]): string[] {
  const at = Array.from({ length: Math.max(expected.length, actual.length) }, (_, i) => i).find(
    (i) => expected[i] !== actual[i],
  );
  if (at === undefined) return [];
  return [
    ...expected.slice(Math.max(0, at - 2), at).map((line) => `  ${line}`),
    `- ${expected[at] ?? '(end)'}`,
    `+ ${actual[at] ?? '(end)'}`,
  ];
}
