// The answers of the hardening contract. A finding is a plain value: no finding is an exception.

import type { SourcePlace } from '../../base/failure.ts';
import type { CheckId } from './check-table.ts';
import type { HardeningException } from './policy.ts';

/** What a check reports. */
export interface Observation {
  readonly check: CheckId;
  /** In the image, without leading slash. */
  readonly path?: string;
  /** Name of the package that it concerns. */
  readonly package?: string;
  /** Variable of the image's environment that it is about. */
  readonly variable?: string;
  /** A sentence without final stop that names the thing. Never holds a secret. */
  readonly message: string;
}

/** An observation at the level that the profile gives it. */
export interface Finding extends Observation {
  readonly level: 'error' | 'warning';
  readonly reason: string;
  readonly fix: string;
  /** Position in the list of exceptions of the one that it is about. */
  readonly exceptionAt?: number;
  /** The line of the configuration that is the cause, where there is one. */
  readonly where?: SourcePlace;
}

/** An observation that the configuration declared to be meant so. */
export interface Excused extends Observation {
  readonly exception: HardeningException;
}

/** An install script that nobody ran. */
export interface UnrunScript {
  readonly package: string;
  /** `post-install`, `trigger` ... */
  readonly script: string;
  /** Commands whose effect is in the image all the same, as they stand in the script. */
  readonly reproduced: readonly string[];
  /** Commands whose effect is missing. */
  readonly missing: readonly string[];
}
