// What `stave check` is asked, and what the checks of one subject answer.

import type { HardeningPolicy, HardeningProfile } from '../../planning/hardening/policy.ts';
import type { HardeningReport } from '../../planning/hardening/report.ts';
import type { ImageRequest } from '../image/request.ts';
import type { RegistryAccess } from '../registry/registry-request.ts';

/** `configPath` is what to check, whatever it is. */
export interface CheckRequest extends ImageRequest, RegistryAccess {
  readonly offline: boolean;
  /** In place of what the configuration says. */
  readonly profile?: HardeningProfile;
}

/** What a check found, and by which policy. */
export interface Checked {
  readonly policy: HardeningPolicy;
  /** One for each architecture. */
  readonly images: readonly HardeningReport[];
}
