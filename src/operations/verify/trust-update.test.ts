import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type LoopbackTuf, openLoopbackTuf } from '../../../test/support/loopback-tuf.ts';
import { failureOf } from '../../../test/support/registry-client.ts';
import { noEvents } from '../../base/events.ts';
import type { Host } from '../host.ts';
import { type TrustUpdateRequest, updateTrustedRoot } from './trust-update.ts';

const TRUSTED = (name: string) =>
  JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [],
    certificateAuthorities: [],
    ctlogs: [],
    timestampAuthorities: [],
    name,
  });

let tuf: LoopbackTuf;
let host: Host;
let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'stave-tuf-'));
  tuf = await openLoopbackTuf(TRUSTED('first'));
  await writeFile(join(cwd, 'root.json'), tuf.root);
  host = { cwd, env: { XDG_CACHE_HOME: join(cwd, 'cache') }, hostArch: 'amd64', homeDir: cwd, events: noEvents };
});
afterEach(async () => {
  await tuf.close();
  await rm(cwd, { recursive: true });
});

const update = (more: Partial<TrustUpdateRequest> = {}) =>
  updateTrustedRoot({ mirror: tuf.url, root: 'root.json', ...more }, host);
const written = (name = 'trusted_root.json') => readFile(join(cwd, name), 'utf8');

it('writes the trusted root beside the trust file, and says how it gets used', async () => {
  const report = await update();
  expect([report.outcome, report.path]).toEqual(['written', join(cwd, 'trusted_root.json')]);
  expect(report.advice.join()).toContain('trusted-root: trusted_root.json');
  expect(await written()).toBe(TRUSTED('first'));
});

it('writes nothing where nothing changed, and follows where something did', async () => {
  await update();
  const long = new Date('2020-01-01T00:00:00Z');
  await utimes(join(cwd, 'trusted_root.json'), long, long);
  expect((await update()).outcome).toBe('unchanged');
  expect((await stat(join(cwd, 'trusted_root.json'))).mtime).toEqual(long);
  tuf.publish(TRUSTED('second'));
  tuf.rotateRoot();
  expect((await update()).outcome).toBe('written');
  expect(await written()).toBe(TRUSTED('second'));
  expect((await readdir(cwd)).sort()).toEqual(['cache', 'root.json', 'trusted_root.json']);
});

it('writes where the trust file says', async () => {
  const text = 'images:\n  - match: a/b\n    signers: [{key: k.pub}]\ntrusted-root: own.json\n';
  await writeFile(join(cwd, 'stave.trust.yaml'), text);
  expect(await update()).toMatchObject({ path: join(cwd, 'own.json'), advice: [] });
  expect(await written('own.json')).toBe(TRUSTED('first'));
  expect(await readFile(join(cwd, 'stave.trust.yaml'), 'utf8')).toBe(text);
});

const flip = (bytes: Buffer) => {
  const changed = Buffer.from(bytes);
  const i = changed.indexOf('"version":') + '"version":'.length;
  changed[i] = changed[i]! ^ 1;
  return changed;
};
const rows: readonly [string, () => Promise<void> | void, string][] = [
  ['metadata that is expired', () => tuf.publish(TRUSTED('new'), { expires: new Date(0) }), 'TRUST_ROOT_INVALID'],
  ['metadata older than what was seen', () => tuf.publish(TRUSTED('new'), { version: 1 }), 'TRUST_ROOT_INVALID'],
  [
    'metadata that was changed',
    async () => {
      tuf.publish(TRUSTED('new'));
      const bytes = Buffer.from(await (await fetch(`${tuf.url}/timestamp.json`)).arrayBuffer());
      tuf.changed.set('/timestamp.json', flip(bytes));
    },
    'TRUST_ROOT_INVALID',
  ],
  [
    'a root that the known one did not sign',
    async () => {
      const other = await openLoopbackTuf(TRUSTED('other'));
      other.rotateRoot();
      const bytes = Buffer.from(await (await fetch(`${other.url}/2.root.json`)).arrayBuffer());
      await other.close();
      tuf.changed.set('/2.root.json', bytes);
    },
    'TRUST_ROOT_INVALID',
  ],
  ['a target that is no trusted root', () => tuf.publish('{"mediaType":"text/plain"}'), 'TRUST_ROOT_INVALID'],
  ['a server in trouble', () => void tuf.changed.set('/timestamp.json', 404), 'NETWORK_UNREACHABLE'],
];
it.each(rows)('refuses %s, and leaves the file alone', async (_what, change, code) => {
  await update();
  tuf.publish(TRUSTED('second'));
  await update();
  await change();
  expect((await failureOf(update())).code).toBe(code);
  expect(await written()).toBe(TRUSTED('second'));
});

it('refuses a target that is not what the metadata says', async () => {
  await update();
  tuf.publish(TRUSTED('second'));
  await update({ trustedRoot: 'elsewhere.json' });
  const path = tuf.asked.findLast((one) => one.startsWith('/targets/')) ?? '';
  await rm(join(cwd, 'cache'), { recursive: true });
  tuf.changed.set(path, Buffer.from(TRUSTED('secund')));
  expect((await failureOf(update())).code).toBe('TRUST_ROOT_INVALID');
  expect(await written()).toBe(TRUSTED('first'));
});

it.each([
  [{ root: undefined as never }, 'USAGE_FLAG'],
  [{ mirror: 'ftp://example.test' }, 'USAGE_FLAG'],
  [{ mirror: 'https://user:secret@example.test' }, 'USAGE_FLAG'],
  [{ root: 'absent.json' }, 'FILE_UNREADABLE'],
  [{ mirror: 'http://127.0.0.1:1' }, 'NETWORK_UNREACHABLE'],
])('%j: %s', async (more, code) => {
  const failure = await failureOf(update(more));
  expect([failure.code, failure.message]).toEqual([code, expect.not.stringContaining('secret')]);
});
