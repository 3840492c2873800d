// Trusted roots by TUF (signing.md 6.6): @sigstore/tuf checks the chain from a root that is trusted already to the newest
// metadata, and that nothing goes back in time. Its bounds: 256 rotations of the root, 5 MB of metadata, one timeout a request.

import { mkdir } from 'node:fs/promises';
import { Failure } from '../../base/failure.ts';

export const PUBLIC_MIRROR = 'https://tuf-repo-cdn.sigstore.dev';
const TARGET = 'trusted_root.json';
/** Five requests, each of a few KiB. */
const REQUEST_MS = 10_000;

export interface TufRequest {
  readonly mirror: string;
  /** The first `root.json` to trust. Undefined: that of the public instance, which came with the package. */
  readonly rootPath: string | undefined;
  /** Keeps what was seen, so that a mirror cannot show something older later. */
  readonly cachePath: string;
}

/** The text of the trusted root. Failures USAGE_FLAG, NETWORK_UNREACHABLE, TRUST_ROOT_INVALID, CACHE_UNUSABLE. */
export async function fetchTrustedRoot({ mirror, rootPath, cachePath }: TufRequest): Promise<string> {
  const url = mirrorUrl(mirror);
  if (rootPath === undefined && url !== PUBLIC_MIRROR) {
    throw new Failure('USAGE_FLAG', `nothing says which root of ${url} to trust`, {
      hint: 'Give its first root.json with --root; whoever runs the repository hands it out.',
    });
  }
  await mkdir(cachePath, { recursive: true }).catch((cause: unknown) => {
    throw new Failure('CACHE_UNUSABLE', `${cachePath} cannot keep what was seen of ${url}`, { cause });
  });
  const { initTUF } = await import('./tuf-library.ts');
  try {
    const client = await initTUF({
      mirrorURL: url,
      cachePath,
      ...(rootPath !== undefined && { rootPath }),
      // The root to begin with is the given one, whatever the cache has.
      forceInit: true,
      retry: { retries: 2 },
      timeout: REQUEST_MS,
    });
    return await client.getTarget(TARGET);
  } catch (error) {
    throw tufFailure(error, url);
  }
}

function mirrorUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new Failure('USAGE_FLAG', '--mirror takes an http or https address without credentials');
  }
  return url.href.replace(/\/$/, '');
}

/** What the network did, and what the metadata says, are different troubles. */
function tufFailure(error: unknown, url: string): Failure {
  const names: string[] = [];
  let said = 'it cannot be read';
  for (let at = error; at instanceof Error; at = at.cause) {
    names.push(at.name === 'Error' ? at.constructor.name : at.name);
    said = at.message;
  }
  const detail = said.replace(/[\p{C}\s]+/gu, ' ').slice(0, 200);
  const isNetwork = names.some((name) =>
    /^(?:FetchError|DownloadHTTPError|DownloadError|AbortError|TypeError)$/.test(name),
  );
  return isNetwork
    ? new Failure('NETWORK_UNREACHABLE', `the TUF repository ${url} does not give what it should: ${detail}`, {
        cause: error,
      })
    : new Failure('TRUST_ROOT_INVALID', `what the TUF repository ${url} gives is not to be trusted: ${detail}`, {
        cause: error,
        hint: 'The trusted root that is there was left alone.',
      });
}
