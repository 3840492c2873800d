// What a user says about an image and where its packages come from; flags in the reference's names (cli.md 1).

import type { RegistryAccess } from '../registry/registry-request.ts';

/** Bounds given by flags, in bytes. Absent: the default of base/limits.ts; Infinity: no limit. */
export interface LimitOverrides {
  readonly indexBytes?: number;
  readonly controlBytes?: number;
  readonly packageDataBytes?: number;
  readonly responseBytes?: number;
}

/** What every command says about a configuration and its sources. */
export interface SourceRequest {
  readonly configPath: string;
  /** --arch, any spelling, `all` and `host`; [] = what the configuration says. */
  readonly archs: readonly string[];
  readonly keyringAppend: readonly string[];
  readonly buildRepositoryAppend: readonly string[];
  readonly repositoryAppend: readonly string[];
  readonly cacheDir?: string;
  readonly offline: boolean;
  readonly ignoreSignatures: boolean;
  readonly includePaths: readonly string[];
  readonly limits?: LimitOverrides;
  /** What is built is told by provenance: package files are then digested as a whole, while they are fetched. */
  readonly provenance?: boolean;
  /** A folder or URL that `stave mirror` has filled: asked before the places that the configuration names. */
  readonly mirror?: string;
  /** How registries are spoken to: that of a base image, and those that are published to. */
  readonly registry?: RegistryAccess;
  /** `NAME=VALUE` each, for `vars:` of the configuration. */
  readonly vars?: readonly string[];
  /** One of the configuration's `variants:`; absent = the image itself. */
  readonly variant?: string;
  /** Refuse what only we understand in a configuration. */
  readonly strictApko?: boolean;
}

/** What commands that assemble a root filesystem say beyond that. */
export interface ImageRequest extends SourceRequest {
  readonly packageAppend: readonly string[];
  readonly annotations: readonly string[];
  /** RFC 3339. */
  readonly buildDate?: string;
  readonly lockfile?: string;
  readonly vcs: boolean;
  /** `tar`, or undefined for what the configuration says. */
  readonly format?: string;
}
