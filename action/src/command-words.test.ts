import { describe, expect, it } from 'vitest';
import { recordedWorld } from '../../src/cli/recorded-world.ts';
import { type Chosen, inspectWords, pruneWords, publishWords } from './command-words.ts';
import { parseInputs } from './inputs.ts';

const inputs = (more: Record<string, string> = {}) =>
  parseInputs({ INPUT_TAGS: 'r.example/a/b:{version:x}\nr.example/a/b:1', ...more });
const chosen = { lockfile: undefined, sbomPath: '/s', publish: true };
const HEAD = ['publish', 'image.yaml', 'r.example/a/b:{version:x}', 'r.example/a/b:1'];

describe('publishWords', () => {
  it.each<[Record<string, string>, Partial<Chosen>, string[]]>([
    [{}, {}, ['--sbom-path=/s', '--sign']],
    [{ INPUT_SIGN: 'false', INPUT_KEY: 'k' }, {}, ['--sbom-path=/s']],
    [{ INPUT_ATTEST: 'false' }, { publish: false }, ['--sbom-path=/s', '--sign', '--no-attest', '--dry-run']],
    [{ INPUT_KEY: '-----BEGIN PRIVATE KEY-----' }, {}, ['--sbom-path=/s', '--sign', '--key=env://STAVE_ACTION_KEY']],
    [
      {
        INPUT_KEY: 'cosign.key',
        INPUT_ARCHS: 'amd64,arm64',
        INPUT_HARDENING: '--local',
        'INPUT_CACHE-DIR': 'c',
        INPUT_FLAGS: '--offline',
      },
      { lockfile: 'l.json' },
      [
        '--arch=amd64',
        '--arch=arm64',
        '--lockfile=l.json',
        '--hardening=--local',
        '--cache-dir=c',
        '--sbom-path=/s',
        '--sign',
        '--key=cosign.key',
        '--offline',
      ],
    ],
  ])('%j %j', (given, more, expected) => {
    expect(publishWords(inputs(given), { ...chosen, ...more })).toEqual([...HEAD, ...expected]);
  });
});

describe('inspectWords', () => {
  it('is about the first tag without a placeholder, with the flags that it has', () => {
    const flags = '--plain-http\n--variant=dev\n--ca-cert=a=b.pem\n--no-insecure-skip-verify';
    expect(inspectWords(inputs({ INPUT_FLAGS: flags }), recordedWorld())).toEqual([
      'inspect',
      'r.example/a/b:1',
      '--plain-http',
      '--ca-cert=a=b.pem',
      '--no-insecure-skip-verify',
    ]);
    expect(inspectWords(inputs({ INPUT_TAGS: 'a/b:{version:x}' }), recordedWorld())).toBeUndefined();
  });
});

describe('pruneWords', () => {
  it('is for those who name a size', () => {
    expect(pruneWords(inputs())).toBeUndefined();
    expect(pruneWords(inputs({ 'INPUT_CACHE-MAX-SIZE': '1GB' }))).toEqual(['cache', 'prune', '--max-size=1GB']);
  });
});
