// `stave download signature|attestation|sbom`: what is said about an image, as it lies there. Nothing here is verified: that is
// what `verify` and `verify-attestation` are for, and whoever asks gets told so.

import { resolve } from 'node:path';
import { printJson } from '../../base/canonical-json.ts';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { readOciLayout } from '../../effects/output/oci-layout.ts';
import { predicateTypeOf, SIGNATURE_PREDICATE } from '../../formats/attestation/predicate-type.ts';
import { readSmallBlob } from '../../formats/oci/blob-source.ts';
import { type Descriptor, matchesPlatform } from '../../formats/oci/descriptor.ts';
import { isIndexType, parseIndexManifest } from '../../formats/oci/image-index.ts';
import { parseManifest } from '../../formats/oci/manifest.ts';
import { parseReference, printReference } from '../../formats/oci/reference.ts';
import { ociArchitecture, platformOf } from '../../planning/config/architecture.ts';
import type { Host } from '../host.ts';
import { withRegistries } from '../registry/registries.ts';
import type { RegistryAccess } from '../registry/registry-request.ts';
import { findSignatures, type StoredSignature } from './find-signatures.ts';
import { type ImageStore, layoutStore } from './image-store.ts';

export interface DownloadRequest extends RegistryAccess {
  readonly reference: string;
  /** An OCI layout to read instead. */
  readonly layout?: string;
  /** Of an index: what is said about its image for this architecture. */
  readonly arch?: string;
  /** Of attestations and SBOMs: a short name or URI. */
  readonly type?: string;
}

export interface DownloadReport {
  /** With the digest that the documents are about. */
  readonly reference: string;
  readonly documents: readonly DownloadedDocument[];
}

interface DownloadedDocument {
  /** `referrer sha256:...`, or `tag sha256-....att, layer 2`. */
  readonly place: string;
  /** A predicate type, or the media type of a document that nobody signed. */
  readonly type: string;
  /** One line of JSON; of an SBOM the document as it is. */
  readonly text: string;
}

/** Sigstore bundles; legacy signatures in the same form. Failures of the registry or layout, IMAGE_INVALID. */
export async function downloadSignatures(request: DownloadRequest, host: Host): Promise<DownloadReport> {
  return await withImage(request, host, async (store, image) => {
    const found = await findSignatures(store, image.digest);
    return readableOf(found).flatMap(({ place, content }) =>
      content.predicateType === SIGNATURE_PREDICATE
        ? [{ place, type: content.predicateType, text: JSON.stringify(content.bundle) }]
        : [],
    );
  });
}

/** DSSE envelopes. Failures as `downloadSignatures`, USAGE_FLAG. */
export async function downloadAttestations(request: DownloadRequest, host: Host): Promise<DownloadReport> {
  const wanted = request.type === undefined ? undefined : predicateTypeOf(request.type);
  return await withImage(request, host, async (store, image) =>
    readableOf(await findSignatures(store, image.digest)).flatMap(({ place, content }) => {
      const { predicateType: type, envelope } = content;
      if (envelope === undefined || type === SIGNATURE_PREDICATE || (wanted ?? type) !== type) return [];
      return [{ place, type, text: envelope }];
    }),
  );
}

/** How people name the formats, and what they are called where they lie. */
const SBOM_TYPES: Readonly<Record<string, readonly RegExp[]>> = {
  spdx: [/^(application|text)\/spdx(\+json)?$/, /^https:\/\/spdx\.dev\/Document/],
  cyclonedx: [/^application\/vnd\.cyclonedx\+(json|xml)$/, /^https:\/\/cyclonedx\.org\/bom/],
};

/** SBOMs: as documents among the referrers and under the `.sbom` tag, then out of attestations. Each text once. */
export async function downloadSboms(request: DownloadRequest, host: Host): Promise<DownloadReport> {
  const { type: format } = request;
  if (format !== undefined && !Object.hasOwn(SBOM_TYPES, format)) {
    throw new Failure('USAGE_FLAG', `"${format}" is no format of SBOMs that we know`, {
      hint: `It is one of ${Object.keys(SBOM_TYPES).join(', ')}.`,
    });
  }
  const patterns = format === undefined ? Object.values(SBOM_TYPES).flat() : (SBOM_TYPES[format] ?? []);
  const isSbom = (type: string) => patterns.some((pattern) => pattern.test(type));
  return await withImage(request, host, async (store, image) => {
    const documents = [...(await plainSboms(store, image, isSbom))];
    for (const { place, content } of readableOf(await findSignatures(store, image.digest))) {
      const { predicateType: type, statement } = content;
      if (statement === undefined || !isSbom(type)) continue;
      const { predicate } = statement;
      documents.push({ place, type, text: typeof predicate === 'string' ? predicate : printJson(predicate) });
    }
    return [...new Map(documents.map((one) => [comparable(one.text), one])).values()];
  });
}

/** The same document may be there as a file and inside an attestation, with other white space. */
function comparable(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

async function plainSboms(
  store: ImageStore,
  image: Descriptor,
  isSbom: (type: string) => boolean,
): Promise<DownloadedDocument[]> {
  const places: [place: string, tagOrDigest: string][] = [];
  for (const { artifactType = '', digest } of await store.referrers(image.digest)) {
    if (isSbom(artifactType)) places.push([`referrer ${digest}`, digest]);
  }
  const tag = `${image.digest.replace(':', '-')}.sbom`;
  if ((await store.resolve(tag)) !== undefined) places.push([`tag ${tag}`, tag]);
  const documents: DownloadedDocument[] = [];
  for (const [place, tagOrDigest] of places) {
    const { layers } = parseManifest((await store.getManifest(tagOrDigest)).bytes, place);
    for (const layer of layers.filter(({ mediaType }) => isSbom(mediaType))) {
      const bytes = await readSmallBlob(store.blobs, layer, LIMITS.attestationBytes);
      documents.push({ place, type: layer.mediaType, text: Buffer.from(bytes).toString('utf8') });
    }
  }
  return documents;
}

type ReadSignature = StoredSignature & { readonly content: NonNullable<StoredSignature['content']> };

function readableOf(found: readonly StoredSignature[]): ReadSignature[] {
  return found.filter((one): one is ReadSignature => one.content !== undefined);
}

async function withImage(
  request: DownloadRequest,
  host: Host,
  read: (store: ImageStore, image: Descriptor) => Promise<DownloadedDocument[]>,
): Promise<DownloadReport> {
  const reference = parseReference(request.reference);
  return await withRegistries(request, host, async (registries) => {
    const store: ImageStore =
      request.layout === undefined
        ? registries.client(reference)
        : layoutStore(await readOciLayout(resolve(host.cwd, request.layout)));
    const { descriptor, bytes } = await store.getManifest(reference.digest ?? reference.tag ?? '');
    const image = request.arch === undefined ? descriptor : imageFor(request.arch, descriptor, bytes);
    const documents = await read(store, image);
    return { reference: printReference({ ...reference, digest: image.digest }), documents };
  });
}

function imageFor(arch: string, descriptor: Descriptor, bytes: Uint8Array): Descriptor {
  if (!isIndexType(descriptor.mediaType)) {
    throw new Failure('USAGE_FLAG', '--arch chooses from an index, and this is a single image');
  }
  const wanted = { os: 'linux', ...platformOf(ociArchitecture(arch)) };
  const found = parseIndexManifest(bytes).manifests.find(
    ({ platform }) => platform !== undefined && matchesPlatform(platform, wanted),
  );
  if (found !== undefined) return found;
  throw new Failure('IMAGE_NOT_FOUND', `the index has no image for ${arch}`);
}
