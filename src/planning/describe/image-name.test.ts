import { expect, it } from 'vitest';
import { imageNameOf } from './image-name.ts';

it.each([
  [[], 'image'],
  [['golden:case'], 'golden'],
  [['registry.example.com:5000/team/app:1.0', 'other:2'], 'app'],
  [[`ghcr.io/o/app@sha256:${'0'.repeat(64)}`], 'app'],
  [['t:1'], 'image'],
  [['Upper:1', 'usable:1'], 'usable'],
])('%j -> %s', (tags, name) => {
  expect(imageNameOf(tags, 'image')).toBe(name);
});

it('has its own word for an index', () => {
  expect(imageNameOf(['?'], 'index')).toBe('index');
});
