// The lock file as a value, and its text (sbom-and-lock.md 5, format v1): what the reference writes we read, and the other
// way round. Unknown keys are ignored, as the reference does; known ones must have the right type.

import { printJson } from '../../base/canonical-json.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { placeAt, sourceText } from '../../formats/yaml/source-text.ts';
import { jsonErrorOffset } from './json-error.ts';
import { type JsonObject, LockFields } from './lock-fields.ts';
import { type OwnLock, ownLockOf } from './own-lock.ts';

export interface Lock {
  readonly version: 'v1';
  /** Which configuration it was made from; locks of old tools lack it. */
  readonly config: { readonly name: string; readonly checksum: string } | undefined;
  readonly contents: {
    readonly keyring: readonly LockKey[];
    readonly buildRepositories: readonly LockRepository[];
    readonly runtimeRepositories: readonly LockRepository[];
    readonly repositories: readonly LockRepository[];
    /** Grouped by architecture, each group in install order. */
    readonly packages: readonly LockPackage[];
  };
  /** What only we lock, under the key `stave`, which the reference does not look at; absent where there is nothing of it. */
  readonly own?: OwnLock;
}

export interface LockKey {
  readonly name: string;
  readonly url: string;
  /** PEM; '' where it is not embedded. */
  readonly content: string;
}

export interface LockRepository {
  readonly name: string;
  /** Of the index. */
  readonly url: string;
  /** apk form. */
  readonly architecture: string;
}

export interface LockPackage {
  readonly name: string;
  readonly url: string;
  readonly version: string;
  /** apk form. */
  readonly architecture: string;
  readonly signature: LockMember;
  readonly control: LockMember;
  readonly data: LockMember;
  /** `Q1` + base64 SHA-1 of the control member; '' in locks of old tools. */
  readonly checksum: string;
}

/** Both '' where the package has no such member. */
export interface LockMember {
  /** `bytes=<first>-<last>`, inclusive. */
  readonly range: string;
  /** `sha1-<base64>` or `sha256-<base64>`. */
  readonly checksum: string;
}

/** Failure LOCK_INVALID with the place (broken JSON) or the path (wrong type) of what is wrong. */
export function parseLock(text: string, file: string): Lock {
  const fields = new LockFields(file);
  const root = fields.object(parseJson(text, file), 'the lock file');
  if (root['version'] !== 'v1') {
    const found = root['version'] === undefined ? 'no version' : `version ${JSON.stringify(root['version'])}`;
    throw new Failure('LOCK_INVALID', `the lock file ${file} has ${found}; only "v1" can be read`);
  }
  const contents = fields.object(root['contents'] ?? {}, 'contents');
  const repositories = (key: string) =>
    fields.list(contents, key).map(
      ([entry, path]): LockRepository => ({
        name: fields.text(entry, 'name', path),
        url: fields.text(entry, 'url', path),
        architecture: fields.text(entry, 'architecture', path),
      }),
    );
  return {
    version: 'v1',
    config: configOf(fields, root['config']),
    contents: {
      keyring: fields.list(contents, 'keyring').map(([entry, path]) => ({
        name: fields.text(entry, 'name', path),
        url: fields.text(entry, 'url', path),
        content: fields.text(entry, 'content', path),
      })),
      buildRepositories: repositories('build_repositories'),
      runtimeRepositories: repositories('runtime_repositories'),
      repositories: repositories('repositories'),
      packages: fields.list(contents, 'packages').map(([entry, path]) => ({
        name: fields.needed(entry, 'name', path),
        url: fields.needed(entry, 'url', path),
        version: fields.needed(entry, 'version', path),
        architecture: fields.needed(entry, 'architecture', path),
        signature: memberOf(fields, entry, 'signature', path),
        control: memberOf(fields, entry, 'control', path),
        data: memberOf(fields, entry, 'data', path),
        checksum: fields.text(entry, 'checksum', path),
      })),
    },
    ...ownOf(fields, root['stave']),
  };
}

/** JSON with two spaces and a final newline, byte for byte as the reference prints the same lock. */
export function printLock(lock: Lock): string {
  const { config, contents } = lock;
  return `${printJson(
    {
      version: lock.version,
      config,
      contents: {
        keyring: contents.keyring.map(({ name, url, content }) => ({ name, url, ...(content !== '' && { content }) })),
        build_repositories: contents.buildRepositories,
        runtime_repositories: contents.runtimeRepositories,
        repositories: contents.repositories,
        packages: contents.packages,
      },
      ...(lock.own !== undefined && { stave: lock.own }),
    },
    2,
  )}\n`;
}

function ownOf(fields: LockFields, value: unknown): { own?: OwnLock } {
  return value === undefined || value === null ? {} : { own: ownLockOf(fields, fields.object(value, 'stave')) };
}

function configOf(fields: LockFields, value: unknown): Lock['config'] {
  if (value === undefined || value === null) return undefined;
  const config = fields.object(value, 'config');
  return { name: fields.text(config, 'name', 'config'), checksum: fields.text(config, 'checksum', 'config') };
}

function memberOf(fields: LockFields, entry: JsonObject, key: string, path: string): LockMember {
  const member = fields.object(entry[key] ?? {}, `${path}.${key}`);
  return {
    range: fields.text(member, 'range', `${path}.${key}`),
    checksum: fields.text(member, 'checksum', `${path}.${key}`),
  };
}

function parseJson(text: string, file: string): unknown {
  if (text.length > LIMITS.lockBytes) {
    throw new Failure('LOCK_INVALID', `the lock file ${file} is larger than ${LIMITS.lockBytes} bytes`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Failure('LOCK_INVALID', `the lock file ${file} is not JSON`, {
      where: placeAt(sourceText(file, text), jsonErrorOffset(text) ?? 0),
      hint: 'make it again with `stave lock`',
      cause,
    });
  }
}
