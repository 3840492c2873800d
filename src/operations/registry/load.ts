// `stave load`: one image into docker or podman on this machine, under exactly the name that was asked for.

import type { Digest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { findContainerEngine } from '../../effects/engine/container-engine.ts';
import { writeNamedImages } from '../../effects/output/docker-archive.ts';
import type { BlobSource } from '../../formats/oci/blob-source.ts';
import { matchesPlatform, platformName } from '../../formats/oci/descriptor.ts';
import type { Image } from '../../formats/oci/image.ts';
import { configPlatform } from '../../formats/oci/image-config.ts';
import { parseReference, type Reference } from '../../formats/oci/reference.ts';
import { platformOf } from '../../planning/config/architecture.ts';
import type { Host } from '../host.ts';
import { parseSourcePlace } from './image-place.ts';
import { engineName, runnableImages } from './image-target.ts';
import { withRegistries } from './registries.ts';
import type { RegistryAccess } from './registry-request.ts';
import { type SourceImage, withSourceImage } from './source-image.ts';

export interface LoadRequest extends RegistryAccess {
  /** A reference, layout or archive. */
  readonly source: string;
  /** Default: the name that it has where it is. */
  readonly name?: string;
  /** Any spelling; default: this machine's. */
  readonly arch?: string;
}

export interface LoadReport {
  /** `docker` or `podman`. */
  readonly engine: string;
  /** As the engine knows it. */
  readonly names: readonly string[];
  /** `linux/amd64` */
  readonly platform: string;
  readonly digest: Digest;
}

/** Failures FEATURE_UNSUPPORTED without an engine, ENGINE_FAILED, USAGE_ARGUMENTS, IMAGE_*, and those of the source. */
export async function loadImage(request: LoadRequest, host: Host): Promise<LoadReport> {
  const place = parseSourcePlace(request.source, host.cwd);
  const given = request.name === undefined ? undefined : parseReference(request.name);
  return await withRegistries(request, host, (registries) =>
    withSourceImage(place, registries, async (source) => {
      const image = imageFor(source, request.arch ?? host.hostArch, request.arch !== undefined);
      const reference = given ?? nameOf(source);
      return await loadIntoEngine({ image, blobs: source.blobs, references: [reference] }, host);
    }),
  );
}

export interface Loading {
  readonly image: Image;
  readonly blobs: BlobSource;
  readonly references: readonly Reference[];
}

export async function loadIntoEngine({ image, blobs, references }: Loading, host: Host): Promise<LoadReport> {
  const engine = await findContainerEngine(host.env);
  const names = references.map(engineName);
  host.events({ type: 'phase-started', phase: 'load' });
  await engine.load((write) => writeNamedImages(write, { images: [image], names: new Map([[image, names]]), blobs }));
  host.events({ type: 'phase-finished', phase: 'load' });
  return {
    engine: engine.name,
    names,
    platform: platformName(configPlatform(image.config)),
    digest: image.descriptor.digest,
  };
}

/** The image for the architecture; an only one counts where nobody asked for another. Failure IMAGE_INVALID. */
export function imageFor(source: Pick<SourceImage, 'name' | 'value'>, arch: string, isAsked: boolean): Image {
  const images = runnableImages(source);
  const { architecture, variant } = platformOf(arch);
  const wanted = { os: 'linux', architecture, ...(variant !== undefined && { variant }) };
  const found = images.find(({ config }) => matchesPlatform(configPlatform(config), wanted));
  if (found !== undefined) return found;
  const [only, ...others] = images;
  if (only !== undefined && others.length === 0 && !isAsked) return only;
  throw new Failure('IMAGE_INVALID', `${source.name} has no image for ${arch}`, {
    hint: `it has ${images.map(({ config }) => platformName(configPlatform(config))).join(', ')}: choose with --arch`,
  });
}

function nameOf(source: SourceImage): Reference {
  const [name, ...others] = source.names;
  // A layout mostly knows the tag alone.
  if (name !== undefined && others.length === 0 && /[/:]/.test(name)) return parseReference(name);
  throw new Failure('USAGE_ARGUMENTS', `${source.name} does not say what the image is called`, {
    hint: 'give it a name: --name example/app:1.0',
  });
}
