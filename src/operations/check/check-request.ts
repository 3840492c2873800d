// What `stave check` is asked, and what it answers about any subject.

import type { Digest } from '../../base/digest.ts';
import type { ContractReport } from '../../planning/hardening/contract-report.ts';
import type { HardeningProfile } from '../../planning/hardening/policy.ts';
import type { ImageRequest } from '../image/request.ts';
import type { RegistryAccess } from '../registry/registry-request.ts';

/** `configPath` is what to check, whatever it is. */
export interface CheckRequest extends ImageRequest, RegistryAccess {
  readonly offline: boolean;
  /** In place of what the configuration says. */
  readonly hardening?: HardeningProfile;
  /** The result becomes a referrer of each image that was checked. */
  readonly attach?: boolean;
}

export interface CheckedImage extends ContractReport {
  /** What was attached, in the order of the images; [] where that was not asked for. */
  readonly attached: readonly Digest[];
}
