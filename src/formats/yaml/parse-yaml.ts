// YAML text -> located values (image-config.md 1): first document only, failsafe scalars, merge keys, bounded aliases and
// depth. Must never interpret a scalar. The library tokenizes and composes; keys, aliases and merges are resolved here,
// because its own way loses the places and compares keys in quadratic time.

import {
  type Alias,
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  Parser,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { placeAt, readSourceText, type SourceText } from './source-text.ts';
import { describeSyntaxError } from './syntax-error.ts';
import type { YamlEntry, YamlMap, YamlNode } from './yaml-node.ts';

/** The root of the first document. Failure CONFIG_SYNTAX with the place, also where there is no document at all. */
export function parseYaml(file: string, bytes: Uint8Array): YamlNode {
  const source = readSourceText(file, bytes);
  const document = composeFirst(source);
  const error = document?.errors[0];
  if (error !== undefined) {
    const { sentence, hint } = describeSyntaxError(error.code, error.message);
    throw failureAt(source, error.pos[0], sentence, hint);
  }
  const root = document?.contents ?? null;
  if (root === null) throw failureAt(source, 0, `${file} is empty`);
  return new Conversion(source).convert(root, 0);
}

function composeFirst(source: SourceText): Document.Parsed | undefined {
  const composer = new Composer({ schema: 'failsafe', uniqueKeys: false, prettyErrors: false, logLevel: 'silent' });
  // Lazily, so that whatever follows the first document is not even tokenized.
  for (const document of composer.compose(shallowTokens(source))) return document;
  return undefined;
}

/** The tokens of the text; a Failure where collections nest too deep, before anything recursive sees them. */
function* shallowTokens(source: SourceText): Generator<CST.Token> {
  for (const token of new Parser().parse(source.text)) {
    const deep = token.type === 'document' ? tokenBelow(token, LIMITS.yamlDepth) : undefined;
    if (deep !== undefined) {
      throw failureAt(source, deep.offset, `lists and maps are nested more than ${LIMITS.yamlDepth} deep`);
    }
    yield token;
  }
}

function tokenBelow(document: CST.Document, depth: number): CST.Token | undefined {
  const pending: { token: CST.Token; level: number }[] = [{ token: document, level: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { token, level } = next;
    if (level > depth) return token;
    const children =
      token.type === 'document'
        ? [token.value]
        : 'items' in token
          ? token.items.flatMap((item) => [item.key, item.value])
          : [];
    for (const child of children) if (child != null) pending.push({ token: child, level: level + 1 });
  }
  return undefined;
}

/** One document's way from the library's nodes to ours. Anchors are seen in document order, as YAML demands. */
class Conversion {
  readonly #source: SourceText;
  readonly #anchors = new Map<string, { readonly node: YamlNode; readonly nodes: number; readonly aliases: number }>();
  #nodes = 0;
  #aliases = 0;

  constructor(source: SourceText) {
    this.#source = source;
  }

  /** `offset` is where a missing value would have been. */
  convert(node: Node | null, offset: number): YamlNode {
    this.#nodes++;
    if (node === null) return { kind: 'scalar', text: '', plain: true, source: this.#source, offset };
    if (isAlias(node)) return this.#expand(node);
    const before = { nodes: this.#nodes, aliases: this.#aliases };
    const converted = this.#convertOwn(node);
    if (node.anchor !== undefined) {
      this.#anchors.set(node.anchor, {
        node: converted,
        nodes: this.#nodes - before.nodes,
        aliases: this.#aliases - before.aliases,
      });
    }
    return converted;
  }

  #convertOwn(node: Node): YamlNode {
    const offset = node.range?.[0] ?? 0;
    const located = { source: this.#source, offset };
    const plainByTag = this.#plainByTag(node, offset);
    if (isScalar(node)) {
      const text = typeof node.value === 'string' ? node.value : '';
      return { kind: 'scalar', text, plain: plainByTag ?? node.type === 'PLAIN', ...located };
    }
    if (isSeq(node)) {
      const items = (node.items as Node[]).map((item) => this.convert(item, offset));
      return { kind: 'list', items, ...located };
    }
    if (isMap(node)) return { kind: 'map', entries: this.#entries(node as YAMLMap<Node, Node>), ...located };
    throw failureAt(this.#source, offset, 'this is not YAML that a configuration may have');
  }

  /** What an explicit tag says about being plain; undefined without one. */
  #plainByTag(node: Node, offset: number): boolean | undefined {
    const tag = 'tag' in node ? node.tag : undefined;
    switch (tag) {
      case undefined:
      case 'tag:yaml.org,2002:seq':
      case 'tag:yaml.org,2002:map':
        return undefined;
      case 'tag:yaml.org,2002:str':
      case '!':
        return false;
      case 'tag:yaml.org,2002:int':
      case 'tag:yaml.org,2002:float':
      case 'tag:yaml.org,2002:bool':
      case 'tag:yaml.org,2002:null':
        return true;
      default:
        throw failureAt(this.#source, offset, `the tag ${tag.replace('tag:yaml.org,2002:', '!!')} means nothing here`);
    }
  }

  #expand(alias: Alias): YamlNode {
    const offset = alias.range?.[0] ?? 0;
    const anchor = this.#anchors.get(alias.source);
    if (anchor === undefined) {
      throw failureAt(this.#source, offset, `the alias *${alias.source} has no anchor &${alias.source} before it`);
    }
    this.#aliases += 1 + anchor.aliases;
    this.#nodes += anchor.nodes;
    if (this.#aliases > LIMITS.yamlAliases) {
      throw failureAt(this.#source, offset, `more than ${LIMITS.yamlAliases} aliases are expanded here`);
    }
    if (this.#nodes > LIMITS.yamlNodes) {
      throw failureAt(this.#source, offset, `aliases make this more than ${LIMITS.yamlNodes} values long`);
    }
    return anchor.node;
  }

  #entries(map: YAMLMap<Node, Node>): Map<string, YamlEntry> {
    const entries = new Map<string, YamlEntry>();
    const merges: YamlNode[] = [];
    let mergeOffset: number | undefined;
    for (const pair of map.items) {
      const offset = pair.key?.range?.[0] ?? map.range?.[0] ?? 0;
      const key = this.#keyOf(pair, offset);
      const value = this.convert(pair.value, pair.key?.range?.[1] ?? offset);
      const isMerge = key === '<<' && (pair.key as Scalar).type === 'PLAIN';
      const earlier = isMerge ? mergeOffset : entries.get(key)?.offset;
      if (earlier !== undefined) throw this.#duplicate(key, offset, earlier);
      if (isMerge) {
        mergeOffset = offset;
        merges.push(...(value.kind === 'list' ? value.items : [value]));
      } else entries.set(key, { value, source: this.#source, offset });
    }
    // The map's own keys win wherever they stand, and earlier merged maps win over later ones.
    for (const merged of merges) {
      for (const [key, entry] of this.#mergedMap(merged).entries) if (!entries.has(key)) entries.set(key, entry);
    }
    return entries;
  }

  #keyOf(pair: Pair<Node, Node>, offset: number): string {
    const key = this.convert(pair.key, offset);
    if (key.kind !== 'scalar') throw failureAt(this.#source, offset, 'a key must be text, not a list or a map');
    return key.text;
  }

  #mergedMap(node: YamlNode): YamlMap {
    if (node.kind === 'map') return node;
    throw failureAt(this.#source, node.offset, 'only maps can be merged with "<<"');
  }

  #duplicate(key: string, offset: number, earlier: number): Failure {
    const { line } = placeAt(this.#source, earlier);
    return failureAt(this.#source, offset, `the key "${key}" is given twice`, `the first one is in line ${line}`);
  }
}

function failureAt(source: SourceText, offset: number, sentence: string, hint?: string): Failure {
  return new Failure('CONFIG_SYNTAX', sentence, {
    where: placeAt(source, offset),
    ...(hint !== undefined && { hint }),
  });
}
