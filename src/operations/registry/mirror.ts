// `stave mirror`: what configurations and lock files need, copied into a folder by the places it comes from. Everything is fetched
// and verified as a build would, with an empty cache, and a copy of each download is kept. `--mirror` of other commands reads it.

import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Failure, failingLaterAt } from '../../base/failure.ts';
import type { FailureCode } from '../../base/failure-codes.ts';
import { LIMITS } from '../../base/limits.ts';
import { sortedUnique } from '../../base/order.ts';
import { downloadFile } from '../../effects/files/download-file.ts';
import type { HttpClient } from '../../effects/http/client.ts';
import { Documents } from '../../effects/repository/documents.ts';
import { openKeyring } from '../../effects/repository/keyring.ts';
import { MirrorRecorder } from '../../effects/repository/mirror-recorder.ts';
import { placeOf } from '../../effects/repository/repository-line.ts';
import { type Lock, parseLock } from '../../planning/lock/lock.ts';
import type { OwnLock } from '../../planning/lock/own-lock.ts';
import type { Host } from '../host.ts';
import { baseImageName } from '../image/base-image.ts';
import { fetchPackages, type PackageFetching } from '../image/fetch-packages.ts';
import { copiedImageName } from '../image/image-files.ts';
import { type ImageName, mirroredImageName, mirroredImagePath, registryReference } from '../image/named-image.ts';
import { imageRepositories, type OpenImage, openDownloads, openKeys, withImage } from '../image/open-image.ts';
import type { SourceRequest } from '../image/request.ts';
import {
  type ChosenPackage,
  chooseWanted,
  chosenPackage,
  openIndexes,
  resolveForBuild,
} from '../image/resolve-image.ts';
import { writeToLayout } from './image-target.ts';
import { type Registries, withRegistries } from './registries.ts';
import { withSourceImage } from './source-image.ts';

export interface MirrorRequest extends Omit<SourceRequest, 'configPath' | 'cacheDir' | 'mirror' | 'offline'> {
  /** Paths of configurations and lock files. */
  readonly inputs: readonly string[];
  /** Made where it is missing. */
  readonly to: string;
  readonly packageAppend: readonly string[];
}

export interface MirrorReport {
  /** Absolute. */
  readonly path: string;
  readonly packages: number;
  /** Downloads of `files:`. */
  readonly downloads: number;
  /** Packages, indexes, keys and what leads to them, and downloads. */
  readonly newFiles: number;
  readonly newBytes: number;
  /** Packages and downloads that the mirror had already. */
  readonly keptFiles: number;
  readonly baseImages: readonly string[];
  /** Those that `files:` copies out of. */
  readonly copiedImages: readonly string[];
}

/** Failures of a build up to the packages; the mirror stays as it was then. */
export async function mirrorInputs(request: MirrorRequest, host: Host): Promise<MirrorReport> {
  const path = resolve(host.cwd, request.to);
  try {
    return await new Mirroring(request, host, path, true).run();
  } catch (error) {
    if (!(error instanceof KeptCopyDamaged)) throw error;
    host.events({ type: 'info', message: 'a package in the mirror is damaged: fetching all of them again' });
    return await new Mirroring(request, host, path, false).run();
  }
}

/** What reading a damaged package ends in. */
const DAMAGE: readonly FailureCode[] = ['CHECKSUM_MISMATCH', 'ARCHIVE_INVALID', 'ARCHIVE_LIMIT', 'PACKAGE_INVALID'];

/** A package that was taken from the mirror is not what it should be. */
class KeptCopyDamaged extends Error {}

class Mirroring {
  readonly #request: MirrorRequest;
  readonly #host: Host;
  readonly #path: string;
  readonly #reuse: boolean;
  readonly #packages = new Set<string>();
  readonly #downloads = new Set<string>();
  readonly #baseImages = new Set<string>();
  readonly #copiedImages = new Set<string>();

  constructor(request: MirrorRequest, host: Host, path: string, reuse: boolean) {
    this.#request = request;
    this.#host = host;
    this.#path = path;
    this.#reuse = reuse;
  }

