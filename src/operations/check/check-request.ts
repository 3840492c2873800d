// What `stave check` is asked.

import type { HardeningProfile } from '../../planning/hardening/policy.ts';
import type { ImageRequest } from '../image/request.ts';
import type { RegistryAccess } from '../registry/registry-request.ts';

/** `configPath` is what to check, whatever it is. */
export interface CheckRequest extends ImageRequest, RegistryAccess {
  readonly offline: boolean;
  /** In place of what the configuration says. */
  readonly hardening?: HardeningProfile;
}
