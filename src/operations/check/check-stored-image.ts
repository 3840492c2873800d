// The hardening contract on an image that exists, ours or a stranger's: every platform of it, unpacked into a temporary file.

import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { type ArchiveKind, withUnpackedArchive } from '../../effects/image/archive-file.ts';
import { openImageTree } from '../../effects/image/image-tree.ts';
import { platformName } from '../../formats/oci/descriptor.ts';
import { type Image, imagesOf } from '../../formats/oci/image.ts';
import { configPlatform } from '../../formats/oci/image-config.ts';
import { ociArchitecture } from '../../planning/config/architecture.ts';
import { checkImage } from '../../planning/hardening/check-image.ts';
import { contractReport } from '../../planning/hardening/contract-report.ts';
import { type HardeningPolicy, policyFor } from '../../planning/hardening/policy.ts';
import type { HardeningReport } from '../../planning/hardening/report.ts';
import type { Host } from '../host.ts';
import { type ImagePlace, parseSourcePlace } from '../registry/image-place.ts';
import { pushAttachments } from '../registry/push-attachments.ts';
import { withRegistries } from '../registry/registries.ts';
import { type ImageValue, type SourceImage, withSourceImage } from '../registry/source-image.ts';
import { textAttachments } from '../registry/text-attachments.ts';
import { readAttachedSbom } from './attached-sbom.ts';
import { checkAttachments } from './check-attachments.ts';
import type { CheckedImage, CheckRequest } from './check-request.ts';

/** Failures of `withSourceImage` and `openImageTree`; USAGE_FLAG for --attach where nothing can be attached. */
export async function checkStoredImage(
  request: CheckRequest,
  kind: 'image' | ArchiveKind,
  host: Host,
): Promise<CheckedImage> {
  const path = resolve(host.cwd, request.configPath);
  if (kind === 'compressed-archive') {
    return await withUnpackedArchive(path, tmpdir(), (unpacked) =>
      checkPlace({ kind: 'archive', path: unpacked, name: undefined }, request, host),
    );
  }
  const place: ImagePlace =
    kind === 'archive' ? { kind, path, name: undefined } : parseSourcePlace(request.configPath, host.cwd);
  return await checkPlace(place, request, host);
}

async function checkPlace(place: ImagePlace, request: CheckRequest, host: Host): Promise<CheckedImage> {
  const policy = policyFor(undefined, request.hardening);
  return await withRegistries(request, host, (registries) =>
    withSourceImage(place, registries, async (source) => {
      const { keeper, value } = source;
      const client = keeper !== undefined && 'client' in keeper ? keeper.client : undefined;
      if (request.attach === true && client === undefined) throw notAttachable(request);
      const images = chosenImages(value, request, host.hostArch);
      const reports: HardeningReport[] = [];
      for (const image of images) reports.push(await checkOne(image, source, policy, host));
      const contract = contractReport(policy, reports);
      if (request.attach !== true || client === undefined) return { ...contract, attached: [] };
      const subjects = images.map(({ descriptor }) => descriptor);
      const { attachments, blobs } = textAttachments(checkAttachments(contract, subjects));
      await pushAttachments(client, attachments, blobs, { events: host.events });
      return { ...contract, attached: attachments.map((one) => one.value.descriptor.digest) };
    }),
  );
}

export function notAttachable({ configPath }: CheckRequest): Failure {
  return new Failure(
    'USAGE_FLAG',
    `--attach: the result can only be attached in a registry, and ${configPath} is in none`,
    {
      hint: 'publish the image first, or use stave publish --attach-check',
    },
  );
}

async function checkOne(image: Image, source: SourceImage, policy: HardeningPolicy, { events }: Host) {
  const arch = architectureOf(image);
  const sbom = await readAttachedSbom(source, image, events);
  events({ type: 'phase-started', phase: 'unpack', arch });
  const { tree, close } = await openImageTree(image, source.blobs, tmpdir());
  events({ type: 'phase-finished', phase: 'unpack', arch });
  try {
    const { run, history } = image.config;
    const commands = history.map(({ createdBy }) => createdBy ?? '');
    const subject = { arch, tree, run, history: commands, annotations: image.manifest.annotations };
    return checkImage({ ...subject, ...(sbom && { sbom }) }, policy).report;
  } finally {
    close();
  }
}

/** Those of --arch; all where it does not say. Attestations that builders list beside images are for no system. */
function chosenImages(value: ImageValue, { archs, configPath }: CheckRequest, hostArch: string): Image[] {
  const images = value.kind === 'index' ? imagesOf(value) : value.kind === 'image' ? [value] : [];
  const wanted = archs.map((arch) => ociArchitecture(arch === 'host' ? hostArch : arch));
  const chosen = images.filter(
    (image) =>
      image.config.os === 'linux' &&
      (wanted.length === 0 || wanted.includes('all') || wanted.includes(architectureOf(image))),
  );
  if (chosen.length > 0) return chosen;
  throw new Failure('IMAGE_INVALID', `${configPath} has no image for ${wanted.join(', ') || 'Linux'}`, {
    hint: `it is for: ${images.map(({ config }) => platformName(configPlatform(config))).join(', ') || 'nothing'}`,
  });
}

/** OCI form: `arm64` for arm64/v8, which is the only one. */
function architectureOf({ config: { architecture, variant } }: Image): string {
  return ociArchitecture(architecture === 'arm' ? `arm/${variant ?? 'v7'}` : architecture);
}
