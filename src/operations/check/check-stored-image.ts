// The hardening contract on an image that exists, ours or a stranger's: every platform of it, unpacked into a temporary file.

import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { type ArchiveKind, withUnpackedArchive } from '../../effects/image/archive-file.ts';
import { openImageTree } from '../../effects/image/image-tree.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { platformName } from '../../formats/oci/descriptor.ts';
import { type Image, imagesOf } from '../../formats/oci/image.ts';
import { configPlatform } from '../../formats/oci/image-config.ts';
import { ociArchitecture } from '../../planning/config/architecture.ts';
import { checkImage } from '../../planning/hardening/check-image.ts';
import { type ContractReport, contractReport } from '../../planning/hardening/contract-report.ts';
import { type HardeningPolicy, policyFor } from '../../planning/hardening/policy.ts';
import type { HardeningReport } from '../../planning/hardening/report.ts';
import type { Host } from '../host.ts';
import { type ImagePlace, parseSourcePlace } from '../registry/image-place.ts';
import { withRegistries } from '../registry/registries.ts';
import { type ImageValue, withSourceImage } from '../registry/source-image.ts';
import type { CheckRequest } from './check-request.ts';

/** Failures of `withSourceImage` and `openImageTree`. */
export async function checkStoredImage(
  request: CheckRequest,
  kind: 'image' | ArchiveKind,
  host: Host,
): Promise<ContractReport> {
  const policy = policyFor(undefined, request.hardening);
  const path = resolve(host.cwd, request.configPath);
  const checkAt = async (place: ImagePlace) => contractReport(policy, await checkPlace(place, policy, request, host));
  if (kind === 'compressed-archive') {
    return await withUnpackedArchive(path, tmpdir(), (unpacked) =>
      checkAt({ kind: 'archive', path: unpacked, name: undefined }),
    );
  }
  return await checkAt(
    kind === 'archive' ? { kind, path, name: undefined } : parseSourcePlace(request.configPath, host.cwd),
  );
}

async function checkPlace(
  place: ImagePlace,
  policy: HardeningPolicy,
  request: CheckRequest,
  host: Host,
): Promise<HardeningReport[]> {
  return await withRegistries(request, host, (registries) =>
    withSourceImage(place, registries, async ({ value, blobs }) => {
      const reports: HardeningReport[] = [];
      for (const image of chosenImages(value, request, host.hostArch)) {
        reports.push(await checkOne(image, blobs, policy, host));
      }
      return reports;
    }),
  );
}

async function checkOne(image: Image, blobs: BlobSource, policy: HardeningPolicy, { events }: Host) {
  const arch = architectureOf(image);
  events({ type: 'phase-started', phase: 'unpack', arch });
  const { tree, close } = await openImageTree(image, blobs, tmpdir());
  events({ type: 'phase-finished', phase: 'unpack', arch });
  try {
    const { run, history } = image.config;
    const commands = history.map(({ createdBy }) => createdBy ?? '');
    return checkImage({ arch, tree, run, history: commands, annotations: image.manifest.annotations }, policy);
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
