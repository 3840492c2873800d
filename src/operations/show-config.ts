// `stave show-config`: the configuration with includes merged and validation's additions, as YAML (image-config.md 10).

import type { ImageConfig } from '../planning/config/image-config.ts';
import { printShowConfig } from '../planning/config/print-show-config.ts';
import { validateImageConfig } from '../planning/config/validate.ts';
import type { Host } from './host.ts';
import { loadConfig } from './image/open-image.ts';
import type { SourceRequest } from './image/request.ts';

/** YAML text; what flags add is not in it, as in the reference. */
export async function showConfig(request: SourceRequest, host: Host): Promise<string> {
  const config: ImageConfig = validateImageConfig(loadConfig(request, host), undefined, 'lock');
  return printShowConfig(config);
}
