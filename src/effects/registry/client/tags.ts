// The tags of a repository, page by page (distribution spec, "Listing tags").

import { Failure } from '../../../base/failure.ts';
import { LIMITS } from '../../../base/limits.ts';
import { parseJsonObject } from '../../../formats/oci/json-object.ts';
import { readPages } from './pages.ts';
import { isTag, nameOf, type Repository, scopesOf } from './repository.ts';

/** The largest page that all large registries give. */
const PAGE_ENTRIES = 1000;

/** In the registry's order. Failures IMAGE_NOT_FOUND, IMAGE_INVALID for what cannot be a tag, REGISTRY_PROTOCOL. */
export async function* listTags(repository: Repository): AsyncGenerator<string> {
  const { connection } = repository;
  const request = {
    method: 'GET',
    place: `${repository.name}/tags/list?n=${PAGE_ENTRIES}`,
    doing: `list the tags of ${nameOf(repository)}`,
    scopes: scopesOf(repository, 'pull'),
  } as const;
  const first = await connection.read(request, LIMITS.registryPageBytes);
  if (first.status === 404) {
    throw new Failure('IMAGE_NOT_FOUND', `there is no repository ${nameOf(repository)}`, {
      hint: 'check its spelling; it appears with the first image that is pushed to it',
    });
  }
  if (first.status !== 200) await connection.refuse(first, request);
  for await (const page of readPages(connection, request, first)) {
    const document = `the tag list of ${nameOf(repository)}`;
    for (const tag of parseJsonObject(page.bytes, document, LIMITS.registryPageBytes).texts('tags')) {
      if (!isTag(tag)) throw new Failure('IMAGE_INVALID', `${document} has something that cannot be a tag`);
      yield tag;
    }
  }
}
