// What a build of the same inputs made in an earlier run: manifests, SBOMs and recipes of layers, in the store under the digest
// of the inputs. A memory that may be wrong in no way but being absent: layers are digested again while they are written.

import { deflateSync, inflateSync } from 'node:zlib';
import { digestHex, sha256 } from '../../base/digest.ts';
import { SOURCES, VERSION } from '../../base/version.ts';
import type { Store } from '../../effects/store/store.ts';
import { describeBytes } from '../../formats/oci/descriptor.ts';
import { type Image, type ImageIndex, parseImage, parseVerifiedIndex } from '../../formats/oci/image.ts';
import { lockGroup } from '../../planning/lock/own-lock.ts';
import type { OpenImage } from '../image/open-image.ts';
import type { BuildPlan, BuildResult, ResultImage } from './make-image.ts';

/** Hex digest of everything that decides the result; `way` says how layers are compressed. */
export function resultKey(image: OpenImage, plan: BuildPlan, way: string): string {
  const { config, host, request } = image;
  const inputs = {
    stave: [VERSION, SOURCES],
    way,
    config,
    resolved: plan.resolved.map((one) => [one, [...plan.keys.forArch(one.arch)]]),
    base: plan.moments.base,
    // With it, packages have no say in the dates.
    fixedDate: host.env['SOURCE_DATE_EPOCH'] !== undefined,
    tag: plan.tag,
    sbomFormats: plan.sbomFormats,
    vcsUrl: plan.vcsUrl,
    groups: plan.groups.map(lockGroup),
    // No word in the bytes, but what is kept has passed by it.
    policy: plan.policy,
    // The answer to a bound must not depend on who filled the cache.
    limits: Object.entries(request.limits ?? {}).map(([name, bound]) => [name, String(bound)]),
  };
  return digestHex(sha256(JSON.stringify(inputs)));
}

/** An image is kept as the bytes that its digests are of; everything else in it can be read from them. */
interface StoredResult {
  readonly indexBytes: string;
  readonly indexSboms: BuildResult['indexSboms'];
  readonly contract: BuildResult['contract'];
  readonly images: readonly (Omit<ResultImage, 'image'> & {
    readonly manifestBytes: string;
    readonly configBytes: string;
  })[];
}

/** The result, or undefined. It counts as used now. */
export async function readResult(store: Store, key: string): Promise<BuildResult | undefined> {
  const record = store.readRecord('results', key);
  if (record === undefined) return undefined;
  const stored: StoredResult = JSON.parse(inflateSync(record).toString());
  const indexBytes = Buffer.from(stored.indexBytes);
  const parsed = new Map<string, Image>();
  for (const one of stored.images) {
    const manifestBytes = Buffer.from(one.manifestBytes);
    const descriptor = describeBytes(manifestBytes, JSON.parse(one.manifestBytes).mediaType);
    parsed.set(
      descriptor.digest,
      (await parseImage(descriptor, manifestBytes, async () => Buffer.from(one.configBytes))) as Image,
    );
  }
  const descriptor = describeBytes(indexBytes, JSON.parse(stored.indexBytes).mediaType);
  const manifest = parseVerifiedIndex(descriptor, indexBytes);
  const children = manifest.manifests.map((child) => ({ ...(parsed.get(child.digest) as Image), descriptor: child }));
  const index: ImageIndex = { kind: 'index', descriptor, manifest, manifestBytes: indexBytes, children };
  const digests = [...parsed.keys()];
  const images = stored.images.map(({ manifestBytes, configBytes, ...rest }, i) => ({
    ...rest,
    image: children.find((child) => child.descriptor.digest === digests[i]) as Image,
  }));
  return { index, indexSboms: stored.indexSboms, images, contract: stored.contract };
}

/** Larger SBOMs are not kept: the text around them would near the longest string that Node can make. */
const KEPT_SBOM_CHARACTERS = 64 * 1024 * 1024;

/** Puts the result into the store, unless it is too large to be worth it. */
export function writeResult(store: Store, key: string, result: BuildResult): void {
  const sboms = [result.indexSboms, ...result.images.map((one) => one.sboms)].flat();
  if (sboms.reduce((sum, { text }) => sum + text.length, 0) > KEPT_SBOM_CHARACTERS) return;
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
  const stored: StoredResult = {
    indexBytes: text(result.index.manifestBytes),
    indexSboms: result.indexSboms,
    contract: result.contract,
    images: result.images.map(({ arch, image, layers, packages, fileCount, sboms, warnings }) => ({
      arch,
      layers,
      packages,
      fileCount,
      sboms,
      warnings,
      manifestBytes: text(image.manifestBytes),
      configBytes: text(image.configBytes),
    })),
  };
  // SBOMs shrink to a twentieth.
  store.writeRecord('results', key, deflateSync(JSON.stringify(stored), { level: 1 }));
}
