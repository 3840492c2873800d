// The provenance of a build (attestations-and-vex.md 3): what the caller asked for, and every file that decided the result, with
// its digest. One predicate for each platform and one for the index; the same build has the same text, but for the times.
// Local paths stay private, secrets stay out: what comes in here is public already.

import { type Digest, digestHex } from '../../base/digest.ts';
import { compareBytes } from '../../base/order.ts';
import {
  type PackageSource,
  type Provenance,
  packageDependency,
  type ResourceDescriptor,
} from '../../formats/attestation/provenance.ts';
import type { JsonValue } from '../../formats/oci/json-object.ts';

/** Explained in docs/provenance.md; a new version where the parameters change. */
const BUILD_TYPE = 'urn:stave:buildtype:apk-image:v1';
/** A machine of which nobody but its owner says anything. */
export const UNHOSTED_BUILDER = 'urn:stave:builder:unhosted';

export interface DigestedFile {
  /** As the user calls it. */
  readonly name: string;
  readonly sha256: string;
}

export interface BuiltPlatform {
  /** OCI form. */
  readonly arch: string;
  /** In install order. */
  readonly packages: readonly PackageSource[];
  /** Empty for builds from a lock file. */
  readonly indexes: readonly DigestedFile[];
  readonly sboms: readonly SbomDigest[];
  readonly baseImage: { readonly name: string; readonly digest: Digest } | undefined;
}

export interface SbomDigest extends DigestedFile {
  readonly mediaType: string;
}

export interface BuildFacts {
  /** The main file first, then what it includes. */
  readonly configFiles: readonly DigestedFile[];
  readonly lockFile: DigestedFile | undefined;
  /** `https://host/repository@revision`, or ''. */
  readonly vcsUrl: string;
  readonly tags: readonly string[];
  /** What the command line said beyond that; empty values are left out. */
  readonly flags: { readonly [name: string]: JsonValue };
  readonly internal: { readonly [name: string]: JsonValue };
  readonly platforms: readonly BuiltPlatform[];
  readonly keys: readonly DigestedFile[];
  readonly groups: readonly FilesSource[];
  readonly indexSboms: readonly SbomDigest[];
}

/** A group of the user's own files. */
interface FilesSource {
  readonly name: string;
  readonly version: string;
  /** Of the group as a lock file has it. */
  readonly sha256: string;
  /** Where it was copied out of, with digest, or ''. */
  readonly image: string;
  readonly downloads: readonly { readonly url: string; readonly sha256: string }[];
}

export interface BuildRun {
  readonly builderId: string;
  readonly toolVersion: string;
  /** Absent where the same build is to have the same provenance. */
  readonly invocationId?: string;
  readonly startedOn?: string;
  readonly finishedOn?: string;
}

/** `arch` undefined: of the index, which is made of all of them. */
export function planProvenance(facts: BuildFacts, run: BuildRun, arch?: string): Provenance {
  const platforms = facts.platforms.filter((one) => arch === undefined || one.arch === arch);
  const { configFiles, lockFile, tags, internal } = facts;
  const [config, ...includes] = configFiles;
  const flags = Object.entries(facts.flags).filter(([, value]) => !isEmpty(value));
  const sboms = arch === undefined ? facts.indexSboms : platforms.flatMap((one) => one.sboms);
  const { builderId, toolVersion, ...times } = run;
  return {
    buildType: BUILD_TYPE,
    externalParameters: {
      config: fileParameter(config),
      ...(includes.length > 0 && { includes: includes.map(fileParameter) }),
      ...(lockFile && { lockfile: fileParameter(lockFile) }),
      archs: facts.platforms.map((one) => one.arch),
      tags: [...tags],
      ...Object.fromEntries(flags),
    },
    ...(Object.keys(internal).length > 0 && { internalParameters: internal }),
    resolvedDependencies: distinct([
      ...sourceOf(facts.vcsUrl),
      ...platforms.flatMap(({ baseImage }) => (baseImage === undefined ? [] : [imageResource(baseImage)])),
      ...platforms.flatMap(({ indexes }) => indexes.map(({ name, sha256 }) => ({ uri: name, digest: { sha256 } }))),
      ...facts.keys.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
      ...platforms.flatMap(({ packages }) => packages.map(packageDependency)),
      ...facts.groups.flatMap(groupResources),
    ]),
    builder: { id: builderId, version: { stave: toolVersion } },
    ...times,
    byproducts: sboms.map(({ name, sha256, mediaType }) => ({ name, digest: { sha256 }, mediaType })),
  };
}

function fileParameter(file: DigestedFile | undefined): JsonValue {
  return { path: file?.name ?? '', digest: { sha256: file?.sha256 ?? '' } };
}

function sourceOf(vcsUrl: string): ResourceDescriptor[] {
  const [, repository, revision = ''] = /^(.+)@([0-9a-f]{40,64})$/.exec(vcsUrl) ?? [];
  if (repository === undefined) return [];
  return [{ uri: `git+${repository.replace(/^git\+/, '')}@${revision}`, digest: { gitCommit: revision } }];
}

function imageResource({ name, digest }: { readonly name: string; readonly digest: Digest }): ResourceDescriptor {
  return { name, digest: { sha256: digestHex(digest) } };
}

function groupResources({ name, version, sha256, image, downloads }: FilesSource): ResourceDescriptor[] {
  const [, from, hex] = /^(.+)@sha256:([0-9a-f]{64})$/.exec(image) ?? [];
  return [
    { name: `files of ${name}`, digest: { sha256 }, ...(version !== '' && { annotations: { version } }) },
    ...(from !== undefined && hex !== undefined ? [{ name: from, digest: { sha256: hex } }] : []),
    ...downloads.map(({ url, sha256: hex }) => ({ uri: url, digest: { sha256: hex } })),
  ];
}

/** A package of several architectures stands there once; the order stays. */
function distinct(resources: readonly ResourceDescriptor[]): ResourceDescriptor[] {
  return [...new Map(resources.map((one) => [JSON.stringify(one), one])).values()];
}

function isEmpty(value: JsonValue): boolean {
  if (value === null || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** Sorted by name, as texts of objects are made from maps. */
export function sortedRecord(entries: Iterable<readonly [string, string]>): { readonly [name: string]: string } {
  return Object.fromEntries([...entries].sort(([a], [b]) => compareBytes(a, b)));
}
