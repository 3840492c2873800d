// `stave publish`: resolve, build all architectures, describe, push (layer-and-oci.md 14); or, with --local, load the image for this
// machine into docker or podman. The digest is that of `stave build`.

import { resolve } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { refuseUnplaceable, writeFileAtomically } from '../../effects/output/atomic-file.ts';
import type { Image, ImageIndex } from '../../formats/oci/image.ts';
import { findImage, imagesOf } from '../../formats/oci/image.ts';
import { printReference, type Reference } from '../../formats/oci/reference.ts';
import { platformOf } from '../../planning/config/architecture.ts';
import type { ContractReport } from '../../planning/hardening/contract-report.ts';
import { type BuiltImages, type ImagesRequest, withBuiltImages } from '../build-image/built-images.ts';
import { provenanceMaker, writeProvenance } from '../build-image/provenance.ts';
import { checkAttachments } from '../check/check-attachments.ts';
import type { Host } from '../host.ts';
import { writeSboms } from '../image/describe-image.ts';
import { type LoadReport, loadIntoEngine } from '../registry/load.ts';
import { withRegistries } from '../registry/registries.ts';
import { textAttachments } from '../registry/text-attachments.ts';
import { type OpenedSigner, withSigner } from '../sign/open-signer.ts';
import type { TrustInitReport } from '../verify/trust-init.ts';
import { type PublishedRepository, pushEverywhere, repositoryName } from './push-everywhere.ts';
import { sbomAttachments } from './sbom-attachments.ts';
import { type PublishSigning, publicationSigner, rememberSigner } from './sign-publication.ts';
import { checkTagTemplate, expandTagTemplate } from './tag-template.ts';

export interface PublishRequest extends ImagesRequest {
  /** References with a tag, which may have placeholders (tag-template.ts); at least one. */
  readonly tags: readonly string[];
  /** File for `repository@digest` of each image and then of the index, one a line. */
  readonly imageRefs?: string;
  /** Also writes the SBOMs into this folder. */
  readonly sbomPath?: string;
  /** Whether SBOMs become referrers of the images and the index. */
  readonly attachSbom: boolean;
  /** Whether the result of the hardening contract becomes a referrer of each image, and an attestation where one signs. */
  readonly attachCheck?: boolean;
  /** Into docker or podman on this machine instead of a registry. */
  readonly local: boolean;
  /** Builds, and sends nothing. */
  readonly dryRun: boolean;
  /** undefined: nothing is signed. */
  readonly signing?: PublishSigning;
}

interface PublishedImage {
  /** OCI form. */
  readonly arch: string;
  readonly digest: Digest;
  /** Of all layers, compressed. */
  readonly sizeBytes: number;
  /** In install order. */
  readonly packages: readonly { readonly name: string; readonly version: string }[];
}

export interface PublishReport {
  /** `repository@digest` of the index in the repository of the first tag; with --local, the name it was loaded under. */
  readonly reference: string;
  readonly indexDigest: Digest;
  /** In the order of the index. */
  readonly images: readonly PublishedImage[];
  /** Fully qualified, placeholders filled in. */
  readonly tags: readonly string[];
  /** Empty for a dry run and for --local. */
  readonly repositories: readonly PublishedRepository[];
  readonly loaded: LoadReport | undefined;
  readonly sbomPaths: readonly string[];
  readonly provenancePaths: readonly string[];
  /** What the hardening contract says, with all its findings. */
  readonly contract: ContractReport;
  readonly dryRun: boolean;
  /** Of what was signed: what became of the trust file. */
  readonly trust: TrustInitReport | undefined;
}

/** Failures of a build, of the registries, USAGE_ARGUMENTS for tags, FILE_UNWRITABLE. Tags that are there stay then. */
export async function publishImage(request: PublishRequest, host: Host): Promise<PublishReport> {
  for (const tag of request.tags) checkTagTemplate(tag);
  if (request.imageRefs !== undefined) await refuseUnplaceable(resolve(host.cwd, request.imageRefs));
  const { signing, dryRun, local } = request;
  if (signing === undefined || dryRun || local) return await buildAndPublish(request, undefined, host);
  return await withSigner(signing, host, (signer) => buildAndPublish(request, signer, host));
}

