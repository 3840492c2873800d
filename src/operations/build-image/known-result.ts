// What a build of the same inputs made in an earlier run: manifests, SBOMs and recipes of layers, in the store under the digest
// of the inputs. A memory that may be wrong in no way but being absent: layers are digested again while they are written.

import { promisify } from 'node:util';
import { deflate, inflateSync, type ZlibOptions } from 'node:zlib';
import { digestHex, sha256 } from '../../base/digest.ts';
import { SOURCES, VERSION } from '../../base/version.ts';
import type { Store } from '../../effects/store/store.ts';
import { describeBytes } from '../../formats/oci/descriptor.ts';
import { type Image, type ImageIndex, parseImage, parseVerifiedIndex } from '../../formats/oci/image.ts';
import { lockGroup } from '../../planning/lock/own-lock.ts';
import type { SbomFile } from '../image/describe-image.ts';
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
  readonly indexSboms: readonly StoredSbom[];
  readonly contract: BuildResult['contract'];
  readonly images: readonly (Omit<ResultImage, 'image' | 'sboms'> & {
    readonly sboms: readonly StoredSbom[];
    readonly manifestBytes: string;
    readonly configBytes: string;
  })[];
}

/** The texts, which are most of a result, stand behind the rest of it as they are: escaping them takes longer than all else. */
type StoredSbom = Omit<SbomFile, 'text'>;

/** In no JSON. */
const BETWEEN_TEXTS = '\0';

/** The result, or undefined. It counts as used now. */
export async function readResult(store: Store, key: string): Promise<BuildResult | undefined> {
  const record = store.readRecord('results', key);
  if (record === undefined) return undefined;
  const [json = '', ...texts] = inflateSync(record).toString().split(BETWEEN_TEXTS);
  const stored: StoredResult = JSON.parse(json);
  const withText = (file: StoredSbom): SbomFile => ({ ...file, text: texts.shift() as string });
  const indexSboms = stored.indexSboms.map(withText);
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
  const images = stored.images.map(({ manifestBytes, configBytes, sboms, ...rest }, i) => ({
    ...rest,
    sboms: sboms.map(withText),
    image: children.find((child) => child.descriptor.digest === digests[i]) as Image,
  }));
  return { index, indexSboms, images, contract: stored.contract };
}

/** Larger SBOMs are not kept: the text around them would near the longest string that Node can make. */
const KEPT_SBOM_CHARACTERS = 64 * 1024 * 1024;

/** All of most records: each chunk would be waited for. */
const CHUNK_BYTES = 256 * 1024;

const deflateRecord = promisify(deflate) as (bytes: Buffer, options: ZlibOptions) => Promise<Uint8Array>;

/** The result as it is kept, made on another thread for the most part; undefined where it is too large to be worth it. */
export async function packResult(result: BuildResult): Promise<Uint8Array | undefined> {
  const texts = [result.indexSboms, ...result.images.map((one) => one.sboms)].flat().map((file) => file.text);
  if (texts.reduce((sum, { length }) => sum + length, 0) > KEPT_SBOM_CHARACTERS) return undefined;
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
  const stored: StoredResult = {
    indexBytes: text(result.index.manifestBytes),
    indexSboms: result.indexSboms.map(withoutText),
    contract: result.contract,
    images: result.images.map(({ arch, image, layers, packages, fileCount, sboms, warnings }) => ({
      arch,
      layers,
      packages,
      fileCount,
      sboms: sboms.map(withoutText),
      warnings,
      manifestBytes: text(image.manifestBytes),
      configBytes: text(image.configBytes),
    })),
  };
  // SBOMs shrink to a twentieth.
  const record = Buffer.from([JSON.stringify(stored), ...texts].join(BETWEEN_TEXTS));
  return await deflateRecord(record, { level: 1, chunkSize: CHUNK_BYTES });
}

function withoutText({ name, mediaType }: SbomFile): StoredSbom {
  return { name, mediaType };
}
