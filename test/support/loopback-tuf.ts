// A TUF repository on 127.0.0.1 (TUF specification 1.0, consistent snapshots), with keys of its own and one target.

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { openLoopbackServer } from './loopback-server.ts';

export interface LoopbackTuf {
  readonly url: string;
  /** The first root.json. */
  readonly root: string;
  /** Paths asked for so far. */
  readonly asked: string[];
  /** What a path answers instead: bytes, or a status. */
  readonly changed: Map<string, Buffer | number>;
  /** Publishes the target anew: all versions go up by one. `versions` sets them back, as an attacker would. */
  publish(trustedRoot: string, more?: { readonly expires?: Date; readonly version?: number }): void;
  /** A second root, signed by the keys of the first. */
  rotateRoot(): void;
  close(): Promise<void>;
}

type Json = { readonly [name: string]: unknown };

/** Sorted keys, no spaces: what OLPC's canonical JSON is for what stands in TUF metadata. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join(',')}}`;
}

function makeKey(): { readonly id: string; readonly public: Json; readonly private: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
  const key = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: raw } };
  return { id: createHash('sha256').update(canonical(key)).digest('hex'), public: key, private: privateKey };
}

export async function openLoopbackTuf(trustedRoot: string): Promise<LoopbackTuf> {
  const files = new Map<string, Buffer>();
  const changed = new Map<string, Buffer | number>();
  const asked: string[] = [];
  let rootKey = makeKey();
  const key = makeKey();
  let rootVersion = 0;
  let version = 0;
  const later = () => new Date(Date.now() + 3_600_000);
  const signed = (content: Json, ...keys: readonly (typeof key)[]): Buffer => {
    const signatures = keys.map((one) => ({
      keyid: one.id,
      sig: sign(null, Buffer.from(canonical(content)), one.private).toString('hex'),
    }));
    return Buffer.from(JSON.stringify({ signatures, signed: content }));
  };
  const stamp = (expires: Date) => expires.toISOString().replace(/\.\d+Z$/, 'Z');
  const meta = (bytes: Buffer, of: number) => {
    return { version: of, length: bytes.length, hashes: { sha256: createHash('sha256').update(bytes).digest('hex') } };
  };
  const writeRoot = (...by: readonly (typeof key)[]): void => {
    rootVersion += 1;
    const role = (one: typeof key) => ({ keyids: [one.id], threshold: 1 });
    const content = {
      _type: 'root',
      spec_version: '1.0.31',
      version: rootVersion,
      expires: stamp(later()),
      consistent_snapshot: true,
      keys: { [rootKey.id]: rootKey.public, [key.id]: key.public },
      roles: { root: role(rootKey), timestamp: role(key), snapshot: role(key), targets: role(key) },
    };
    files.set(`/${rootVersion}.root.json`, signed(content, ...by));
  };
  const publish: LoopbackTuf['publish'] = (text, more = {}) => {
    version = more.version ?? version + 1;
    const expires = stamp(more.expires ?? later());
    const common = { spec_version: '1.0.31', version, expires };
    const target = Buffer.from(text);
    const { hashes, length } = meta(target, version);
    files.set(`/targets/${hashes.sha256}.trusted_root.json`, target);
    const targets = signed({ _type: 'targets', ...common, targets: { 'trusted_root.json': { hashes, length } } }, key);
    files.set(`/${version}.targets.json`, targets);
    const snapshot = signed({ _type: 'snapshot', ...common, meta: { 'targets.json': meta(targets, version) } }, key);
    files.set(`/${version}.snapshot.json`, snapshot);
    const timestamp = { _type: 'timestamp', ...common, meta: { 'snapshot.json': meta(snapshot, version) } };
    files.set('/timestamp.json', signed(timestamp, key));
  };
  writeRoot(rootKey);
  publish(trustedRoot);
  const server = await openLoopbackServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const answer = changed.get(path) ?? files.get(path) ?? 404;
    if (typeof answer === 'number') return void response.writeHead(answer).end();
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  });
  return {
    url: server.url,
    root: files.get('/1.root.json')?.toString() ?? '',
    asked,
    changed,
    publish,
    rotateRoot: () => {
      const before = rootKey;
      rootKey = makeKey();
      writeRoot(before, rootKey);
    },
    close: () => server.close(),
  };
}