  async run(): Promise<MirrorReport> {
    const recorder = await MirrorRecorder.open(this.#path, this.#host.events);
    // What an own cache has would not be fetched, and so not be recorded.
    const cacheDir = mkdtempSync(join(tmpdir(), 'stave-mirror-'));
    try {
      for (const input of this.#request.inputs) await this.#input(input, cacheDir, recorder);
      const recorded = await recorder.commit();
      return {
        path: this.#path,
        packages: this.#packages.size,
        downloads: this.#downloads.size,
        ...recorded,
        baseImages: [...this.#baseImages],
        copiedImages: [...this.#copiedImages],
      };
    } catch (error) {
      const isDamage = error instanceof Failure && DAMAGE.includes(error.code);
      throw isDamage && recorder.kept > 0 ? new KeptCopyDamaged('a kept copy', { cause: error }) : error;
    } finally {
      await recorder.close();
      rmSync(cacheDir, { recursive: true, force: true });
    }
  }

  async #input(input: string, cacheDir: string, recorder: MirrorRecorder): Promise<void> {
    const lock = await this.#readLock(input);
    const aroundHttp = (http: HttpClient) => recorder.around(http, this.#reuse);
    if (lock !== undefined) return await this.#lock(lock, { cacheDir, aroundHttp, recorder });
    const { inputs: _inputs, to: _to, packageAppend, ...source } = this.#request;
    const request = { ...source, configPath: input, offline: false, cacheDir };
    await withImage(request, this.#host, { flags: { packageAppend }, aroundHttp }, (image) =>
      this.#config(image, recorder),
    );
  }

  /** All that `build` and `lock` would fetch: they may choose other versions where architectures differ. */
  async #config(image: OpenImage, recorder: MirrorRecorder): Promise<void> {
    const { contents } = image.config;
    this.#warnOfLocal([...imageRepositories(image.config), ...contents.keyring]);
    const keys = await openKeys(image);
    const architectures = await openIndexes(image, keys);
    const chosen = chooseWanted(image, architectures, false);
    const built =
      contents.baseImage === undefined ? resolveForBuild(image, architectures, this.#request.packageAppend) : [];
    for (const [i, { arch, installed = [] }] of architectures.entries()) {
      const locked = (chosen[i]?.packages ?? []).filter(({ record }) => !installed.includes(record.name));
      const packages = [
        ...locked.map((resolved) => chosenPackage(resolved, arch)),
        ...(built.find((one) => one.arch === arch)?.packages ?? []),
      ];
      await this.#fetch(image, packages, arch);
    }
    const base = baseImageName(image);
    if (base !== undefined) await this.#image(base, image.registries, this.#baseImages);
    for (const [i, group] of image.config.files.entries()) {
      if (group.image !== '') {
        await this.#image(copiedImageName(group, this.#host.cwd), image.registries, this.#copiedImages);
      }
      for (const [f, { url, sha256 }] of group.files.entries()) {
        const place = image.loaded.place(['files', i, 'files', f]);
        if (url !== '') await failingLaterAt(place, () => this.#download(url, sha256, image, recorder));
      }
    }
  }

  async #lock(lock: Lock, source: LockSource): Promise<void> {
    const { keyring, packages } = lock.contents;
    const repositories = [...lock.contents.buildRepositories, ...lock.contents.repositories];
    this.#warnOfLocal([...packages.map(({ url }) => url), ...keyring.map(({ url }) => url)]);
    const { http: plain, store } = openDownloads({ offline: false, cacheDir: source.cacheDir }, this.#host);
    const http = source.aroundHttp(plain);
    try {
      const documents = new Documents(http, store);
      for (const arch of sortedUnique(packages.map(({ architecture }) => architecture))) {
        const urls = repositories
          .filter(({ architecture }) => architecture === arch)
          .map(({ url }) => url.replace(/\/[^/]+\/APKINDEX\.tar\.gz$/, ''));
        const options = { repositories: urls, apkArch: arch, workdir: this.#host.cwd };
        const discovered = await openKeyring({ ...options, keyring: [] }, http, documents, this.#host.events);
        // A lock names discovered keys too, by URLs at which there is nothing.
        const known = new Set(discovered.map(({ url }) => url));
        const configured = keyring
          .map(({ url }) => url)
          .filter((url) => !known.has(url) && isRemote(url, this.#host.cwd));
        await openKeyring({ ...options, keyring: configured, repositories: [] }, http, documents, this.#host.events);
        const fetching = { host: this.#host, http, store, request: this.#request };
        const wanted = packages.filter(({ architecture }) => architecture === arch);
        await this.#fetch(fetching, wanted, arch);
      }
      await this.#lockedFiles(lock.own?.files ?? [], { http, store }, source.recorder);
    } finally {
      store.close();
      await http.close();
    }
  }

  /** Each package once, verified, into the cache that is thrown away. */
  async #fetch(fetching: PackageFetching, packages: readonly ChosenPackage[], arch: string): Promise<void> {
    const remote = packages.filter(({ url }) => isRemote(url, this.#host.cwd));
    const distinct = [...new Map(remote.map((one) => [one.url, one])).values()];
    const handles = await fetchPackages(fetching, distinct, arch);
    for (const handle of handles) handle.close();
    for (const { url } of distinct) this.#packages.add(url);
  }

  /** What a lock says about the user's own files: their places on disk are not in it. */
  async #lockedFiles(
    groups: OwnLock['files'],
    downloads: Pick<OpenImage, 'http' | 'store'>,
    recorder: MirrorRecorder,
  ): Promise<void> {
    await withRegistries({ ...this.#request.registry, offline: false }, this.#host, async (registries) => {
      for (const { image, files } of groups) {
        const name = image && copiedImageName({ image, folder: '.' }, this.#host.cwd);
        if (name) await this.#image(name, registries, this.#copiedImages);
        for (const { url, content } of files) {
          if (url !== undefined) await this.#download(url, content.replace(/^sha256-/, ''), downloads, recorder);
        }
      }
    });
  }

  async #download(
    url: string,
    sha256: string,
    { http, store }: Pick<OpenImage, 'http' | 'store'>,
    recorder: MirrorRecorder,
  ): Promise<void> {
    recorder.pin(url);
    await downloadFile(url, sha256, http, store, this.#request.limits?.responseBytes);
    this.#downloads.add(url);
  }

  async #image(name: ImageName, registries: Registries, found: Set<string>): Promise<void> {
    const reference = registryReference(name);
    if (reference === undefined) return this.#warnOfLocal([name.reference]);
    await withSourceImage({ kind: 'registry', reference }, registries, async (source) => {
      const path = join(this.#path, mirroredImagePath(reference));
      await writeToLayout({ path, name: mirroredImageName(reference) }, source, []);
    });
    found.add(name.reference);
  }

  #warnOfLocal(places: readonly string[]): void {
    for (const place of sortedUnique(places.map((one) => one.replace(/^@\S+\s+/, '')))) {
      if (isRemote(place, this.#host.cwd)) continue;
      // Packages and the index of one local repository are one thing to people.
      const message = `${place.replace(/\/[^/]+\/[^/]+\.apk$/, '')} lies on this machine: it is not mirrored`;
      this.#host.events({ type: 'warning', code: 'MIRROR_LOCAL', message });
    }
  }

  /** The lock, where the file is one; undefined for a configuration, which has its own reader. */
  async #readLock(path: string): Promise<Lock | undefined> {
    const full = resolve(this.#host.cwd, path);
    const bytes = await readFile(full).catch(() => undefined);
    if (bytes === undefined || bytes.length > LIMITS.lockBytes) return undefined;
    const text = bytes.toString('utf8');
    return /^\s*\{\s*"version"\s*:/.test(text) ? parseLock(text, path) : undefined;
  }
}

interface LockSource {
  readonly cacheDir: string;
  readonly aroundHttp: (http: HttpClient) => HttpClient;
  readonly recorder: MirrorRecorder;
}

function isRemote(place: string, cwd: string): boolean {
  return 'remote' in placeOf(place, cwd);
}
