// Downloads out of a mirror and into one, without any network: the client behind them is a table.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StaveEvent } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import type { HttpClient } from '../http/client.ts';
import { MirrorRecorder } from './mirror-recorder.ts';
import { isSite, withMirror } from './mirrored-http.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stave-mirrored-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Table = Readonly<Record<string, string | Failure>>;

/** Answers from a table; what it was asked is in `asked`. */
function client(table: Table, secure = true): HttpClient & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    offline: false,
    addCredentials: () => {},
    close: async () => {},
    async get(url) {
      asked.push(url);
      const found = table[url];
      if (found === undefined) throw new Failure('HTTP_STATUS', `no ${url}`, { data: { status: 404 } });
      if (found instanceof Failure) throw found;
      const bytes = Buffer.from(found);
      const body = (async function* () {
        yield bytes.subarray(0, 2);
        yield bytes.subarray(2);
      })();
      return {
        status: 200,
        headers: {},
        etag: '"e"',
        contentBytes: bytes.length,
        secure,
        body,
        bytes: async () => bytes,
      };
    },
  };
}

function put(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const text = async (http: HttpClient, url: string, maxBytes = 100): Promise<string> =>
  Buffer.from(await (await http.get(url, { maxBytes })).bytes()).toString();

const OFFLINE = new Failure('NETWORK_OFFLINE', 'network request blocked');

describe('withMirror', () => {
  it('reads from the folder first, and then from where it belongs', async () => {
    put('h_8080/a/b.apk', 'mirrored');
    const http = client({ 'https://h/other': 'from the network' });
    const mirrored = withMirror(folder, http);
    expect(await text(mirrored, 'https://h:8080/a/b.apk')).toBe('mirrored');
    expect(http.asked).toEqual([]);
    expect(await text(mirrored, 'https://h/other')).toBe('from the network');
    expect(mirrored.offline).toBe(false);
  });

  it('trusts what was fetched over https, and nothing else', async () => {
    put('h/key', 'k');
    const mirrored = withMirror(folder, client({}));
    expect(await mirrored.get('https://h/key', { maxBytes: 9 })).toMatchObject({
      status: 200,
      secure: true,
      etag: undefined,
    });
    expect(await mirrored.get('http://h/key', { maxBytes: 9 })).toMatchObject({ secure: false });
  });

  it('keeps to the bounds of a request', async () => {
    put('h/large', 'x'.repeat(11));
    const reading = withMirror(folder, client({})).get('https://h/large', { maxBytes: 10 });
    await expect(reading).rejects.toThrow(expect.objectContaining({ code: 'RESPONSE_TOO_LARGE' }));
  });

  it.each([['https://h/a/b'], ['https://h/a'], ['https://none/x']])(
    '%s is not there: offline it says so',
    async (url) => {
      // A file where a folder would have to be, and a folder where a file would.
      put('h/a', 'a file');
      mkdirSync(join(folder, 'h', 'folder'));
      const known = url.endsWith('/a') ? 'https://h/folder' : url;
      const reading = withMirror(folder, client({ [known]: OFFLINE })).get(known, { maxBytes: 9 });
      await expect(reading).rejects.toThrow(
        expect.objectContaining({ code: 'NETWORK_OFFLINE', message: expect.stringContaining('does not have it') }),
      );
    },
  );

  it('reads from a site in the same way', async () => {
    const http = client({ 'https://m/x/h/a%20b': 'from the site', 'https://h/c': 'from the network' });
    const mirrored = withMirror('https://m/x', http);
    expect(await text(mirrored, 'https://h/a%20b')).toBe('from the site');
    expect(await text(mirrored, 'https://h/c')).toBe('from the network');
    expect(http.asked).toEqual(['https://m/x/h/a%20b', 'https://m/x/h/c', 'https://h/c']);
    const broken = new Failure('HTTP_STATUS', 'down', { data: { status: 500 } });
    const reading = withMirror('https://m/x', client({ 'https://m/x/h/c': broken })).get('https://h/c', {
      maxBytes: 9,
    });
    await expect(reading).rejects.toThrow('down');
  });

  it.each([
    ['https://m', true],
    ['HTTP://m', true],
    ['./m', false],
    ['C:\\m', false],
  ])('%s is a site: %s', (place, expected) => {
    expect(isSite(place)).toBe(expected);
  });
});

describe('MirrorRecorder', () => {
  const index = 'https://h/os/x86_64/APKINDEX.tar.gz';
  const apk = 'https://h/os/x86_64/a-1-r0.apk';

  it('keeps a copy of what was read, when it is told to', async () => {
    const recorder = await MirrorRecorder.open(folder, () => {});
    const http = recorder.around(client({ [index]: 'an index', [apk]: 'a package' }), true);
    expect(await text(http, index)).toBe('an index');
    const chunks: string[] = [];
    for await (const chunk of (await http.get(apk, { maxBytes: 99 })).body) chunks.push(Buffer.from(chunk).toString());
    expect(chunks.join('')).toBe('a package');
    expect(readdirSync(folder).filter((name) => !name.startsWith('.'))).toEqual([]);
    expect(await recorder.commit()).toEqual({ newFiles: 2, newBytes: 17, keptFiles: 0 });
    await recorder.close();
    expect(readdirSync(folder)).toEqual(['h']);
    expect(readFileSync(join(folder, 'h/os/x86_64/a-1-r0.apk'), 'utf8')).toBe('a package');
    expect(statSync(join(folder, 'h/os/x86_64/a-1-r0.apk')).mode & 0o777).toBe(0o644);
  });

  it('keeps nothing of what was not read to its end, or not committed', async () => {
    const recorder = await MirrorRecorder.open(join(folder, 'new'), () => {});
    const http = recorder.around(client({ [apk]: 'a package', [index]: 'an index' }), true);
    for await (const _chunk of (await http.get(apk, { maxBytes: 99 })).body) break;
    expect(await recorder.commit()).toMatchObject({ newFiles: 0 });
    await text(http, index);
    await recorder.close();
    expect(readdirSync(join(folder, 'new'))).toEqual([]);
  });

  it('takes packages that are there from there, and nothing else', async () => {
    put('h/os/x86_64/a-1-r0.apk', 'kept');
    put('h/os/x86_64/APKINDEX.tar.gz', 'old');
    const recorder = await MirrorRecorder.open(folder, () => {});
    const inner = client({ [index]: 'new', [apk]: 'fetched' });
    expect(await text(recorder.around(inner, true), apk)).toBe('kept');
    expect(await text(recorder.around(inner, true), index)).toBe('new');
    expect(recorder.kept).toBe(1);
    expect(await text(recorder.around(inner, false), apk)).toBe('fetched');
    await recorder.close();
  });

  it('keeps no key that came over an insecure detour', async () => {
    const events: StaveEvent[] = [];
    const recorder = await MirrorRecorder.open(folder, (event) => events.push(event));
    const key = 'https://h/a.rsa.pub';
    const http = recorder.around(
      client({ [key]: 'a key', [apk]: 'a package', 'http://h/b.rsa.pub': 'b' }, false),
      true,
    );
    for (const url of [key, apk, 'http://h/b.rsa.pub']) await text(http, url);
    expect(events).toMatchObject([{ type: 'warning', code: 'MIRROR_INCOMPLETE' }]);
    expect(await recorder.commit()).toMatchObject({ newFiles: 2 });
    await recorder.close();
  });

  it('fails where it cannot write', async () => {
    writeFileSync(join(folder, 'file'), '');
    const opening = MirrorRecorder.open(join(folder, 'file', 'mirror'), () => {});
    await expect(opening).rejects.toThrow(expect.objectContaining({ code: 'FILE_UNWRITABLE' }));
  });
});
