// The key `hardening`, which the reference does not know: how it is read, and that no byte of an image tells of it.

import { describe, expect, it } from 'vitest';
import { loadImageConfig } from './load.ts';
import { printApkoJson } from './print-apko-json.ts';
import { printShowConfig } from './print-show-config.ts';

const encode = (text: string) => new TextEncoder().encode(text);

function load(files: Readonly<Record<string, string>> | string) {
  const all = typeof files === 'string' ? { 'a.yaml': files } : files;
  const { config } = loadImageConfig(
    'a.yaml',
    (name) => (Object.hasOwn(all, name) ? encode(all[name] as string) : undefined),
    [],
  );
  return config;
}

const CHECK = 'minimal/shell';

describe('the policy of a configuration', () => {
  it.each<readonly [yaml: string, expected: ReturnType<typeof load>['hardening']]>([
    ['cmd: a', undefined],
    ['hardening:', undefined],
    ['hardening: {}', { profile: 'default', exceptions: [] }],
    ['hardening: {profile: strict}', { profile: 'strict', exceptions: [] }],
    [
      `hardening: {exceptions: [{check: ${CHECK}, reason: r}]}`,
      { profile: 'default', exceptions: [{ check: CHECK, reason: 'r' }] },
    ],
    [
      `hardening: {exceptions: [{check: ${CHECK}, path: /bin/**, reason: r}]}`,
      { profile: 'default', exceptions: [{ check: CHECK, path: '/bin/**', reason: 'r' }] },
    ],
  ])('%s', (yaml, expected) => {
    expect(load(yaml).hardening).toEqual(expected);
  });

  it.each([
    [
      'hardening: {profile: strikt}',
      'unknown hardening profile "strikt"; it must be "default", "distroless", "strict" or "off"',
      'did you mean "strict"?',
    ],
    [
      'hardening: {exceptions: [{check: minimal/shel, reason: r}]}',
      'unknown hardening check "minimal/shel"; docs/hardening.md lists them',
      'did you mean "minimal/shell"?',
    ],
    [`hardening: {exceptions: [{check: ${CHECK}}]}`, 'hardening.exceptions[0].reason is missing', undefined],
    [`hardening: {exceptions: [{check: ${CHECK}, reason: ""}]}`, 'hardening.exceptions[0].reason is empty', undefined],
    ['hardening: {exceptions: [{reason: r}]}', 'hardening.exceptions[0].check is missing', undefined],
    ['hardening: strict', 'hardening must be a map, not the text "strict"', undefined],
  ])('%s is refused', (yaml, message, hint) => {
    expect(() => load(yaml)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message, hint }));
  });

  it('of an included file lies under the including one: its profile wins, exceptions of both count', () => {
    const exception = (reason: string) => `{check: ${CHECK}, reason: ${reason}}`;
    const base = `hardening: {profile: distroless, exceptions: [${exception('base')}]}`;
    const both = { 'base.yaml': base, 'a.yaml': `include: base.yaml\nhardening: {exceptions: [${exception('own')}]}` };
    expect(load(both).hardening).toEqual({
      profile: 'distroless',
      exceptions: [
        { check: CHECK, reason: 'base' },
        { check: CHECK, reason: 'own' },
      ],
    });
    expect(load({ ...both, 'a.yaml': 'include: base.yaml\nhardening: {profile: off}' }).hardening?.profile).toBe('off');
  });
});

describe('the key', () => {
  const yaml = 'cmd: a\n';
  const hardened = `${yaml}hardening: {profile: strict, exceptions: [{check: ${CHECK}, path: bin/sh, reason: r}]}\n`;

  it('is not in /etc/apko.json', () => {
    expect(printApkoJson(load(hardened))).toBe(printApkoJson(load(yaml)));
  });

  it('is shown by show-config', () => {
    const shown = printShowConfig(load(hardened));
    expect(load(shown).hardening).toEqual(load(hardened).hardening);
    expect(printShowConfig(load(yaml))).not.toContain('hardening');
  });
});
