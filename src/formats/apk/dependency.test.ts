import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDependency, printDependency } from './dependency.ts';
import type { VersionOperator } from './version.ts';

describe('parseDependency', () => {
  it.each([
    ['bash', 'bash', '', '', ''],
    ['bash=5.2-r0', 'bash', '=', '5.2-r0', ''],
    ['bash<6', 'bash', '<', '6', ''],
    ['bash>=5.2', 'bash', '>=', '5.2', ''],
    ['bash<=5.2', 'bash', '<=', '5.2', ''],
    ['bash~5', 'bash', '~', '5', ''],
    ['bash=~5', 'bash', '~', '5', ''],
    ['bash~=5', 'bash', '', '', ''],
    ['bash><5', 'bash', '', '', ''],
    ['bash@edge', 'bash', '', '', 'edge'],
    ['bash=5@edge', 'bash', '=', '5', 'edge'],
    ['bash@edge-2', 'bash@edge-2', '', '', ''],
    ['bash=', 'bash=', '', '', ''],
    ['=5', '=5', '', '', ''],
    ['', '', '', '', ''],
    ['/bin/sh', '/bin/sh', '', '', ''],
    ['pc:gtk+-3.0>=3', 'pc:gtk+-3.0', '>=', '3', ''],
    ['so:libz.so.1', 'so:libz.so.1', '', '', ''],
    ['so:libz.so.1=1.3', 'so:libz.so.1', '=', '0.1.3', ''],
    ['so:libz.so.1>=1.3', 'so:libz.so.1', '>=', '0.1.3', ''],
    ['so:libz.so.1<1.3', 'so:libz.so.1', '<', '1.3', ''],
    ['so:libz.so.1=1.3-r4', 'so:libz.so.1', '=', '1.3-r4', ''],
    ['cmd:sh=1.3', 'cmd:sh', '=', '1.3', ''],
  ])('%j', (text, name, operator, version, tag) => {
    expect(parseDependency(text)).toEqual({ text, name, operator, version, tag, negated: false });
  });

  it('reads a leading ! as a conflict', () => {
    expect(parseDependency('!bash<5')).toEqual({
      text: '!bash<5',
      name: 'bash',
      operator: '<',
      version: '5',
      tag: '',
      negated: true,
    });
  });

  it('reads back what printDependency writes', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9+._-]{0,10}$/);
    const parts = fc.record({
      name,
      operator: fc.constantFrom<VersionOperator>('=', '<', '>', '<=', '>=', '~'),
      version: fc.stringMatching(/^[0-9][0-9a-z._-]{0,6}$/),
      tag: fc.constantFrom('', 'edge', 'Local2'),
      negated: fc.boolean(),
    });
    fc.assert(
      fc.property(parts, (dependency) => {
        const text = printDependency(dependency);
        expect(parseDependency(text)).toEqual({ text, ...dependency });
      }),
    );
  });
});
