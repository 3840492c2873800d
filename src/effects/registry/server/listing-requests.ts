// Lists: tags and referrers, in pages (distribution spec, "Listing Tags", "Listing Referrers").

import { printJson } from '../../../base/canonical-json.ts';
import { LIMITS } from '../../../base/limits.ts';
import { MEDIA_TYPE } from '../../../formats/oci/descriptor.ts';
import { checkDigest } from './blob-requests.ts';
import type { Answer, RegistryRequest } from './exchange.ts';
import { compareTags, type Manifests } from './manifests.ts';
import { RegistryError } from './registry-error.ts';

export async function answerTagsList(name: string, manifests: Manifests, query: URLSearchParams): Promise<Answer> {
  const most = parseCount(query) ?? Number.POSITIVE_INFINITY;
  const last = query.get('last');
  const rest = (await manifests.tags()).filter((tag) => last === null || compareTags(tag, last) > 0);
  const tags = rest.slice(0, most);
  const next = tags.length < rest.length ? tags.at(-1) : undefined;
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      ...(next !== undefined && { link: nextPage(`/v2/${name}/tags/list`, { n: String(most), last: next }) }),
    },
    body: Buffer.from(printJson({ name, tags })),
  };
}

/** A page ends at its number of entries, or before it gets larger than a manifest may be. */
export async function answerReferrers(
  name: string,
  manifests: Manifests,
  digestText: string,
  request: RegistryRequest,
): Promise<Answer> {
  const subject = checkDigest(digestText);
  const { query } = request;
  const most = Math.min(Math.max(1, parseCount(query) ?? LIMITS.registryReferrers), LIMITS.registryReferrers);
  const artifactType = query.get('artifactType');
  const page: string[] = [];
  let sizeBytes = 0;
  let last = query.get('last') ?? '';
  let more = false;
  for await (const { digest, json } of manifests.referrers(subject, last)) {
    if (artifactType !== null && (JSON.parse(json) as { artifactType?: string }).artifactType !== artifactType)
      continue;
    more = page.length >= most || (page.length > 0 && sizeBytes + json.length > LIMITS.imageManifestBytes / 2);
    if (more) break;
    page.push(json);
    sizeBytes += json.length;
    last = digest;
  }
  const parameters = { ...(artifactType !== null && { artifactType }), n: String(most), last };
  return {
    status: 200,
    headers: {
      'content-type': MEDIA_TYPE.imageIndex,
      ...(artifactType !== null && { 'oci-filters-applied': 'artifactType' }),
      ...(more && { link: nextPage(`/v2/${name}/referrers/${subject}`, parameters) }),
    },
    body: Buffer.from(`{"schemaVersion":2,"mediaType":"${MEDIA_TYPE.imageIndex}","manifests":[${page.join(',')}]}`),
  };
}

function parseCount(query: URLSearchParams): number | undefined {
  const text = query.get('n');
  if (text === null) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RegistryError('UNSUPPORTED', 'n must be a whole number', { status: 400 });
}

function nextPage(path: string, parameters: Readonly<Record<string, string>>): string {
  return `<${path}?${new URLSearchParams(parameters)}>; rel="next"`;
}
