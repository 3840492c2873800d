// A client for one repository of any registry: OCI distribution 1.1 and Docker v2 (signing.md 12, layer-and-oci.md 14).
// The one door of this folder for reading and writing single things; whole images go through push-image.ts and pull-image.ts.

import type { Digest } from '../../../base/digest.ts';
import { Turns } from '../../../base/turns.ts';
import type { BlobSource, ByteRange } from '../../../formats/oci/blob-source.ts';
import type { Descriptor } from '../../../formats/oci/descriptor.ts';
import { parseReference, type Reference } from '../../../formats/oci/reference.ts';
import { deleteBlob, givesRanges, hasBlob, openBlob } from './blob-download.ts';
import { type PushBlobOptions, type PushedBlob, pushBlob } from './blob-upload.ts';
import {
  deleteManifest,
  type FetchedManifest,
  getManifest,
  type PushedManifest,
  putManifest,
  resolveManifest,
} from './manifests.ts';
import { type ReferrerListing, Referrers } from './referrers.ts';
import { RegistryConnection, type RegistryOptions } from './registry-connection.ts';
import type { Repository } from './repository.ts';
import { listTags } from './tags.ts';

/**
 * Every method may fail with NETWORK_OFFLINE, NETWORK_UNREACHABLE, REGISTRY_AUTH, REGISTRY_PROTOCOL, CREDENTIALS_UNUSABLE,
 * RESPONSE_TOO_LARGE, and HTTP_STATUS with `data.status`; what more is said with each.
 */
export interface RegistryClient {
  /** Host, with port if one was given. */
  readonly registry: string;
  readonly repository: string;
  /** The repository's blobs, unchecked: read them through `openVerified`. */
  readonly blobs: BlobSource;
  /** What a tag or digest is, without downloading it where the registry can say so; undefined where there is nothing. */
  resolve(tagOrDigest: string): Promise<Descriptor | undefined>;
  /** Bytes whose digest was checked. IMAGE_NOT_FOUND, CHECKSUM_MISMATCH, IMAGE_INVALID. */
  getManifest(tagOrDigest: string): Promise<FetchedManifest>;
  /** CHECKSUM_MISMATCH where the registry says that it stored something else. */
  putManifest(tagOrDigest: string, mediaType: string, bytes: Uint8Array): Promise<PushedManifest>;
  hasBlob(descriptor: Descriptor): Promise<boolean>;
  /** As `blobs.open`: IMAGE_INVALID where there is no such blob. */
  openBlob(descriptor: Descriptor, range?: ByteRange): AsyncIterable<Uint8Array>;
  /**
   * Sends no byte of what is there already. A digest is looked for and sent once at a time, whoever asks: registries are not
   * careful with two uploads of one blob. CHECKSUM_MISMATCH, and the failures of `source`.
   */
  pushBlob(descriptor: Descriptor, source: BlobSource, options?: PushBlobOptions): Promise<PushedBlob>;
  /** IMAGE_NOT_FOUND, IMAGE_INVALID. */
  listTags(): AsyncIterable<string>;
  /** False where there was no such thing. A registry that does not delete answers with HTTP_STATUS, mostly 405. */
  deleteManifest(digest: Digest): Promise<boolean>;
  deleteTag(tag: string): Promise<boolean>;
  deleteBlob(digest: Digest): Promise<boolean>;
  /** What refers to that manifest: from the referrers API, or from the tag where there is none. */
  referrers(digest: Digest, artifactType?: string): Promise<Descriptor[]>;
  /** The same list as it is in the registry, without anything that we make good. */
  listReferrers(digest: Digest): Promise<ReferrerListing>;
  /** Stores a manifest whose `subject` is that one, so that `referrers` finds it. REGISTRY_CONFLICT. */
  attachReferrer(subject: Descriptor, mediaType: string, manifestBytes: Uint8Array): Promise<PushedManifest>;
  close(): Promise<void>;
}

/** A client with its own connections; `close` it when done. Opens no socket before the first request. IMAGE_INVALID. */
export function openRegistry(
  place: string | Pick<Reference, 'registry' | 'repository'>,
  options: RegistryOptions,
): RegistryClient {
  const { registry, repository } = typeof place === 'string' ? parseReference(place) : place;
  const connection = new RegistryConnection(registry, repository, options);
  const target: Repository = { connection, name: repository };
  const referrers = new Referrers(target);
  const uploads = new Turns<Digest>();
  return {
    registry,
    repository,
    blobs: {
      open: (descriptor, range) => openBlob(target, descriptor, range),
      readsRanges: (descriptor) => givesRanges(target, descriptor),
    },
    resolve: (tagOrDigest) => resolveManifest(target, tagOrDigest),
    getManifest: (tagOrDigest) => getManifest(target, tagOrDigest),
    putManifest: (tagOrDigest, mediaType, bytes) => putManifest(target, tagOrDigest, mediaType, bytes),
    hasBlob: (descriptor) => hasBlob(target, descriptor),
    openBlob: (descriptor, range) => openBlob(target, descriptor, range),
    pushBlob: (descriptor, source, pushOptions) =>
      uploads.take(descriptor.digest, () => pushBlob(target, descriptor, source, pushOptions)),
    listTags: () => listTags(target),
    deleteManifest: (digest) => deleteManifest(target, digest),
    deleteTag: (tag) => deleteManifest(target, tag),
    deleteBlob: (digest) => deleteBlob(target, digest),
    referrers: (digest, artifactType) => referrers.list(digest, artifactType),
    listReferrers: (digest) => referrers.listing(digest),
    attachReferrer: (subject, mediaType, bytes) => referrers.attach(subject, mediaType, bytes),
    close: () => connection.close(),
  };
}
