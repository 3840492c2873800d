// `stave dot`: the packages of the first architecture and what they depend on, as a Graphviz graph (cli.md 2; the exact
// text is that of golden/apko/other/*.dot).

import { parseDependency } from '../formats/apk/dependency.ts';
import type { IndexRecord } from '../formats/apk/index-record.ts';
import type { Host } from './host.ts';
import { chooseShown } from './image/choose-shown.ts';
import { type ListedGroup, listGroups, printGroupPlace } from './image/listed-groups.ts';
import { openKeys, withImage } from './image/open-image.ts';
import type { SourceRequest } from './image/request.ts';
import { openIndexes } from './image/resolve-image.ts';

export interface DotRequest extends SourceRequest {
  /** Only the first edge to each node: a tree that stays readable for large images. */
  readonly spanningTree: boolean;
}

export async function drawDependencies(request: DotRequest, host: Host): Promise<string> {
  return await withImage(request, host, { purpose: 'lock' }, async (image) => {
    const first = { ...image, archs: image.archs.slice(0, 1) };
    const [resolution] = chooseShown(first, await openIndexes(first, await openKeys(first)), false);
    const records = (resolution?.packages ?? []).map((resolved) => resolved.record);
    const wishes = image.config.contents.packages;
    const groups = listGroups(first).filter(({ archs }) => archs.length > 0);
    return printDot(request.configPath, wishes, records, request.spanningTree, groups);
  });
}

/** `records` in the order of pass 1. */
export function printDot(
  configPath: string,
  wishes: readonly string[],
  records: readonly IndexRecord[],
  spanningTree: boolean,
  groups: readonly ListedGroup[] = [],
): string {
  const graph = new DotGraph(new Map(records.map((record) => [record.name, record])), spanningTree);
  graph.line(`${identifier(configPath)};`);
  for (const wish of wishes) graph.depend(configPath, wish);
  for (const group of groups) graph.own(configPath, group);
  for (const record of records) {
    graph.node(record.name);
    for (const dependency of record.depends) graph.depend(record.name, dependency);
  }
  for (const record of records) {
    for (const provided of record.provides) graph.provide(parseDependency(provided).name, record.name);
  }
  return graph.text();
}

class DotGraph {
  private readonly lines = ['digraph images {', 'graph [', '  rankdir=LR;', '];'];
  private readonly nodes = new Set<string>();
  private readonly reached = new Set<string>();
  private readonly records: ReadonlyMap<string, IndexRecord>;
  private readonly spanningTree: boolean;

  constructor(records: ReadonlyMap<string, IndexRecord>, spanningTree: boolean) {
    this.records = records;
    this.spanningTree = spanningTree;
  }

  line(text: string): void {
    this.lines.push(text);
  }

  node(name: string): void {
    if (this.nodes.has(name)) return;
    this.nodes.add(name);
    const record = this.records.get(name);
    const attributes = record === undefined ? 'shape=rect' : labelled(record, record.description);
    this.line(`${identifier(name)} [${attributes}];`);
  }

  /** The user's own files. */
  own(from: string, group: ListedGroup): void {
    this.line(`${identifier(group.name)} [${labelled(group, printGroupPlace(group))}];`);
    this.edge(from, group.name);
  }

  depend(from: string, text: string): void {
    const { name, negated } = parseDependency(text);
    if (negated) return;
    this.node(name);
    this.edge(from, name);
  }

  /** Only names that somebody asked for are drawn. */
  provide(name: string, by: string): void {
    if (this.nodes.has(name) && !this.records.has(name)) this.edge(name, by);
  }

  text(): string {
    // The empty line at the end is the reference's.
    return `${[...this.lines, '}'].join('\n')}\n\n`;
  }

  private edge(from: string, to: string): void {
    if (this.spanningTree && this.reached.has(to)) return;
    this.reached.add(to);
    this.line(`${identifier(from)} -> ${identifier(to)}`);
  }
}

function labelled({ name, version }: { name: string; version: string }, tooltip: string): string {
  return `label=${quoted(`${name}-${version}`)}, tooltip=${quoted(tooltip)}`;
}

/** Words that mean something else to Graphviz. */
const KEYWORDS = new Set(['node', 'edge', 'graph', 'digraph', 'subgraph', 'strict']);

function identifier(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !KEYWORDS.has(name.toLowerCase()) ? name : quoted(name);
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