async function buildAndPublish(
  request: PublishRequest,
  signer: OpenedSigner | undefined,
  host: Host,
): Promise<PublishReport> {
  // Who wants neither files nor attachments nor attestations gets no SBOM made.
  const attached = (request.attachSbom || request.signing?.attest === true) && !request.local;
  const sbom = request.sbom && (request.sbomPath !== undefined || attached);
  let references: readonly Reference[] = [];
  const attest = signer !== undefined && request.signing?.attest === true;
  const provenance = attest || request.provenancePath !== undefined;
  return await withBuiltImages({ ...request, sbom, provenance }, host, {
    nameImages: async (resolved) => {
      references = request.tags.map((tag) => expandTagTemplate(tag, resolved));
      return printReference(references[0] as Reference);
    },
    use: (built) => publish(request, built, references, signer, host),
  });
}

async function publish(
  request: PublishRequest,
  built: BuiltImages,
  references: readonly Reference[],
  signer: OpenedSigner | undefined,
  host: Host,
): Promise<PublishReport> {
  const { result, blobs } = built;
  const { index } = result;
  const sbomPaths: string[] = [];
  if (request.sbomPath !== undefined) {
    const files = [...result.images.flatMap(({ sboms }) => sboms), ...result.indexSboms];
    sbomPaths.push(...(await writeSboms(resolve(host.cwd, request.sbomPath), files)));
  }
  const provenanceOf = provenanceMaker(built, request, references.map(printReference));
  const { provenancePath } = request;
  const provenancePaths =
    provenancePath === undefined
      ? []
      : await writeProvenance(resolve(host.cwd, provenancePath), result, await provenanceOf());
  const byDigest = new Map(result.images.map((one) => [one.image.descriptor.digest, one]));
  const common = {
    indexDigest: index.descriptor.digest,
    images: imagesOf(index).flatMap(({ descriptor: { digest } }): PublishedImage[] => {
      const one = byDigest.get(digest);
      if (one === undefined) return [];
      const sizeBytes = one.image.manifest.layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
      const packages = one.packages.map(({ name, version }) => ({ name, version }));
      return [{ arch: one.arch, digest, sizeBytes, packages }];
    }),
    tags: references.map(printReference),
    repositories: [],
    loaded: undefined,
    sbomPaths,
    provenancePaths,
    contract: result.contract,
    dryRun: request.dryRun,
    trust: undefined,
  };
  const reference = digestReference(references[0] as Reference, index.descriptor.digest);
  if (request.dryRun) return { ...common, reference };
  if (request.local) {
    const loaded = await loadIntoEngine({ image: localImage(index, host), blobs, references }, host);
    return { ...common, reference: loaded.names[0] ?? reference, loaded };
  }
  host.events({ type: 'phase-started', phase: 'push' });
  // --offline is about what the image is made of.
  const access = { ...request.registry, offline: false };
  const sboms = request.attachSbom ? sbomAttachments(result) : undefined;
  const checked = checkAttachments(
    result.contract,
    result.images.map((one) => one.image.descriptor),
  );
  const checks = request.attachCheck === true ? checked : [];
  const { signing } = request;
  const sign = signer && signing && publicationSigner({ signer, signing, result, provenanceOf, checks }, host);
  const repositories = await withRegistries(access, host, (registries) =>
    pushEverywhere({ index, blobs, sboms, checks: textAttachments(checks), references, sign }, registries, host.events),
  );
  host.events({ type: 'phase-finished', phase: 'push' });
  if (request.imageRefs !== undefined) await writeImageRefs(resolve(host.cwd, request.imageRefs), references, index);
  const signed = repositories.flatMap((one) => one.signed);
  const trust = signer && signing && (await rememberSigner(signer, signed, references, signing, host));
  return { ...common, reference, repositories, trust };
}

function digestReference(reference: Reference, digest: Digest): string {
  return `${repositoryName(reference)}@${digest}`;
}

async function writeImageRefs(path: string, references: readonly Reference[], index: ImageIndex): Promise<void> {
  const digests = [...index.manifest.manifests, index.descriptor].map(({ digest }) => digest);
  const lines = digests.map((digest) => `${digestReference(references[0] as Reference, digest)}\n`);
  await writeFileAtomically(path, (write) => write(Buffer.from(lines.join(''))));
}

/** GOOS and GOARCH choose, as with the reference; else this machine's, else the first one. */
function localImage(index: ImageIndex, { env, hostArch }: Host): Image {
  const wanted = { os: env['GOOS'] || 'linux', ...platformOf(env['GOARCH'] || hostArch) };
  const found = findImage(index, wanted) ?? imagesOf(index)[0];
  if (found !== undefined) return found;
  throw new Failure('IMAGE_INVALID', 'the index has no image');
}
