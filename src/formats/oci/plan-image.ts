// From what was built to image and index, exactly as layer-and-oci.md 12 and 17 say, except where a tool names itself.
// Must never read the clock: `created` comes in.

import { assert, Failure } from '../../base/failure.ts';
import { compareBytes } from '../../base/order.ts';
import { stripCredentials } from '../../base/redact.ts';
import { type Platform, platformName } from './descriptor.ts';
import { type Image, type ImageIndex, type ImageLayer, makeImage, makeIndex } from './image.ts';
import { configPlatform, EMPTY_RUN_CONFIG, type ImageConfigFile, type RunConfig } from './image-config.ts';
import { type TextMap, withoutAbsent } from './json-object.ts';

/** Empty texts and lists mean "not configured": a base image's own value stays then. */
export interface ImagePlanInput {
  readonly platform: Pick<Platform, 'architecture' | 'variant' | 'osFeatures'>;
  /** RFC 3339 text of the build date (timestamps.ts). */
  readonly created: string;
  /** The new layers, bottom first. */
  readonly layers: readonly ImageLayer[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: TextMap;
  readonly annotations: TextMap;
  readonly user: string;
  readonly volumes: readonly string[];
  readonly workingDir: string;
  readonly stopSignal: string;
  /** `8080/tcp` */
  readonly exposedPorts?: readonly string[];
  /** Besides the annotations, which they beat. */
  readonly labels?: TextMap;
  readonly base?: Image;
}

export interface IndexPlanInput {
  readonly annotations: TextMap;
  /** RFC 3339 text of the newest of the images' build dates. */
  readonly created: string;
  /** `https://host/repository@revision`, or ''. */
  readonly vcsUrl: string;
}

const MAKER = 'stave';

const ANNOTATION = {
  created: 'org.opencontainers.image.created',
  revision: 'org.opencontainers.image.revision',
  source: 'org.opencontainers.image.source',
  title: 'org.opencontainers.image.title',
  vendor: 'org.opencontainers.image.vendor',
} as const;

const DEFAULT_ENV: TextMap = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin',
  SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt',
};

/** The image of one architecture. Failure IMAGE_INVALID where the base image is for another one. */
export function planImage(input: ImagePlanInput): Image {
  const { base, layers } = input;
  const { architecture, variant } = input.platform;
  const osFeatures = input.platform.osFeatures ?? base?.config.osFeatures;
  const annotations = { ...input.annotations, [ANNOTATION.created]: input.created };
  if (base !== undefined && base.config.architecture !== architecture) {
    const [have, want] = [platformName(configPlatform(base.config)), platformName({ os: 'linux', architecture })];
    throw new Failure('IMAGE_INVALID', `the base image is for ${have}, not for ${want}`);
  }
  const history = withoutAbsent({
    author: MAKER,
    created: input.created,
    createdBy: MAKER,
    comment: historyComment(input),
  });
  const config: ImageConfigFile = {
    ...withoutAbsent({
      container: base?.config.container,
      dockerVersion: base?.config.dockerVersion,
      osVersion: base?.config.osVersion,
      variant,
      osFeatures,
    }),
    architecture,
    os: 'linux',
    author: MAKER,
    created: input.created,
    history: [...(base?.config.history ?? []), ...layers.map(() => history)],
    diffIds: [...(base?.config.diffIds ?? []), ...layers.map((layer) => layer.diffId)],
    run: planRunConfig(input, annotations),
  };
  const descriptors = [...(base?.manifest.layers ?? []), ...layers.map((layer) => layer.descriptor)];
  return makeImage(config, descriptors, { ...base?.manifest.annotations, ...annotations });
}

/** The index of the images, in byte order of their architectures. */
export function planIndex(images: readonly Image[], input: IndexPlanInput): ImageIndex {
  const sorted = [...images].sort((a, b) => compareBytes(architectureText(a), architectureText(b)));
  for (const [i, image] of sorted.entries()) {
    const next = sorted[i + 1];
    assert(next === undefined || architectureText(image) !== architectureText(next), 'one image for each architecture');
  }
  return makeIndex(sorted, {
    ...input.annotations,
    ...vcsAnnotations(input.vcsUrl),
    [ANNOTATION.created]: input.created,
  });
}

function planRunConfig(input: ImagePlanInput, annotations: TextMap): RunConfig {
  const inherited = input.base?.config.run ?? EMPTY_RUN_CONFIG;
  const ports = [...(input.exposedPorts ?? [])].sort(compareBytes).map((port) => [port, {}] as const);
  return {
    ...inherited,
    cmd: input.cmd.length > 0 ? input.cmd : inherited.cmd,
    entrypoint: input.entrypoint.length > 0 ? input.entrypoint : inherited.entrypoint,
    env: planEnv(input.env),
    labels: { ...annotations, ...input.labels },
    user: input.user || inherited.user,
    volumes: input.volumes.length > 0 ? input.volumes : inherited.volumes,
    workingDir: input.workingDir || inherited.workingDir,
    stopSignal: input.stopSignal || inherited.stopSignal,
    ...(ports.length > 0 && { others: { ...inherited.others, ExposedPorts: Object.fromEntries(ports) } }),
  };
}

/** The base image's environment is replaced, not merged (section 17). */
function planEnv(env: TextMap): string[] {
  return Object.entries({ ...DEFAULT_ENV, ...env })
    .map(([name, value]) => `${name}=${value}`)
    .sort(compareBytes);
}

function historyComment({ annotations, layers }: ImagePlanInput): string | undefined {
  const title = annotations[ANNOTATION.title];
  const vendor = annotations[ANNOTATION.vendor];
  if (title !== undefined && vendor !== undefined) return `${title} by ${vendor}`;
  return layers.length === 1 ? `This is a ${MAKER} single-layer image` : undefined;
}

/** Source and revision, split at the first @ that is not part of credentials: those never reach an image. */
function vcsAnnotations(vcsUrl: string): TextMap {
  const url = stripCredentials(vcsUrl);
  const at = url.indexOf('@');
  if (at === -1) return {};
  return { [ANNOTATION.source]: url.slice(0, at), [ANNOTATION.revision]: url.slice(at + 1) };
}

/** `amd64`, `arm/v7`. */
function architectureText({ config }: Image): string {
  return config.variant === undefined ? config.architecture : `${config.architecture}/${config.variant}`;
}
