import { expect, it } from 'vitest';
import { parseLock, printLock } from './lock.ts';
import { type ArchLockPlan, planLock } from './plan-lock.ts';

const members = {
  signature: { start: 0, end: 100, checksum: 's' },
  control: { start: 100, end: 300, checksum: 'c' },
  data: { start: 300, end: 1000, checksum: 'd' },
};

function arch(name: string, rest: Partial<ArchLockPlan> = {}): ArchLockPlan {
  return { arch: name, repositories: [], buildRepositories: [], runtimeRepositories: [], packages: [], ...rest };
}

const plan = { configName: 'a.yaml', configChecksum: 'sha256-x', keyring: [] };

it('records packages under the architecture they were resolved for, in order', () => {
  const { control, data } = members;
  const lock = planLock({
    ...plan,
    perArch: [
      arch('x86_64', {
        packages: [
          { name: 'b', version: '2', url: 'r/x86_64/b-2.apk', members, checksum: 'Q1b' },
          { name: 'a', version: '1', url: 'r/x86_64/a-1.apk', members: { control, data }, checksum: 'Q1a' },
        ],
      }),
      arch('aarch64', { packages: [{ name: 'b', version: '2', url: 'u', members, checksum: 'Q1b' }] }),
    ],
  });
  expect(lock.config).toEqual({ name: 'a.yaml', checksum: 'sha256-x' });
  expect(lock.contents.packages.map((p) => [p.name, p.architecture])).toEqual([
    ['b', 'x86_64'],
    ['a', 'x86_64'],
    ['b', 'aarch64'],
  ]);
  expect(lock.contents.packages[0]).toMatchObject({
    signature: { range: 'bytes=0-99', checksum: 'sha1-s' },
    control: { range: 'bytes=100-299', checksum: 'sha1-c' },
    data: { range: 'bytes=300-999', checksum: 'sha256-d' },
    checksum: 'Q1b',
  });
  expect(lock.contents.packages[1]?.signature).toEqual({ range: '', checksum: '' });
  expect(parseLock(printLock(lock), 'l')).toEqual(lock);
});

it('names repositories by their index, without tag and scheme, grouped by architecture', () => {
  const repositories = ['./r', '@t https://h.example.test/os', 'http://h.example.test/x'];
  const lock = planLock({
    ...plan,
    perArch: [
      arch('x86_64', { repositories, buildRepositories: ['b'] }),
      arch('armv7', { runtimeRepositories: ['@r u'] }),
    ],
  });
  expect(lock.contents.repositories).toEqual([
    { name: './r/x86_64', url: './r/x86_64/APKINDEX.tar.gz', architecture: 'x86_64' },
    {
      name: 'h.example.test/os/x86_64',
      url: 'https://h.example.test/os/x86_64/APKINDEX.tar.gz',
      architecture: 'x86_64',
    },
    { name: 'h.example.test/x/x86_64', url: 'http://h.example.test/x/x86_64/APKINDEX.tar.gz', architecture: 'x86_64' },
  ]);
  expect(lock.contents.buildRepositories.map(({ name }) => name)).toEqual(['b/x86_64']);
  expect(lock.contents.runtimeRepositories.map(({ name }) => name)).toEqual(['u/armv7']);
});

it('sorts keys by name, each once', () => {
  const keyring = [
    { url: 'z', content: 'Z' },
    { url: 'https://h/k', content: 'K' },
    { url: 'a' },
    { url: 'z', content: 'Z' },
  ];
  expect(planLock({ ...plan, keyring, perArch: [] }).contents.keyring).toEqual([
    { name: 'a', url: 'a', content: '' },
    { name: 'h/k', url: 'https://h/k', content: 'K' },
    { name: 'z', url: 'z', content: 'Z' },
  ]);
});

it('strips credentials from every URL', () => {
  const url = 'https://user:hunter2@h.example.test/os';
  const lock = planLock({
    ...plan,
    keyring: [{ url: `${url}/k` }],
    perArch: [
      arch('x86_64', {
        repositories: [url, `@t ${url}`],
        buildRepositories: [url],
        runtimeRepositories: [url],
        packages: [{ name: 'a', version: '1', url: `${url}/x86_64/a-1.apk`, members, checksum: 'Q1' }],
      }),
    ],
  });
  expect(printLock(lock)).not.toMatch(/hunter2|user/);
  expect(lock.contents.packages[0]?.url).toBe('https://h.example.test/os/x86_64/a-1.apk');
});
