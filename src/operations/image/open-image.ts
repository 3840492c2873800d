// The first step of every operation on a configuration: read and check it, choose architectures, open cache and network,
// collect the keys. Nothing is resolved or fetched yet.

import { readFileSync, type Stats, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { redactText, urlCredentials } from '../../base/redact.ts';
import { VERSION } from '../../base/version.ts';
import { createHttpClient, type HttpClient } from '../../effects/http/client.ts';
import { Documents } from '../../effects/repository/documents.ts';
import { type KeyringKey, keysByName, openKeyring } from '../../effects/repository/keyring.ts';
import { isSite, withMirror } from '../../effects/repository/mirrored-http.ts';
import { openStore, type Store } from '../../effects/store/store.ts';
import { defaultStoreRoot } from '../../effects/store/store-layout.ts';
import { apkArchitecture } from '../../planning/config/architecture.ts';
import { type ConfigFlags, selectArchitectures } from '../../planning/config/flags.ts';
import type { ImageConfig } from '../../planning/config/image-config.ts';
import { type LoadedConfig, loadImageConfig } from '../../planning/config/load.ts';
import { type ConfigPurpose, validateImageConfig } from '../../planning/config/validate.ts';
import type { Host } from '../host.ts';
import { Registries } from '../registry/registries.ts';
import type { SourceRequest } from './request.ts';

export interface OpenImage {
  readonly host: Host;
  readonly request: SourceRequest;
  readonly loaded: LoadedConfig;
  /** Validated, flags applied. */
  readonly config: ImageConfig;
  /** The same without the variant that was asked for, where one was. */
  readonly production?: ImageConfig;
  /** OCI form, in the order of work. */
  readonly archs: readonly string[];
  readonly http: HttpClient;
  readonly store: Store;
  /** For base images; no socket is opened before one is asked. */
  readonly registries: Registries;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly flags?: ConfigFlags;
  readonly purpose?: ConfigPurpose;
  /** A client to use in place of the one that it is given. */
  readonly aroundHttp?: (http: HttpClient) => HttpClient;
}

/** The configuration as its files say it. */
export function loadConfig(request: SourceRequest, host: Host): LoadedConfig {
  return loadImageConfig(request.configPath, (path) => readConfigFile(host, path), request.includePaths, request);
}

function openImage(request: SourceRequest, host: Host, options: OpenOptions = {}): OpenImage {
  const loaded = loadConfig(request, host);
  const flags = {
    keyringAppend: request.keyringAppend,
    buildRepositoryAppend: request.buildRepositoryAppend,
    repositoryAppend: request.repositoryAppend,
    ...options.flags,
  };
  const config = validateImageConfig(loaded, flags, options.purpose);
  const production =
    loaded.production && validateImageConfig({ ...loaded, config: loaded.production }, flags, options.purpose);
  const archs = selectArchitectures(request.archs, config, host.hostArch);
  warnOfCredentials(config, host);
  const downloads = openDownloads(request, host);
  const http = options.aroundHttp?.(downloads.http) ?? downloads.http;
  const { store } = downloads;
  const registries = new Registries({ ...request.registry, offline: request.offline }, host);
  return {
    host,
    request,
    loaded,
    config,
    ...(production !== undefined && { production }),
    archs,
    http,
    store,
    registries,
    close: async () => {
      store.close();
      await Promise.all([http.close(), registries.close()]);
    },
  };
}

/** The network and the cache, for what a request says about them. Opens no socket. */
export function openDownloads(
  request: Pick<SourceRequest, 'offline' | 'cacheDir' | 'mirror'>,
  host: Host,
): { readonly http: HttpClient; readonly store: Store } {
  const { mirror } = request;
  const http = createHttpClient({
    version: VERSION,
    offline: request.offline,
    environment: host.env,
    netrc: readOptionalText(host.env['NETRC'] ?? join(host.homeDir, '.netrc')),
    extraCertificates: readOptionalText(host.env['SSL_CERT_FILE']),
    events: host.events,
  });
  const store = openStore({
    root: request.cacheDir === undefined ? defaultStoreRoot(host.env) : resolve(host.cwd, request.cacheDir),
    explicit: request.cacheDir !== undefined,
    temporaryDirectory: tmpdir(),
    events: host.events,
  });
  if (mirror === undefined) return { http, store };
  return { http: withMirror(isSite(mirror) ? mirror : resolve(host.cwd, mirror), http), store };
}

/** User info in a URL works, but never reaches an image, a lock or an SBOM: whoever expects it there should know. */
function warnOfCredentials({ contents, files }: ImageConfig, host: Host): void {
  const lines = [
    ...contents.buildRepositories,
    ...contents.repositories,
    ...contents.runtimeRepositories,
    ...contents.keyring,
    ...files.flatMap((group) => group.files.map(({ url }) => url)),
  ];
  for (const line of new Set(lines)) {
    if (urlCredentials(line) === undefined) continue;
    host.events({
      type: 'warning',
      code: 'CREDENTIALS_LEFT_OUT',
      message: `the credentials in ${redactText(line)} are used to fetch, and left out of everything that is written`,
      hint: 'keep them out of the file: use HTTP_AUTH or a netrc file',
    });
  }
}

/** Runs `work` on an opened image and closes it, whatever happens. */
export async function withImage<T>(
  request: SourceRequest,
  host: Host,
  options: OpenOptions,
  work: (image: OpenImage) => Promise<T>,
): Promise<T> {
  const image = openImage(request, host, options);
  try {
    return await work(image);
  } finally {
    await image.close();
  }
}

export interface ImageKeys {
  /** Of all architectures: configured ones in byte order of their URLs, then discovered ones. */
  readonly keyring: readonly KeyringKey[];
  /** File name -> PEM text for an architecture: what verifies its indexes, and lies in its image's etc/apk/keys. */
  forArch(arch: string): ReadonlyMap<string, string>;
}

/** Reads the configured keys and discovers those that repositories publish. */
export async function openKeys(image: OpenImage): Promise<ImageKeys> {
  const { config, host, http, store } = image;
  host.events({ type: 'phase-started', phase: 'configure' });
  // One for all architectures: a key is asked for once.
  const documents = new Documents(http, store);
  const byArch = new Map<string, readonly KeyringKey[]>();
  for (const arch of image.archs) {
    const options = {
      keyring: config.contents.keyring,
      repositories: imageRepositories(config),
      apkArch: apkArchitecture(arch),
      workdir: host.cwd,
    };
    byArch.set(arch, await openKeyring(options, http, documents, host.events));
  }
  host.events({ type: 'phase-finished', phase: 'configure' });
  const keyring = new Map([...byArch.values()].flat().map((key) => [`${key.source} ${key.url}`, key]));
  return { keyring: [...keyring.values()], forArch: (arch) => keysByName(byArch.get(arch) ?? []) };
}

/** All repository lines that packages may come from. */
export function imageRepositories({ contents }: ImageConfig): string[] {
  return [...contents.buildRepositories, ...contents.repositories];
}

function readConfigFile(host: Host, path: string): Uint8Array | undefined {
  const full = resolve(host.cwd, path);
  let found: Stats | undefined;
  try {
    found = statSync(full, { throwIfNoEntry: false });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // A part of the path is a file: then there is nothing at its end.
    if (code !== 'ENOTDIR') throw new Failure('FILE_UNREADABLE', `cannot read "${path}": ${code}`, { cause });
  }
  if (found === undefined) return undefined;
  if (found.isDirectory()) {
    throw new Failure('CONFIG_NOT_FOUND', `"${path}" is a folder, not a configuration`, {
      hint: `name the file, for example ${join(path, 'image.yaml')}`,
    });
  }
  if (found.size > LIMITS.configBytes) {
    throw new Failure('CONFIG_INVALID', `"${path}" is larger than ${LIMITS.configBytes} bytes`);
  }
  try {
    return readFileSync(full);
  } catch (cause) {
    throw new Failure('FILE_UNREADABLE', `cannot read "${path}": ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}

function readOptionalText(path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // Optional: who has none, or one that only root may read, has not asked for it.
  }
}

/** Folder of the main configuration file, for what lies beside it. */
export function configDirectory(image: OpenImage): string {
  return dirname(resolve(image.host.cwd, image.loaded.files[0] ?? image.request.configPath));
}
