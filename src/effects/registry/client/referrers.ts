// What refers to an image: signatures, SBOMs, attestations; from the referrers API, or from the list under a tag where a
// registry has none (distribution spec, "Listing referrers"; signing.md 12). Must never follow the API's redirects to another
// server, and never leave the list without an entry that it had, unless that is gone.

import { mapBounded } from '../../../base/bounded.ts';
import type { Digest } from '../../../base/digest.ts';
import { assert, Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import { Turns } from '../../../base/turns.ts';
import { type Descriptor, MEDIA_TYPE } from '../../../formats/oci/descriptor.ts';
import { type IndexManifest, parseIndexManifest } from '../../../formats/oci/image-index.ts';
import { isRetryableStatus } from '../../http/retry.ts';
import type { SmallAnswer } from '../small-answer.ts';
import { findManifest, type PushedManifest, putManifest, resolveManifest } from './manifests.ts';
import { readPages } from './pages.ts';
import {
  describeReferrer,
  EMPTY_LIST,
  isUnlabelled,
  ofType,
  parseList,
  printList,
  referrersTag,
  withReferrer,
} from './referrer-list.ts';
import { refusalOf } from './registry-failure.ts';
import { nameOf, type Repository, scopesOf } from './repository.ts';

/** Between our write and the look whether it stayed; see `Referrers.#enlist`. */
const LEAST_SETTLE_MS = 200;
const LABELLING_IN_FLIGHT = 4;

/** A list of referrers as the registry has it, mistakes of whoever wrote it included: what other clients see. */
export interface ReferrerListing {
  readonly entries: readonly Descriptor[];
  /** `tag` where there is no referrers API. */
  readonly from: 'api' | 'tag';
  /** What the referrers API answered: clients differ in which answers mean "there is none". */
  readonly apiStatus: number;
}

/** One repository's referrers. Changes of one list wait for each other. */
export class Referrers {
  readonly #repository: Repository;
  /** The registry has said that it has no referrers API. */
  #apiAbsent = false;
  readonly #turns = new Turns<Digest>();

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  /** Of that subject and, where given, type. [] where there are none or the subject does not exist. */
  async list(subject: Digest, artifactType?: string): Promise<Descriptor[]> {
    const found = this.#apiAbsent ? undefined : await this.fromApi(subject, artifactType);
    this.#apiAbsent = found === undefined;
    return ofType(found ?? (await this.#fromTag(subject)), artifactType);
  }

  /** All of that subject, nothing filled in or left out. */
  async listing(subject: Digest): Promise<ReferrerListing> {
    const { status: apiStatus, entries } = await this.#askApi(subject);
    if (entries !== undefined) return { entries, from: 'api', apiStatus };
    return { entries: await this.#entriesOfTag(subject), from: 'tag', apiStatus };
  }

  /** undefined where the registry has no referrers API. Trouble that may pass is a Failure: it proves nothing. */
  async fromApi(subject: Digest, artifactType?: string): Promise<Descriptor[] | undefined> {
    return (await this.#askApi(subject, artifactType)).entries;
  }

  async #askApi(
    subject: Digest,
    artifactType?: string,
  ): Promise<{ status: number; entries: Descriptor[] | undefined }> {
    const { connection, name } = this.#repository;
    const filter = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType })}`;
    const request = {
      method: 'GET',
      place: `${name}/referrers/${subject}${filter}`,
      doing: `list what refers to an image of ${nameOf(this.#repository)}`,
      scopes: scopesOf(this.#repository, 'pull'),
      headers: { accept: MEDIA_TYPE.imageIndex },
    } as const;
    const first = await connection.read(request, LIMITS.registryPageBytes);
    if (isRetryableStatus(first.status)) await connection.refuse(first, request);
    if (first.status !== 200 || !isIndex(first)) return { status: first.status, entries: undefined };
    const entries: Descriptor[] = [];
    for await (const page of readPages(connection, request, first)) {
      entries.push(...parseIndexManifest(page.bytes, `the referrers of ${subject}`).manifests);
    }
    return { status: first.status, entries };
  }

  /**
   * Stores a manifest whose subject is `subject`, and lists it where the registry does not. The subject itself may come
   * later. Failures REGISTRY_CONFLICT and those of the connection; then the manifest is there, but may not be listed.
   */
  async attach(subject: Descriptor, mediaType: string, bytes: Uint8Array): Promise<PushedManifest> {
    const referrer = describeReferrer(mediaType, bytes);
    assert(referrer.subject === subject.digest, `the manifest refers to ${subject.digest}`);
    const pushed = await putManifest(this.#repository, referrer.descriptor.digest, mediaType, bytes);
    // Who promises a list and does not show it to us (a proxy that lets nobody through to it) has none as far as we can see.
    if (pushed.confirmedSubject !== subject.digest || this.#apiAbsent) {
      await this.#turns.take(subject.digest, () => this.#enlist(subject.digest, referrer.descriptor));
    }
    return { ...referrer.descriptor, ...pushed };
  }

  async #entriesOfTag(subject: Digest): Promise<readonly Descriptor[]> {
    const tag = referrersTag(subject);
    const found = await findManifest(this.#repository, tag);
    if (found === undefined) return [];
    return parseList(found.descriptor, found.bytes, nameOf(this.#repository, tag)).manifests;
  }

  async #fromTag(subject: Digest): Promise<Descriptor[]> {
    const manifests = await this.#entriesOfTag(subject);
    const unlabelled = manifests.filter(isUnlabelled);
    if (unlabelled.length > LIMITS.unlabelledReferrers) return [...manifests];
    const labelled = await mapBounded(unlabelled, LABELLING_IN_FLIGHT, (entry) => this.#labelled(entry));
    const byDigest = new Map(labelled.map((entry) => [entry.digest, entry]));
    return manifests.map((entry) => byDigest.get(entry.digest) ?? entry);
  }

  /** The entry with what its manifest says about itself; unchanged where the manifest is gone or cannot be read. */
  async #labelled(entry: Descriptor): Promise<Descriptor> {
    try {
      const found = await findManifest(this.#repository, entry.digest);
      if (found === undefined) return entry;
      const { artifactType, annotations } = describeReferrer(found.descriptor.mediaType, found.bytes).descriptor;
      return { ...entry, ...(artifactType !== undefined && { artifactType }), ...(annotations && { annotations }) };
    } catch (error) {
      if (error instanceof Failure && error.code === 'IMAGE_INVALID') return entry;
      throw error;
    }
  }

  /**
   * Reads the list, adds the entry, writes, and looks again after a while whether the entry is still there. Most registries
   * do not honour If-Match: somebody who read before us may write after us, and our entry is gone. Their read and write are
   * about as far apart as ours were, so a look after three times that finds the loss, and the next round repairs it.
   */
  async #enlist(subject: Digest, entry: Descriptor): Promise<void> {
    const { clock } = this.#repository.connection;
    const tag = referrersTag(subject);
    for (let round = 1; round <= LIMITS.referrerRounds; round++) {
      const started = clock.now();
      const { list, condition } = await this.#readList(tag);
      const merged = withReferrer(list, entry);
      if (merged !== list && !(await this.#write(tag, merged, condition))) {
        await clock.sleep(Math.round(LEAST_SETTLE_MS * round * clock.random()));
        continue;
      }
      if (merged === list && round === 1) return;
      const tookMs = clock.now() - started;
      await clock.sleep(Math.max(LEAST_SETTLE_MS, 3 * tookMs) * (1 + clock.random()));
      const after = await this.#readList(tag);
      if (withReferrer(after.list, entry) === after.list) return;
    }
    throw new Failure('REGISTRY_CONFLICT', `others keep changing ${nameOf(this.#repository, tag)} at the same time`, {
      hint: 'try again when they are done; the manifest itself is stored, only its place in that list is missing',
    });
  }

  async #readList(tag: string): Promise<{ list: IndexManifest; condition: Record<string, string> }> {
    const found = await findManifest(this.#repository, tag);
    if (found === undefined) return { list: EMPTY_LIST, condition: {} };
    const list = parseList(found.descriptor, found.bytes, nameOf(this.#repository, tag));
    return { list, condition: found.etag === undefined ? {} : { 'if-match': found.etag } };
  }

  /** False where somebody was faster, and the registry says so. */
  async #write(tag: string, list: IndexManifest, condition: Record<string, string>): Promise<boolean> {
    try {
      await putManifest(this.#repository, tag, list.mediaType, printList(list), condition);
      return true;
    } catch (error) {
      const { status, missesPart } = refusalOf(error);
      if (status === 412 || status === 409) return false;
      const living = missesPart === true ? await this.#livingOf(list) : list;
      if (living.manifests.length === list.manifests.length) throw error;
      return await this.#write(tag, living, condition);
    }
  }

  /** Lists outlive what they name, and some registries take none that names what they do not have. */
  async #livingOf(list: IndexManifest): Promise<IndexManifest> {
    const found = await mapBounded(list.manifests, LABELLING_IN_FLIGHT, ({ digest }) =>
      resolveManifest(this.#repository, digest),
    );
    return { ...list, manifests: list.manifests.filter((_entry, i) => found[i] !== undefined) };
  }
}

function isIndex(answer: SmallAnswer): boolean {
  const type = (answer.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  return type === MEDIA_TYPE.imageIndex;
}
