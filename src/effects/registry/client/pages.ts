// Listings that a registry gives page by page (distribution spec, "Listing tags", "Listing referrers").
// Must never follow a listing to another server, nor for ever.

import { LIMITS } from '../../../base/limits.ts';
import { isSameServer } from '../../http/exchange.ts';
import type { SmallAnswer } from '../small-answer.ts';
import { parseNextLink } from './link-header.ts';
import { placeNamedBy, type RegistryConnection, type RegistryRequest } from './registry-connection.ts';
import { protocolFailure } from './registry-failure.ts';

/** `first` and the pages that follow it. Failures REGISTRY_PROTOCOL, HTTP_STATUS and those of the connection. */
export async function* readPages(
  connection: RegistryConnection,
  request: RegistryRequest,
  first: SmallAnswer,
): AsyncGenerator<SmallAnswer> {
  let page = first;
  const seen = new Set<string>();
  for (let pages = 1; ; pages++) {
    yield page;
    const link = parseNextLink(page.headers.link);
    if (link === undefined) return;
    const next = placeNamedBy(connection.base, page, link);
    if (next === undefined || !isSameServer(connection.base, next)) {
      throw protocolFailure(connection.base, 'continues a listing on another server');
    }
    if (seen.has(next.href) || pages >= LIMITS.registryPages) {
      throw protocolFailure(connection.base, `continues a listing without end (page ${pages + 1})`);
    }
    seen.add(next.href);
    page = await connection.read({ ...request, place: next }, LIMITS.registryPageBytes);
    if (page.status !== 200) await connection.refuse(page, request);
  }
}
