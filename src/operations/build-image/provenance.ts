// Gathers what the provenance of a build says (attestations-and-vex.md 3): digests of all inputs, and what the command line
// asked for. Who ran it, build-run.ts says.

import { readFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { mapBounded } from '../../base/bounded.ts';
import { type Digest, digestHex, sha256 } from '../../base/digest.ts';
import { LIMITS } from '../../base/limits.ts';
import { systemClock } from '../../effects/http/retry.ts';
import { makeFolder, writeFileAtomically } from '../../effects/output/atomic-file.ts';
import { packageFileDigest } from '../../effects/repository/package-file-digest.ts';
import { publicLine } from '../../effects/repository/repository-line.ts';
import { type PackageSource, PROVENANCE_PREDICATE, provenancePredicate } from '../../formats/attestation/provenance.ts';
import { printStatement } from '../../formats/attestation/statement.ts';
import type { JsonValue } from '../../formats/oci/json-object.ts';
import { apkArchitecture } from '../../planning/config/architecture.ts';
import {
  type BuildFacts,
  type BuiltPlatform,
  type DigestedFile,
  planProvenance,
  type SbomDigest,
  sortedRecord,
} from '../../planning/describe/build-provenance.ts';
import { publicAddress } from '../../planning/describe/package-elements.ts';
import { groupSource } from '../../planning/lock/own-lock.ts';
import type { Host } from '../host.ts';
import { openBaseImage } from '../image/base-image.ts';
import type { SbomFile } from '../image/describe-image.ts';
import type { OpenImage } from '../image/open-image.ts';
import type { ResolvedImage } from '../image/resolve-image.ts';
import { buildRun } from './build-run.ts';
import type { BuiltImages, ImagesRequest } from './built-images.ts';
import type { BuildResult, ResultImage } from './make-image.ts';

/** The predicate about a manifest of the build: the index, or one of its images. */
export type ProvenanceOf = (subject: Digest) => JsonValue;

/**
 * Makes the provenance of what was just built; `signedBy` is the identity of who will sign it, who is then the builder unless
 * the request names one. Failures as for fetching packages: a digest that is not known is found out.
 */
export function provenanceMaker(
  built: BuiltImages,
  request: ImagesRequest,
  tags: readonly string[],
): (signedBy?: string) => Promise<ProvenanceOf> {
  const { result, inputs } = built;
  const { builderId, reproducibleProvenance: reproducible = false } = request;
  const times = { startedMs: inputs.startedMs, finishedMs: systemClock.now() };
  let gathered: Promise<BuildFacts> | undefined;
  return async (signedBy) => {
    gathered ??= buildFacts(built, request, tags);
    const facts = await gathered;
    const run = buildRun(inputs.image.host, { builderId: builderId ?? signedBy, reproducible, ...times });
    return (subject) => {
      const of = result.images.find((one) => one.image.descriptor.digest === subject);
      return provenancePredicate(planProvenance(facts, run, of?.arch));
    };
  };
}

/** Unsigned statements, one a file: of the index and of every image. Their paths. */
export async function writeProvenance(
  directory: string,
  { index, images }: BuildResult,
  of: ProvenanceOf,
): Promise<string[]> {
  await makeFolder(directory);
  const files = [
    { name: 'provenance-index.intoto.json', digest: index.descriptor.digest },
    ...images.map(({ arch, image }) => ({
      name: `provenance-${apkArchitecture(arch)}.intoto.json`,
      digest: image.descriptor.digest,
    })),
  ];
  const paths: string[] = [];
  for (const { name, digest } of files) {
    const subjects = [{ digest, annotations: {} }];
    const text = printStatement({ subjects, predicateType: PROVENANCE_PREDICATE, predicate: of(digest) });
    const path = join(directory, name);
    await writeFileAtomically(path, (write) => write(Buffer.from(`${text}\n`)));
    paths.push(path);
  }
  return paths;
}

async function buildFacts(built: BuiltImages, request: ImagesRequest, tags: readonly string[]): Promise<BuildFacts> {
  const { result, inputs } = built;
  const { image, plan } = inputs;
  const { cwd } = image.host;
  const platforms: BuiltPlatform[] = [];
  for (const resolved of plan.resolved) {
    const made = result.images.find(({ arch }) => arch === resolved.arch);
    if (made !== undefined) platforms.push(await builtPlatform(built, resolved, made));
  }
  warnUnknown(platforms, image.host);
  const { layering } = image.config;
  return {
    configFiles: image.loaded.files.map((path) => digestedFile(path, cwd)),
    lockFile: request.lockfile === undefined ? undefined : digestedFile(request.lockfile, cwd),
    vcsUrl: plan.vcsUrl,
    tags,
    flags: requestFlags(request, image),
    internal: {
      ...(layering !== undefined && { layering: { strategy: layering.strategy, budget: layering.budget } }),
    },
    platforms,
    keys: plan.keys.keyring.map(({ name, url, pem }) => ({
      name: publicAddress(url) ?? name,
      sha256: digestHex(sha256(pem)),
    })),
    groups: plan.groups.map(groupSource),
    indexSboms: result.indexSboms.map(sbomDigest),
  };
}

async function builtPlatform(
  { inputs: { image, indexes } }: BuiltImages,
  { arch, packages }: ResolvedImage,
  made: ResultImage,
): Promise<BuiltPlatform> {
  const { host, http, store } = image;
  const installed = new Map(made.packages.map((one) => [one.name, one]));
  const sources = await mapBounded(packages, LIMITS.parallelDownloads, async (chosen): Promise<PackageSource> => {
    const { name, version, url, checksum } = chosen;
    const limits = image.request.limits;
    const wanted = { url, label: `${name}-${version}`, checksum, workdir: host.cwd, ...(limits && { limits }) };
    const { origin = name, purl = '' } = installed.get(name) ?? {};
    const fileDigest = await packageFileDigest(wanted, http, store);
    return { name, url: publicAddress(url) ?? '', fileDigest, checksum, purl, origin };
  });
  const base = await openBaseImage(image, arch);
  const { repositories = [] } = indexes.find((one) => one.arch === arch) ?? {};
  return {
    arch,
    packages: sources,
    indexes: repositories.flatMap(({ url, sha256: hex }) =>
      hex === undefined ? [] : [{ name: indexName(url, arch), sha256: hex }],
    ),
    sboms: made.sboms.map(sbomDigest),
    baseImage: base && { name: baseName(image), digest: base.image.descriptor.digest },
  };
}

/** A path is nobody's business: then the architecture says what it is. */
function indexName(url: string, arch: string): string {
  const name = `${apkArchitecture(arch)}/APKINDEX.tar.gz`;
  const address = publicAddress(url);
  return address === undefined ? name : `${address}/${name}`;
}

function baseName({ config, host }: OpenImage): string {
  const named = config.contents.baseImage?.image ?? '';
  return isAbsolute(named) ? placeInside(named, host.cwd) : publicLine(named);
}

function warnUnknown(platforms: readonly BuiltPlatform[], { events }: Host): void {
  const unknown = platforms.flatMap(({ packages }) => packages.filter(({ fileDigest }) => fileDigest === undefined));
  const [first] = unknown;
  if (first === undefined) return;
  events({
    type: 'warning',
    code: 'PROVENANCE_INCOMPLETE',
    message: `the provenance has no digest for ${unknown.length} package files, such as ${first.name}: the cache knows none, and --offline was given`,
    hint: 'build once without --offline',
  });
}

/** What the command line said: everything that a caller controls and that is not a file. */
function requestFlags(request: ImagesRequest, image: OpenImage): BuildFacts['flags'] {
  const vars = [...image.loaded.variables].map(
    ([name, value]) => [name, `sha256-${digestHex(sha256(value))}`] as const,
  );
  return {
    variant: request.variant ?? '',
    // Values may be secrets.
    vars: sortedRecord(vars),
    keyringAppend: request.keyringAppend.map(publicLine),
    buildRepositoryAppend: request.buildRepositoryAppend.map(publicLine),
    repositoryAppend: request.repositoryAppend.map(publicLine),
    packageAppend: [...request.packageAppend],
    annotations: [...request.annotations],
    buildDate: request.buildDate ?? '',
    sourceDateEpoch: image.host.env['SOURCE_DATE_EPOCH'] ?? '',
    compression: request.compression ?? '',
    compressionLevel: request.compressionLevel ?? null,
    ignoreSignatures: request.ignoreSignatures,
  };
}

function sbomDigest({ name, mediaType, text }: SbomFile): SbomDigest {
  return { name, mediaType, sha256: digestHex(sha256(text)) };
}

function digestedFile(path: string, cwd: string): DigestedFile {
  return { name: placeInside(path, cwd), sha256: digestHex(sha256(readFileSync(resolve(cwd, path)))) };
}

/** The path from the working directory; of what lies outside, the last part alone: the rest is about a machine. */
function placeInside(path: string, cwd: string): string {
  const inside = relative(cwd, resolve(cwd, path)).replaceAll('\\', '/');
  return inside.startsWith('..') || isAbsolute(inside) ? (inside.split('/').at(-1) ?? '') : inside;
}
