import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../base/failure.ts';
import { IMAGE_SCHEMA, IMAGE_SCHEMA_TITLE, PATH_MUTATION_TYPES } from './image-schema.ts';
import { printJsonSchema } from './json-schema.ts';
import { loadImageConfig } from './load.ts';
import { validateImageConfig } from './validate.ts';

const printed = printJsonSchema(IMAGE_SCHEMA, IMAGE_SCHEMA_TITLE);
const isValid = new Ajv({ allowUnionTypes: true }).compile(JSON.parse(printed));

/** What the parser says about a value written as JSON, which is YAML. Empty: nothing. */
function parserComplaint(value: unknown): string {
  try {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    const loaded = loadImageConfig('a', (path) => (path === 'a' ? bytes : undefined), []);
    // What no single value can tell is outside any schema: give it what it asks for.
    validateImageConfig(loaded, { repositoryAppend: ['r'] });
    return '';
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

it('is the committed file (if not: node scripts/schema.js)', () => {
  const file = new URL('../../../schema/image-config.schema.json', import.meta.url);
  expect(readFileSync(file, 'utf8')).toBe(printed);
});

it('is documented by an example that is a configuration, and by every key', () => {
  const docs = readFileSync(new URL('../../../docs/config.md', import.meta.url), 'utf8');
  const example = /```yaml\n([\s\S]*?)```/.exec(docs)?.[1] ?? '';
  const loaded = loadImageConfig('docs', () => new TextEncoder().encode(example), []);
  expect(validateImageConfig(loaded).contents.packages).toHaveLength(3);
  for (const [key, shape] of Object.entries(IMAGE_SCHEMA.fields)) {
    expect(docs).toContain(`| \`${key}\` |`);
    for (const inner of shape.kind === 'record' ? Object.keys(shape.fields) : []) expect(docs).toContain(`\`${inner}`);
  }
});

it('describes every key', () => {
  const keys = printed.match(/"properties"/g)?.length ?? 0;
  expect(keys).toBeGreaterThan(8);
  const visit = (schema: Record<string, unknown>, path: string): void => {
    for (const [key, value] of Object.entries(
      (schema['properties'] ?? {}) as Record<string, Record<string, unknown>>,
    )) {
      expect(value['description'], `${path}.${key}`).toMatch(/\S.*\.$/s);
      visit(value, `${path}.${key}`);
      visit((value['items'] ?? {}) as Record<string, unknown>, `${path}.${key}[]`);
    }
  };
  visit(JSON.parse(printed), '');
});

describe('the schema and the parser', () => {
  const rows: [value: unknown, isAccepted: boolean][] = [
    [{}, true],
    [[], false],
    [{ contents: null, archs: null, cmd: null, paths: null, layering: null, environment: null }, true],
    [{ cmd: 5, 'work-dir': true, environment: { A: 1, B: null } }, true],
    [{ cmd: [] }, false],
    [{ archs: ['amd64', 'x86', 386, null] }, true],
    [{ archs: ['sparc'] }, false],
    [{ archs: [''] }, false],
    [{ format: '' }, true],
    [{ format: 'zip' }, false],
    [{ layering: { strategy: 'origin', budget: 3 } }, true],
    [{ layering: { strategy: 'magic', budget: 3 } }, false],
    [{ layering: { strategy: '' } }, true],
    [{ layering: { budget: '3' } }, false],
    [{ paths: [{ path: '/a', type: 'directory', recursive: 'yes', uid: null, permissions: 493 }] }, true],
    [{ paths: [{ path: '/a', type: 'wormhole' }] }, false],
    [{ paths: [{ path: '/a' }] }, false],
    [{ paths: [{ path: '/a', type: null }] }, false],
    [{ paths: [{ path: '/a', type: 'directory', recursive: 'true' }] }, false],
    [{ accounts: { users: [{ username: 'a', uid: 0 }] } }, false],
    [{ accounts: { users: [{ username: 'a', uid: null }] } }, false],
    [{ accounts: { users: [{ username: 'a:b', uid: 1 }] } }, false],
    [{ accounts: { 'run-as': 65532, groups: [{ groupname: 'a', gid: null }] } }, true],
    [{ entrypoint: { services: { 'a/b': 'c' } } }, false],
    [{ entrypoint: { services: { '..': 'c' } } }, false],
    [{ entrypoint: { services: { '..a': 'c', '.b': 'd', c: 'e', dd: 'f' } } }, true],
    [{ contents: { repositories: ['@a b', 'c', null] } }, true],
    [{ contents: { repositories: ['@a'] } }, false],
    [{ contents: { keyring: [''] } }, false],
    [{ certificates: { additional: [{ name: 'a.b' }] } }, true],
    [{ certificates: { additional: [{ name: '.b' }] } }, false],
    [{ unknown: 1 }, false],
  ];
  it.each(rows)('%j: %s', (value, isAccepted) => {
    expect(isValid(value)).toBe(isAccepted);
    expect(parserComplaint(value) === '').toBe(isAccepted);
  });

  const name = fc.constantFrom('a', 'b.c', '_d', 'x-1');
  const text = fc.oneof(name, fc.constantFrom('', 'a b', 'yes', '0755', 5, 0, true, null));
  const id = fc.oneof(fc.integer({ min: 1, max: 70000 }), fc.constant(null));
  const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }, requiredKeys: (keyof T)[] = []) =>
    fc.record(fields, { requiredKeys: requiredKeys as never[] });
  const config = record({
    contents: record({ repositories: fc.array(name), keyring: fc.array(name), packages: fc.array(name) }),
    entrypoint: record({ type: text, command: name, services: fc.dictionary(name, text) }),
    cmd: name,
    'stop-signal': text,
    accounts: record({
      'run-as': text,
      users: fc.array(
        record({ username: name, uid: fc.integer({ min: 1, max: 9 }), gid: id, shell: text }, ['username', 'uid']),
      ),
      groups: fc.array(record({ groupname: name, gid: id, members: fc.array(name) }, ['groupname'])),
    }),
    archs: fc.array(fc.constantFrom('amd64', 'aarch64', 'armv7')),
    environment: fc.dictionary(name, text),
    paths: fc.array(
      record(
        { path: name, type: fc.constantFrom(...PATH_MUTATION_TYPES), uid: id, source: name, recursive: fc.boolean() },
        ['path', 'type', 'source'],
      ),
    ),
    volumes: fc.array(text),
    format: fc.constantFrom('tar', ''),
    certificates: record({ providers: fc.array(name) }),
  });
  const wrong = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      '',
      '0755',
      'yes',
      5,
      -1,
      1.5,
      2 ** 40,
      [],
      {},
      ['a'],
      { a: 'b' },
      [[]],
      [{}],
      'a/b',
    ),
    text,
  );

  it('agree about good configurations and about ones with one value replaced or one key added', () => {
    fc.assert(
      fc.property(config, wrong, fc.nat(), fc.boolean(), (value, replacement, at, isAdded) => {
        expect(isValid(value), JSON.stringify(isValid.errors)).toBe(true);
        expect(parserComplaint(value)).toBe('');
        const mutated = structuredClone(value) as object;
        mutate(mutated, replacement, at, isAdded);
        fc.pre(!isCrossField(mutated));
        const complaint = parserComplaint(mutated);
        expect(isValid(mutated), `${JSON.stringify(mutated)}: ${complaint}`).toBe(complaint === '');
      }),
      { numRuns: 500 },
    );
  });
});

/** Replaces one value somewhere in the tree, or adds a key to one map. */
function mutate(root: object, replacement: unknown, at: number, isAdded: boolean): void {
  const places: [parent: Record<string, unknown>, key: string][] = [];
  const visit = (parent: object): void => {
    if (isAdded && !Array.isArray(parent)) places.push([parent as Record<string, unknown>, 'surprise']);
    for (const [key, value] of Object.entries(parent)) {
      if (!isAdded) places.push([parent as Record<string, unknown>, key]);
      if (typeof value === 'object' && value !== null) visit(value);
    }
  };
  visit(root);
  const [parent, key] = places[at % Math.max(1, places.length)] ?? [];
  if (parent !== undefined && key !== undefined) parent[key] = replacement;
}

/** Rules about two values at once, which a schema for editors does not express: the sources of links. */
function isCrossField(config: object): boolean {
  const paths: unknown = 'paths' in config ? config.paths : [];
  return Array.isArray(paths) && paths.some((path) => /link/.test(path?.type) && [null, ''].includes(path.source));
}
