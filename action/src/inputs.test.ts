import { describe, expect, it } from 'vitest';
import { parseInputs, secretsOf } from './inputs.ts';

const withTags = (more: Record<string, string> = {}) => parseInputs({ INPUT_TAGS: 'ghcr.io/org/app:1', ...more });

describe('parseInputs', () => {
  it('has a default for all but the tags', () => {
    expect(withTags()).toEqual({
      workingDirectory: '',
      config: 'image.yaml',
      tags: ['ghcr.io/org/app:1'],
      archs: [],
      flags: [],
      dryRun: 'auto',
      sign: true,
      attest: true,
    });
  });

  it.each<[string, string, string, unknown]>([
    ['lists: one a line', 'INPUT_TAGS', ' a/b:1 \n\n  a/b:2\r\n', { tags: ['a/b:1', 'a/b:2'] }],
    ['lists: commas', 'INPUT_ARCHS', 'amd64, arm64,', { archs: ['amd64', 'arm64'] }],
    [
      'flags keep blanks and commas',
      'INPUT_FLAGS',
      ' --var=A=b, c \n--offline',
      { flags: ['--var=A=b, c', '--offline'] },
    ],
    ['hyphens stay', 'INPUT_WORKING-DIRECTORY', ' images ', { workingDirectory: 'images' }],
    ['switches in any case', 'INPUT_SIGN', 'False', { sign: false }],
    ['a mode', 'INPUT_DRY-RUN', 'true', { dryRun: 'true' }],
    ['empty is absent', 'INPUT_KEY', '  ', { key: undefined }],
  ])('%s', (_what, name, text, expected) => {
    expect(withTags({ [name]: text })).toMatchObject(expected as object);
  });

  it.each([
    ['INPUT_TAGS', ' \n', 'USAGE_ARGUMENTS', /"tags" names no reference/],
    ['INPUT_DRY-RUN', 'atuo', 'USAGE_FLAG', /"dry-run" takes auto, true, false, not "atuo"/],
    ['INPUT_ATTEST', '1', 'USAGE_FLAG', /"attest" takes true, false/],
    ['INPUT_FLAGS', '--offline\nvariant=dev', 'USAGE_FLAG', /"variant=dev", which is no flag/],
    ['INPUT_FLAGS', '--', 'USAGE_FLAG', /"--", which is no flag/],
  ])('%s=%j is refused', (name, text, code, message) => {
    expect(() => withTags({ [name]: text })).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});

describe('secretsOf', () => {
  it('are the values, and a key only where it is one itself', () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----';
    const more = { 'INPUT_KEY-PASSWORD': 'p', INPUT_TOKEN: 't', 'INPUT_REGISTRY-PASSWORD': 'r' };
    expect(secretsOf(withTags({ INPUT_KEY: pem, ...more }))).toEqual([pem, 'p', 't', 'r']);
    expect(secretsOf(withTags({ INPUT_KEY: 'env://KEY' }))).toEqual([]);
  });
});
