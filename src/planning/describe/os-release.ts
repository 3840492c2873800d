// /etc/os-release of the image (sbom-and-lock.md 1, "OS data"): what an SBOM says about the operating system.

import { Failure } from '../../base/failure.ts';

export interface OsRelease {
  readonly id: string;
  readonly name: string;
  readonly version: string;
}

const ABSENT: OsRelease = { id: 'unknown', name: '', version: 'unknown' };

/**
 * The text of the file, or undefined where there is none: then `unknown`, without a name. Keys that the file lacks are ''; of a key given
 * twice the last counts. Failure IMAGE_INVALID for a line that is neither `KEY=VALUE` nor a comment.
 */
export function parseOsRelease(text: string | undefined): OsRelease {
  if (text === undefined) return ABSENT;
  const values = new Map<string, string>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '');
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    if (equals === -1) {
      throw new Failure(
        'IMAGE_INVALID',
        `line ${index + 1} of the image's /etc/os-release is not KEY=VALUE: "${line}"`,
        {
          hint: 'The file comes from a package or from the configuration; without it the SBOM cannot name the system.',
        },
      );
    }
    values.set(line.slice(0, equals), line.slice(equals + 1).replace(/^"+|"+$/g, ''));
  }
  const { id, name, version } = { id: values.get('ID'), name: values.get('NAME'), version: values.get('VERSION_ID') };
  return { id: id ?? '', name: name ?? '', version: version ?? '' };
}
