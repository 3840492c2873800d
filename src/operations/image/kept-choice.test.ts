import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { StaveEvent } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import { openStore, type Store } from '../../effects/store/store.ts';
import { loadImageConfig } from '../../planning/config/load.ts';
import { validateImageConfig } from '../../planning/config/validate.ts';
import type { ArchitectureIndexes, IndexedRepository } from '../../planning/solver/architecture-indexes.ts';
import { keptChoice } from './kept-choice.ts';
import type { OpenImage } from './open-image.ts';

let root: string;
let store: Store;
let events: StaveEvent[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'stave-choice-'));
  store = openStore({ root, explicit: true, temporaryDirectory: root, events: () => {} });
  events = [];
});
afterEach(() => {
  store.close();
  rmSync(root, { recursive: true });
});

interface Asked {
  readonly packages?: string;
  readonly arch?: string;
  readonly url?: string;
  readonly tag?: string;
  readonly sha256?: string | undefined;
  readonly question?: readonly unknown[];
  readonly fails?: boolean;
}

let count = 0;

/** A number that is new whenever somebody had to choose. */
function choose(asked: Asked = {}): number {
  const { packages = 'app', arch = 'amd64', url = 'https://h/os', tag = '', question = ['build'] } = asked;
  const text = `contents: {packages: [${packages}], repositories: ['https://h/os']}\n`;
  const config = validateImageConfig(loadImageConfig('i.yaml', () => Buffer.from(text), []));
  const image = { config, store, host: { events: (event: StaveEvent) => events.push(event) } } as unknown as OpenImage;
  const digest = 'sha256' in asked ? asked.sha256 : 'ab';
  const repository = { url, tag, ...(digest !== undefined && { sha256: digest }) } as IndexedRepository;
  const architectures: ArchitectureIndexes[] = [{ arch, repositories: [repository] }];
  return keptChoice(image, architectures, question, () => {
    if (asked.fails) throw new Failure('SOLVE_LIMIT', 'no choice');
    return { number: ++count };
  }).number;
}

it('chooses once', () => {
  const first = choose();
  expect(events).toEqual([]);
  expect(choose()).toBe(first);
  // As many events as if there had been something to do.
  expect(events).toEqual(['phase-started', 'phase-finished'].map((type) => ({ type, phase: 'resolve' })));
});

it.each<[string, Asked]>([
  ['other wishes', { packages: 'app, more' }],
  ['another architecture', { arch: 'arm64' }],
  ['another repository', { url: 'https://h/os2' }],
  ['another tag', { tag: 'edge' }],
  ['another index', { sha256: 'cd' }],
  ['another question', { question: ['lock'] }],
])('chooses anew for %s', (_, other) => {
  const first = choose();
  expect(choose(other)).not.toBe(first);
  expect(choose()).toBe(first);
});

it.each<[string, Asked]>([
  ['a list of packages without a digest', { sha256: undefined }],
  ['a secret in a URL', { url: 'https://h/os?token=secret' }],
])('keeps nothing for %s', (_, asked) => {
  const first = choose(asked);
  expect(choose(asked)).not.toBe(first);
  expect(readdirSync(join(root, 'v1'))).not.toContain('choices');
});

it('chooses anew when what was kept is damaged', () => {
  const first = choose();
  for (const name of readdirSync(join(root, 'v1', 'choices'))) writeFileSync(join(root, 'v1', 'choices', name), '{}');
  const second = choose();
  expect(second).not.toBe(first);
  expect(choose()).toBe(second);
});

it('keeps no failure', () => {
  expect(() => choose({ fails: true })).toThrow('no choice');
  const first = choose();
  expect(choose({ fails: true })).toBe(first);
});
