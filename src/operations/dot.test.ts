// The text of the graph: nodes, edges, quoting, and what a spanning tree leaves out. That it is the reference's, byte for byte, is
// for the conformance tests.

import { describe, expect, it } from 'vitest';
import type { IndexRecord } from '../formats/apk/index-record.ts';
import { printDot } from './dot.ts';

function record(name: string, more: Partial<IndexRecord> = {}): IndexRecord {
  return {
    name,
    version: '1-r0',
    arch: 'x86_64',
    checksum: '',
    sizeBytes: 0,
    installedSize: 0,
    description: '',
    url: '',
    license: '',
    origin: '',
    maintainer: '',
    buildTime: 0,
    commit: '',
    depends: [],
    installIf: [],
    provides: [],
    providerPriority: 0,
    ...more,
  };
}

/** The lines between the braces, without the head that is always the same. */
function body(wishes: readonly string[], records: readonly IndexRecord[], spanningTree = false): string[] {
  const lines = printDot('c', wishes, records, spanningTree).split('\n');
  expect(lines.slice(0, 5)).toEqual(['digraph images {', 'graph [', '  rankdir=LR;', '];', 'c;']);
  expect(lines.slice(-3)).toEqual(['}', '', '']);
  return lines.slice(5, -3);
}

describe('printDot', () => {
  it('draws wishes, packages and what they depend on, each node once', () => {
    const app = record('app', { description: 'an app', depends: ['lib>=1', 'lib'] });
    expect(body(['app', 'lib=1-r0'], [record('lib'), app])).toEqual([
      'app [label="app-1-r0", tooltip="an app"];',
      'c -> app',
      'lib [label="lib-1-r0", tooltip=""];',
      'c -> lib',
      'app -> lib',
      'app -> lib',
    ]);
  });

  it('a spanning tree has one edge to each node', () => {
    const app = record('app', { depends: ['lib'] });
    const other = record('other', { depends: ['lib', 'app'] });
    const edges = body(['app', 'other'], [record('lib'), app, other], true).filter((line) => line.includes('->'));
    expect(edges).toEqual(['c -> app', 'c -> other', 'app -> lib']);
  });

  it('draws a virtual name as a box, with the packages that provide it, when somebody asked for it', () => {
    const lib = record('lib', { provides: ['so:lib.so.1=1', 'so:unasked.so.2=2', 'lib=1'] });
    expect(body(['app'], [record('app', { depends: ['so:lib.so.1'] }), lib])).toEqual([
      'app [label="app-1-r0", tooltip=""];',
      'c -> app',
      '"so:lib.so.1" [shape=rect];',
      'app -> "so:lib.so.1"',
      'lib [label="lib-1-r0", tooltip=""];',
      '"so:lib.so.1" -> lib',
    ]);
  });

  it('leaves out what must not be installed', () => {
    expect(body(['!bad', 'app'], [record('app', { depends: ['!worse'] })])).toEqual([
      'app [label="app-1-r0", tooltip=""];',
      'c -> app',
    ]);
  });

  it('draws a wish that nobody fulfils as a box', () => {
    expect(body(['nobody'], [])).toEqual(['nobody [shape=rect];', 'c -> nobody']);
  });

  const names: readonly (readonly [name: string, identifier: string])[] = [
    ['plain_1', 'plain_1'],
    ['with-dash', '"with-dash"'],
    ['7zip', '"7zip"'],
    ['node', '"node"'],
    ['Graph', '"Graph"'],
    ['nodes', 'nodes'],
    ['so:a.so', '"so:a.so"'],
    ['a"b', String.raw`"a\"b"`],
    ['a\\b', String.raw`"a\\b"`],
    ['a\nb', String.raw`"a\nb"`],
  ];
  it.each(names)('writes the name %j as %s', (name, identifier) => {
    expect(body([name], [])[0]).toBe(`${identifier} [shape=rect];`);
    expect(printDot(name, [], [], false)).toContain(`\n${identifier};\n`);
  });
});
