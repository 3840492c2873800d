// YAML as values that know where they were written. Scalars keep their own text: what `0755` or `no` means is decided by
// the field they are given to (image-config.md 1), never by the parser.

import type { SourcePlace } from '../../base/failure.ts';
import { placeAt, type SourceText } from './source-text.ts';

interface Located {
  readonly source: SourceText;
  readonly offset: number;
}

export interface YamlScalar extends Located {
  readonly kind: 'scalar';
  readonly text: string;
  /** Written without quotes (or tagged as a number ...): it may stand for a number, a boolean or nothing. */
  readonly plain: boolean;
}

interface YamlList extends Located {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
}

/** A key and its value; the entry's own place is the key's. */
export interface YamlEntry extends Located {
  readonly value: YamlNode;
}

export interface YamlMap extends Located {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, YamlEntry>;
}

export type YamlNode = YamlScalar | YamlList | YamlMap;

const NULL_TEXTS: ReadonlySet<string> = new Set(['', '~', 'null', 'Null', 'NULL']);

export function placeOf(node: Located): SourcePlace {
  return placeAt(node.source, node.offset);
}

/** `key:` with nothing behind it, `~` or `null`. */
export function isNull(node: YamlNode): boolean {
  return node.kind === 'scalar' && node.plain && NULL_TEXTS.has(node.text);
}

/** The node at the end of a path of keys and list positions; entries that hold nothing do not count as positions. */
export function nodeAt(root: YamlNode, path: readonly (string | number)[]): YamlNode | undefined {
  let node: YamlNode | undefined = root;
  for (const step of path) {
    if (node?.kind === 'map') node = node.entries.get(String(step))?.value;
    else if (node?.kind === 'list' && typeof step === 'number') node = node.items.filter((item) => !isNull(item))[step];
    else return undefined;
  }
  return node;
}
