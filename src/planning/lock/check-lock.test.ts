import { describe, expect, it } from 'vitest';
import { checkLock, lockedPackages } from './check-lock.ts';
import { type Lock, type LockPackage, parseLock } from './lock.ts';

const USE = { lockPath: 'a.lock.json', configPath: 'a.yaml', checksum: 'sha256-now', archs: ['x86_64'] };

function lock(packages: Partial<LockPackage>[], checksum: string | undefined = 'sha256-now'): Lock {
  const whole = packages.map((p) => ({
    name: 'p',
    url: 'u',
    version: '1',
    architecture: 'x86_64',
    checksum: 'Q1',
    ...p,
  }));
  const config = checksum === '' ? {} : { config: { name: 'a.yaml', checksum } };
  return parseLock(JSON.stringify({ version: 'v1', ...config, contents: { packages: whole } }), 'a.lock.json');
}

describe('checkLock', () => {
  it('is content with a lock of this configuration', () => {
    expect(checkLock(lock([{}]), USE)).toEqual([]);
  });

  it('refuses the lock of another configuration', () => {
    expect(() => checkLock(lock([{}], 'sha256-then'), USE)).toThrow(
      expect.objectContaining({
        code: 'LOCK_MISMATCH',
        message: 'the lock file a.lock.json was made from another state of the configuration a.yaml',
        notes: ['locked: sha256-then', 'now:    sha256-now'],
      }),
    );
  });

  const warnings: [title: string, lock: Lock, archs: string[], code: string, message: RegExp][] = [
    ['no config', lock([{}], ''), ['x86_64'], 'LOCK_WITHOUT_CONFIG', /does not say which configuration/],
    ['an arch without packages', lock([{}]), ['x86_64', 'aarch64'], 'LOCK_WITHOUT_ARCH', /no package for aarch64/],
    [
      'noarch entries',
      lock([{}, { name: 'z', architecture: 'noarch' }, { name: 'a', architecture: 'noarch' }]),
      ['x86_64'],
      'LOCK_NOARCH_IGNORED',
      /are not installed: a, z$/,
    ],
  ];
  it.each(warnings)('warns of %s', (_title, value, archs, code, message) => {
    expect(checkLock(value, { ...USE, archs })).toEqual([
      { code, message: expect.stringMatching(message), hint: expect.stringContaining('stave lock') },
    ]);
  });
});

describe('lockedPackages', () => {
  it('are those of exactly this architecture, in file order', () => {
    const value = lock([
      { name: 'b' },
      { name: 'c', architecture: 'noarch' },
      { name: 'd', architecture: 'aarch64' },
      { name: 'a' },
    ]);
    expect(lockedPackages(value, 'x86_64').map(({ name }) => name)).toEqual(['b', 'a']);
    expect(lockedPackages(value, 's390x')).toEqual([]);
  });

  it('must have checksums', () => {
    const value = lock([{ name: 'a' }, { name: 'b', checksum: '' }]);
    expect(() => lockedPackages(value, 'x86_64')).toThrow(
      expect.objectContaining({ code: 'LOCK_INVALID', message: 'the locked package b for x86_64 has no checksum' }),
    );
    expect(lockedPackages(value, 'aarch64')).toEqual([]);
  });
});
