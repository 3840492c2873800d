// `stave check`: the hardening contract on the image of a configuration, assembled in memory, or on any image that exists: in a
// layout, an archive or a registry.

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ArchiveKind, recognizeArchive } from '../../effects/image/archive-file.ts';
import type { Host } from '../host.ts';
import { checkConfiguration } from './check-configuration.ts';
import type { CheckedImage, CheckRequest } from './check-request.ts';
import { checkStoredImage } from './check-stored-image.ts';

export interface CheckReport extends CheckedImage {
  /** As the user named it. */
  readonly subject: string;
}

export async function checkSubject(request: CheckRequest, host: Host): Promise<CheckReport> {
  return { subject: request.configPath, ...(await checkWhateverItIs(request, host)) };
}

async function checkWhateverItIs(request: CheckRequest, host: Host): Promise<CheckedImage> {
  const kind = await recognize(request.configPath, host.cwd);
  return kind === 'configuration'
    ? await checkConfiguration(request, host)
    : await checkStoredImage(request, kind, host);
}

/**
 * What is there decides. What is not there may still be a configuration of --include-paths, by its name; everything else
 * is the name of an image.
 */
async function recognize(text: string, cwd: string): Promise<'configuration' | 'image' | ArchiveKind> {
  if (/^(?:oci|docker-archive|docker):/.test(text)) return 'image';
  const path = resolve(cwd, text);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return (await recognizeArchive(path)) ?? 'configuration';
  return found === undefined && /\.ya?ml$/i.test(text) ? 'configuration' : 'image';
}
