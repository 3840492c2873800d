// The SLSA provenance predicate, version 1 (attestations-and-vex.md 3): what an image was built from, by whom, and how.
// Times stand here and nowhere else; without them the same build has the same provenance.

import { type Digest, digestHex } from '../../base/digest.ts';
import type { JsonValue, TextMap } from '../oci/json-object.ts';

export const PROVENANCE_PREDICATE = 'https://slsa.dev/provenance/v1';

/** A thing that went in or came out. At least one of `uri` and `digest` says which. */
export interface ResourceDescriptor {
  readonly name?: string;
  readonly uri?: string;
  /** Algorithm to lower-case hex: `sha256`, `gitCommit`. */
  readonly digest?: TextMap;
  readonly mediaType?: string;
  readonly annotations?: TextMap;
}

export interface Provenance {
  /** A URI that says how the parameters are to be understood. */
  readonly buildType: string;
  /** All that the caller controls: verifiers refuse parameters that they do not know. */
  readonly externalParameters: { readonly [key: string]: JsonValue };
  readonly internalParameters?: { readonly [key: string]: JsonValue };
  readonly resolvedDependencies: readonly ResourceDescriptor[];
  readonly builder: {
    /** Who could have forged this: in GitHub Actions the workflow, as the certificate names it. */
    readonly id: string;
    readonly version: TextMap;
  };
  readonly invocationId?: string;
  /** RFC 3339. */
  readonly startedOn?: string;
  readonly finishedOn?: string;
  readonly byproducts?: readonly ResourceDescriptor[];
}

/** The predicate of a statement, with its keys in the order of the specification. */
export function provenancePredicate(provenance: Provenance): JsonValue {
  const { buildType, externalParameters, internalParameters, resolvedDependencies, builder } = provenance;
  const { invocationId, startedOn, finishedOn, byproducts = [] } = provenance;
  const metadata = {
    ...(invocationId && { invocationId }),
    ...(startedOn && { startedOn }),
    ...(finishedOn && { finishedOn }),
  };
  return {
    buildDefinition: {
      buildType,
      externalParameters,
      ...(internalParameters && { internalParameters }),
      resolvedDependencies: resolvedDependencies.map(printResource),
    },
    runDetails: {
      builder: { id: builder.id, version: builder.version },
      ...(Object.keys(metadata).length > 0 && { metadata }),
      ...(byproducts.length > 0 && { byproducts: byproducts.map(printResource) }),
    },
  };
}

/** A package as it was installed. */
export interface PackageSource {
  readonly name: string;
  /** Where the file is, without credentials; '' where that is a path of somebody's machine. */
  readonly url: string;
  /**
   * Of the whole file; undefined where it is not known. The checksum of an index, `Q1...`, is another thing: it covers the
   * control part.
   */
  readonly fileDigest: Digest | undefined;
  readonly checksum: string;
  readonly purl: string;
  readonly origin: string;
}

export function packageDependency({
  name,
  url,
  fileDigest,
  purl,
  checksum,
  origin,
}: PackageSource): ResourceDescriptor {
  return {
    name,
    ...(url !== '' && { uri: url }),
    ...(fileDigest && { digest: { sha256: digestHex(fileDigest) } }),
    annotations: { purl, checksum, origin },
  };
}

function printResource({ name, uri, digest, mediaType, annotations }: ResourceDescriptor): JsonValue {
  return {
    ...(name !== undefined && { name }),
    ...(uri !== undefined && { uri }),
    ...(digest && { digest }),
    ...(mediaType !== undefined && { mediaType }),
    ...(annotations && { annotations }),
  };
}
