// What is attached to an image: signatures, SBOMs, attestations, and what is attached to those. Found through referrers
// (signing.md 12) and through the tags `sha256-<hex>.sig`, `.att` and `.sbom` of older tools (signing.md 2 and 3).
// Registries are hostile: what does not name the subject itself is not attached to it, and the number is bounded.

import { mapBounded } from '../../base/bounded.ts';
import { type Digest, digestHex } from '../../base/digest.ts';
import type { EventSink } from '../../base/events.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import type { OciLayout } from '../../effects/output/oci-layout.ts';
import { pullImage } from '../../effects/registry/client/pull-image.ts';
import type { RegistryClient } from '../../effects/registry/client/registry-client.ts';
import type { Descriptor } from '../../formats/oci/descriptor.ts';
import { isManifestType, parseManifest } from '../../formats/oci/manifest.ts';
import { type ImageValue, LEGACY_TAG, REF_NAME, type SourceImage } from './source-image.ts';

export interface Attachment {
  readonly subject: Descriptor;
  readonly value: ImageValue;
  /** Where it hangs by its tag; undefined for a referrer, which names its subject itself. */
  readonly tag: string | undefined;
  readonly attached: readonly Attachment[];
}

const LEGACY_SUFFIXES = ['sig', 'att', 'sbom'] as const;

/** Of the image, of every image in it, and of what is found: each subject's in one list. Failures of the registry. */
export async function readAttachments(source: SourceImage, events: EventSink): Promise<Attachment[]> {
  const { keeper, value } = source;
  if (keeper === undefined) return [];
  const finder = 'client' in keeper ? registryFinder(keeper.client, events) : layoutFinder(keeper.layout);
  const perSubject = await mapBounded(valuesBelow(value), LIMITS.parallelDownloads, (one) =>
    attachedTo(one.descriptor, finder),
  );
  return perSubject.flat();
}

/** All of them, subjects before what is attached to them. */
export function flatAttachments(attachments: readonly Attachment[]): Attachment[] {
  return attachments.flatMap((one) => [one, ...flatAttachments(one.attached)]);
}

/** The value and everything in it that can be a subject, each digest once. */
function valuesBelow(root: ImageValue): ImageValue[] {
  const found = new Map<Digest, ImageValue>();
  const visit = (value: ImageValue): void => {
    if (found.has(value.descriptor.digest)) return;
    found.set(value.descriptor.digest, value);
    if (value.kind === 'index') for (const child of value.children) visit(child);
  };
  visit(root);
  return [...found.values()];
}

type Found = Pick<Attachment, 'value' | 'tag'>;
type Finder = (subject: Digest) => Promise<Found[]>;

/** Terminates: a manifest cannot have the digest of one that it is itself a part of the hash of. */
async function attachedTo(subject: Descriptor, finder: Finder): Promise<Attachment[]> {
  const found = await finder(subject.digest);
  return await mapBounded(found, LIMITS.parallelDownloads, async ({ value, tag }) => ({
    subject,
    value,
    tag,
    attached: await attachedTo(value.descriptor, finder),
  }));
}

function counting(finder: Finder): Finder {
  let count = 0;
  return async (subject) => {
    const found = await finder(subject);
    count += found.length;
    if (count <= LIMITS.imageAttachments) return found;
    throw new Failure('IMAGE_INVALID', `more than ${LIMITS.imageAttachments} things are attached to the image`, {
      hint: 'leave them out with --referrers=false',
    });
  };
}

function registryFinder(client: RegistryClient, events: EventSink): Finder {
  return counting(async (subject) => {
    const tags = LEGACY_SUFFIXES.map((suffix) => `sha256-${digestHex(subject)}.${suffix}`);
    const [referrers, ...tagged] = await Promise.all([
      client.referrers(subject),
      ...tags.map(async (tag) => ((await client.resolve(tag)) === undefined ? undefined : tag)),
    ]);
    const found: Found[] = [];
    for (const { digest } of referrers) {
      const value = await readAttached(client, digest);
      if (value?.manifest.subject?.digest === subject) found.push({ value, tag: undefined });
      else if (value !== undefined) {
        const message = `the registry lists ${digest} as attached to ${subject}, but it is not: left out`;
        events({ type: 'warning', code: 'REFERRER_IGNORED', message });
      }
    }
    for (const tag of tagged) {
      const value = tag === undefined ? undefined : await readAttached(client, tag);
      if (value !== undefined) found.push({ value, tag });
    }
    return found;
  });
}

/** Its config is none that we look into, whatever it calls itself: signatures have one of an image. */
async function readAttached(client: RegistryClient, tagOrDigest: string): Promise<ImageValue | undefined> {
  try {
    const { descriptor, bytes } = await client.getManifest(tagOrDigest);
    if (!isManifestType(descriptor.mediaType)) return (await pullImage(client, descriptor.digest)).value;
    const manifest = parseManifest(bytes, `the manifest ${descriptor.digest}`);
    return { kind: 'artifact', descriptor, manifest, manifestBytes: bytes };
  } catch (error) {
    // Lists of referrers outlive what they name.
    if (error instanceof Failure && error.code === 'IMAGE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** A layout lists everything it has; what hangs on what, the manifests say. */
function layoutFinder({ index }: OciLayout): Finder {
  return counting(async (subject) =>
    index.children.flatMap((value): Found[] => {
      const name = value.descriptor.annotations?.[REF_NAME] ?? '';
      if (LEGACY_TAG.test(name) && name.startsWith(`sha256-${digestHex(subject)}.`)) return [{ value, tag: name }];
      return value.manifest.subject?.digest === subject ? [{ value, tag: undefined }] : [];
    }),
  );
}
