// The keys that may sign indexes: configured by URL or file, and discovered from repositories (apk-format.md 3).
// Discovery never fails a build. It believes nobody who could not prove who they are: only HTTPS, or this machine.

import { createPublicKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { EventSink } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { compareBytes, sortedUnique } from '../../base/order.ts';
import { redactText, stripCredentials } from '../../base/redact.ts';
import type { HttpClient } from '../http/client.ts';
import type { Document, Documents } from './documents.ts';
import { parseRepositoryLine, placeOf, publicLine } from './repository-line.ts';

export interface KeyringKey {
  /** The file name it has in `etc/apk/keys`, and the one signatures name. */
  readonly name: string;
  readonly pem: string;
  /** As written, without secrets; for keys of a key set `<repo>/<kid>.rsa.pub`. */
  readonly url: string;
  readonly source: 'configured' | 'discovered';
}

export interface KeyringOptions {
  /** URLs and paths: contents.keyring and -k. */
  readonly keyring: readonly string[];
  /** Repository lines to discover keys for. */
  readonly repositories: readonly string[];
  readonly apkArch: string;
  /** Absolute; relative paths count from here. */
  readonly workdir: string;
}

/** A second request is fair for what we can live without; five would only cost time. */
const DISCOVERY = { maxAttempts: 2 } as const;
/** Shorter ones can be broken; repositories use 2048 and more. */
const MIN_KEY_BITS = 1024;
const ALPINE_RELEASES = 'https://alpinelinux.org/releases.json';

/**
 * Configured keys in byte order of their URLs, then discovered ones by repository and name, without those that have the
 * name of a configured key. Throws CONFIG_NOT_FOUND, FILE_UNREADABLE, KEY_INVALID and what HttpClient.get throws, all
 * for configured keys only.
 */
export async function openKeyring(
  options: KeyringOptions,
  http: HttpClient,
  documents: Documents,
  events: EventSink,
): Promise<KeyringKey[]> {
  for (const line of [...options.keyring, ...options.repositories]) http.addCredentials(line);
  const keys: KeyringKey[] = [];
  for (const line of sortedUnique(options.keyring)) {
    const url = stripCredentials(line);
    const pem = await readKey(url, options.workdir, documents);
    keys.push({ name: baseName(url), pem, url: publicLine(url), source: 'configured' });
  }
  const configured = new Set(keys.map((key) => key.name));
  const discovered = await discoverKeys(options, documents, events);
  return [...keys, ...discovered.filter((key) => !configured.has(key.name))];
}

/** File name -> PEM text. Of equal names a configured key counts before a discovered one, and then the last. */
export function keysByName(keys: readonly KeyringKey[]): ReadonlyMap<string, string> {
  const discovered = keys.filter((key) => key.source === 'discovered');
  const configured = keys.filter((key) => key.source === 'configured');
  return new Map([...discovered, ...configured].map((key) => [key.name, key.pem]));
}

async function discoverKeys(options: KeyringOptions, documents: Documents, events: EventSink): Promise<KeyringKey[]> {
  const urls = sortedUnique(options.repositories.map((line) => parseRepositoryLine(line).url));
  const byName = new Map<string, KeyringKey>();
  for (const url of urls.filter((u) => /^https?:\/\//i.test(u))) {
    for (const discover of [discoverAlpineKeys, discoverKeySet]) {
      try {
        const found = await discover(url, options.apkArch, documents);
        for (const key of found.toSorted((a, b) => compareBytes(a.name, b.name))) byName.set(key.name, key);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        events({ type: 'debug', message: redactText(`no keys discovered for ${url}: ${error.message}`) });
      }
    }
  }
  return [...byName.values()];
}

async function readKey(url: string, cwd: string, documents: Documents): Promise<string> {
  const place = placeOf(url, cwd);
  if ('remote' in place) {
    try {
      return (await documents.get(place.remote)).text;
    } catch (error) {
      throw error instanceof Failure ? error.within('fetching a key of the keyring') : error;
    }
  }
  try {
    if (statSync(place.local).size > LIMITS.keyBytes) {
      throw new Failure('KEY_INVALID', `the key file ${url} is larger than ${LIMITS.keyBytes} bytes`);
    }
    return readFileSync(place.local, 'utf8');
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new Failure('CONFIG_NOT_FOUND', `the key file ${url} of the keyring does not exist`, {
        hint: `relative paths count from the working directory, ${cwd}`,
      });
    }
    throw new Failure('FILE_UNREADABLE', `the key file ${url} cannot be read (${code})`, { cause: error });
  }
}

/** Keys that Alpine publishes for a release branch, for repositories of the form `.../alpine/<branch>/<repo>`. */
async function discoverAlpineKeys(url: string, apkArch: string, documents: Documents): Promise<KeyringKey[]> {
  const branch = /^https?:\/\/.+\/alpine\/([^/]+)\/[^/]+$/i.exec(url)?.[1];
  if (branch === undefined) return [];
  const releases = parseJson(await getTrusted(ALPINE_RELEASES, documents), ALPINE_RELEASES);
  const release = listAt(releases, 'release_branches').find((one) => at(one, 'rel_branch') === branch);
  const keys: KeyringKey[] = [];
  for (const key of listAt(at(release, 'keys'), apkArch)) {
    const keyUrl = at(key, 'url');
    if (typeof keyUrl !== 'string' || at(key, 'deprecated_since')) continue;
    const name = unescaped(baseName(keyUrl.replaceAll('%20', '@')));
    if (!isFileName(name)) continue;
    const pem = (await getTrusted(keyUrl, documents)).text;
    keys.push({ name, pem, url: keyUrl, source: 'discovered' });
  }
  return keys;
}

/** RSA keys of the key set that `<repo>/apk-configuration` points to. */
async function discoverKeySet(url: string, _apkArch: string, documents: Documents): Promise<KeyringKey[]> {
  const configurationUrl = `${url}/apk-configuration`;
  const configuration = parseJson(await getTrusted(configurationUrl, documents), configurationUrl);
  const setUrl = at(configuration, 'jwks_uri');
  if (typeof setUrl !== 'string') return [];
  const set = parseJson(await getTrusted(stripCredentials(setUrl), documents), setUrl);
  return listAt(set, 'keys').flatMap((jwk) => {
    const kid = at(jwk, 'kid');
    if (typeof kid !== 'string' || !isFileName(kid) || at(jwk, 'kty') !== 'RSA') return [];
    const name = `${kid}.rsa.pub`;
    return [{ name, pem: pemOf(jwk, name), url: `${url}/${name}`, source: 'discovered' as const }];
  });
}

/** Over plain HTTP anybody on the way could slip in a key of their own, and then an index signed with it. */
async function getTrusted(url: string, documents: Documents): Promise<Document> {
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  const isHere = host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
  const refused = new Failure('KEY_INVALID', `${url} is not protected by HTTPS, so keys from there are not believed`, {
    hint: 'name the key in contents.keyring',
  });
  if (!isHere && !/^https:/i.test(url)) throw refused;
  const document = await documents.get(url, DISCOVERY);
  if (!isHere && !document.secure) throw refused;
  return document;
}

function pemOf(jwk: unknown, name: string): string {
  const [n, e] = [at(jwk, 'n'), at(jwk, 'e')];
  try {
    if (typeof n !== 'string' || typeof e !== 'string') throw new TypeError('no numbers');
    const key = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
    if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < MIN_KEY_BITS) throw new RangeError('too short');
    return key.export({ type: 'spki', format: 'pem' }).toString();
  } catch {
    throw new Failure('KEY_INVALID', `the discovered key ${name} is not an RSA key that we can use`);
  }
}

function parseJson(document: Document, url: string): unknown {
  try {
    return JSON.parse(document.text);
  } catch {
    throw new Failure('KEY_INVALID', `${url} is not JSON`);
  }
}

/** A field of what may be an object. */
function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function listAt(value: unknown, key: string): readonly unknown[] {
  const list = at(value, key);
  return Array.isArray(list) ? list : [];
}

function baseName(url: string): string {
  return (url.split(/[?#]/)[0] ?? '').replace(/\/+$/, '').split('/').pop() ?? '';
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether a name from the network may become a file name in the image. */
function isFileName(name: string): boolean {
  return name.length > 0 && name.length <= 200 && !/[/\\\0-\x1f]/.test(name) && name !== '.' && name !== '..';
}
