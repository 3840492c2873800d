// Credential files: docker's config.json and the containers tools' auth.json, which have one format (signing.md 12).
// Pure text. Must never put a piece of such a file into a message: JSON errors quote what they met.

import { Failure } from '../../../base/failure.ts';
import type { Secret } from './credential.ts';

export interface AuthFile {
  /** Registry, or registry and the first parts of a repository -> what is stored for it. Keys are `registryKey`s. */
  readonly secrets: ReadonlyMap<string, Secret>;
  /** Registry -> name of the helper that has its credentials. */
  readonly helpers: ReadonlyMap<string, string>;
  /** The helper for all other registries. */
  readonly defaultHelper: string | undefined;
}

/** The key that docker itself uses for its own registry. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';
const DOCKER_HUB = 'index.docker.io';
const DOCKER_HUB_NAMES = new Set([DOCKER_HUB, 'docker.io', 'registry-1.docker.io', 'registry.hub.docker.com']);

/** `path` names the file in messages. Failure CREDENTIALS_UNUSABLE. Unknown fields and empty entries mean nothing. */
export function parseAuthFile(text: string, path: string): AuthFile {
  const root = parseJsonMap(text, path);
  const secrets = new Map<string, Secret>();
  for (const [key, entry] of objectEntries(root, 'auths', path)) {
    const secret = secretOf(entry);
    const name = registryKey(key);
    // Of several spellings the first counts, but the exact one beats them.
    if (secret !== undefined && (!secrets.has(name) || key === name)) secrets.set(name, secret);
  }
  const helpers = new Map<string, string>();
  for (const [key, helper] of objectEntries(root, 'credHelpers', path)) {
    if (typeof helper === 'string' && helper !== '') helpers.set(registryKey(key), helper);
  }
  const store = root['credsStore'];
  return { secrets, helpers, defaultHelper: typeof store === 'string' && store !== '' ? store : undefined };
}

/** The file's top level as plain JSON. Failure CREDENTIALS_UNUSABLE, without a piece of the text. */
export function parseJsonMap(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    throw unusable(path, 'is not JSON');
  }
  if (!isMap(value)) throw unusable(path, 'is not a JSON object');
  return value;
}

/** One spelling for the many of a registry: without scheme, API version and final slash; Docker Hub has one name. */
export function registryKey(text: string): string {
  const bare = text
    .replace(/^https?:\/\//i, '')
    .replace(/\/+$/, '')
    .replace(/^([^/]+)\/v[12]$/, '$1');
  const [host = '', ...path] = bare.split('/');
  const name = DOCKER_HUB_NAMES.has(host.toLowerCase()) ? DOCKER_HUB : host.toLowerCase();
  return [name, ...path].join('/');
}

/** The keys under which credentials for that repository may lie, the most exact first. */
export function keysFor(registry: string, repository: string | undefined): string[] {
  const parts = [registryKey(registry), ...(repository ?? '').split('/').filter(Boolean)];
  return parts.map((_part, i) => parts.slice(0, parts.length - i).join('/'));
}

/** What a credential helper is asked for. */
export function helperKey(registry: string): string {
  const key = registryKey(registry);
  return key === DOCKER_HUB ? DOCKER_HUB_KEY : key;
}

function secretOf(entry: unknown): Secret | undefined {
  if (!isMap(entry)) return undefined;
  const registryToken = textOf(entry, 'registrytoken');
  if (registryToken !== '') return { kind: 'bearer', token: registryToken };
  const identityToken = textOf(entry, 'identitytoken');
  if (identityToken !== '') return { kind: 'identity-token', token: identityToken };
  const auth = Buffer.from(textOf(entry, 'auth'), 'base64').toString('utf8');
  const colon = auth.indexOf(':');
  // Old writers padded the password with zero bytes.
  if (colon > 0) return basicSecret(auth.slice(0, colon), auth.slice(colon + 1).replace(/\0+$/, ''));
  return basicSecret(textOf(entry, 'username'), textOf(entry, 'password'));
}

/** What a user name and a password of a file or helper are; `<token>` is not a user. */
export function basicSecret(user: string, password: string): Secret | undefined {
  if (user === '' || password === '') return undefined;
  return user === '<token>' ? { kind: 'identity-token', token: password } : { kind: 'basic', user, password };
}

function objectEntries(root: Record<string, unknown>, field: string, path: string): [string, unknown][] {
  const value = root[field] ?? {};
  if (!isMap(value)) throw unusable(path, `has a field "${field}" that is not an object`);
  return Object.entries(value);
}

function textOf(entry: Record<string, unknown>, field: string): string {
  const value = entry[field];
  return typeof value === 'string' ? value : '';
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unusable(path: string, problem: string): Failure {
  return new Failure('CREDENTIALS_UNUSABLE', `the credential file ${path} ${problem}`, {
    hint: 'repair it, or move it away and log in again with `stave login`',
  });
}
