// The list of referrers that clients keep under the tag `sha256-<hex>` where a registry has no referrers API
// (distribution spec, "Referrers tag schema"; signing.md, "As an OCI referrer"). Pure: descriptors and lists in and out.
// Entries carry the artifact type and annotations of their manifest: lists without them made verifiers find nothing.

import { type Digest, digestHex } from '../../../base/digest.ts';
import { Failure } from '../../../base/failure.ts';
import { type Descriptor, describeBytes, MEDIA_TYPE, printDescriptor } from '../../../formats/oci/descriptor.ts';
import {
  type IndexManifest,
  isIndexType,
  parseIndexManifest,
  printIndexManifest,
} from '../../../formats/oci/image-index.ts';
import { parseManifest } from '../../../formats/oci/manifest.ts';

const EMPTY_CONFIG = 'application/vnd.oci.empty.v1+json';

export function referrersTag(subject: Digest): string {
  return `sha256-${digestHex(subject)}`;
}

/** A manifest that refers to another one, as a list of referrers has it. */
export interface Referrer {
  readonly subject: Digest | undefined;
  readonly descriptor: Descriptor;
}

/** What a list says about a manifest or index of that media type. Failure IMAGE_INVALID. */
export function describeReferrer(mediaType: string, bytes: Uint8Array): Referrer {
  const described = describeBytes(bytes, mediaType);
  const name = `the manifest ${described.digest}`;
  const manifest = isIndexType(mediaType) ? parseIndexManifest(bytes, name) : parseManifest(bytes, name);
  const artifactType = manifest.artifactType ?? ('config' in manifest ? manifest.config.mediaType : undefined);
  const { annotations } = manifest;
  return {
    subject: manifest.subject?.digest,
    descriptor: {
      ...described,
      ...(artifactType !== undefined && { artifactType }),
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
  };
}

/** Whether an entry does not say what it is: some clients leave it out, or name the type of the empty config. */
export function isUnlabelled({ artifactType }: Descriptor): boolean {
  return artifactType === undefined || artifactType === EMPTY_CONFIG;
}

/** The list with this entry: at the end, or in place of one with the same digest. The same value if that is no change. */
export function withReferrer(list: IndexManifest, entry: Descriptor): IndexManifest {
  const at = list.manifests.findIndex(({ digest }) => digest === entry.digest);
  const known = list.manifests[at];
  if (known !== undefined && printDescriptor(known) === printDescriptor(entry)) return list;
  const manifests = known === undefined ? [...list.manifests, entry] : list.manifests.with(at, entry);
  return { ...list, manifests };
}

export const EMPTY_LIST: IndexManifest = { mediaType: MEDIA_TYPE.imageIndex, manifests: [], annotations: {} };

export function printList(list: IndexManifest): Uint8Array {
  return new TextEncoder().encode(printIndexManifest(list));
}

/** Failure IMAGE_INVALID where the tag is somebody's image. `name` names it. */
export function parseList(descriptor: Descriptor, bytes: Uint8Array, name: string): IndexManifest {
  if (isIndexType(descriptor.mediaType)) return parseIndexManifest(bytes, name);
  throw new Failure('IMAGE_INVALID', `${name} should be a list of referrers, but is a "${descriptor.mediaType}"`, {
    hint: 'somebody uses that tag for something else; delete it, or choose another repository',
  });
}

/** Those of the type, or all. */
export function ofType(descriptors: readonly Descriptor[], artifactType: string | undefined): Descriptor[] {
  return descriptors.filter((one) => artifactType === undefined || one.artifactType === artifactType);
}
