import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mirrorHost, mirrorPath, mirrorUrl } from './mirror-path.ts';

describe('mirrorPath', () => {
  it.each([
    ['https://packages.wolfi.dev/os/x86_64/a-1.0-r0.apk', 'packages.wolfi.dev/os/x86_64/a-1.0-r0.apk'],
    ['http://packages.wolfi.dev/os/x86_64/a-1.0-r0.apk', 'packages.wolfi.dev/os/x86_64/a-1.0-r0.apk'],
    ['https://h:8443/a', 'h_8443/a'],
    ['https://h:443/a', 'h/a'],
    ['http://[::1]:8080/a', '--1_8080/a'],
    ['https://h/a//b/', 'h/a/b'],
    ['https://h/a%20b/%40c', 'h/a b/@c'],
    ['https://h/a?sig=secret#x', 'h/a'],
    ['https://h/../../a', 'h/a'],
    ['https://h/%2e%2e/a', 'h/a'],
    ['https://H/A', 'h/A'],
  ])('%s', (url, path) => {
    expect(mirrorPath(url).join('/')).toBe(path);
  });

  it.each([['https://h/a%2Fb'], ['https://h/a%5Cb'], ['https://h/%'], ['https://h/a%00']])('%s cannot be', (url) => {
    expect(() => mirrorPath(url)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it('never leads out of its folder', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true }), fc.string(), (url, tail) => {
        let path: string[];
        try {
          path = mirrorPath(`${url}/${tail}`);
        } catch {
          return;
        }
        for (const name of path)
          expect(name === '' || name === '.' || name === '..' || /[/\\\0]/.test(name)).toBe(false);
      }),
    );
  });
});

it('a static site has it at the same place, encoded', () => {
  expect(mirrorUrl('https://m/mirror/', 'https://h:8443/a%20b/c+d@e.apk')).toBe(
    'https://m/mirror/h_8443/a%20b/c%2Bd%40e.apk',
  );
});

it('hosts are file names', () => {
  expect(mirrorHost('[fe80::1]', '')).toBe('fe80--1');
});
