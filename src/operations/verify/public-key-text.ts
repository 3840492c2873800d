// The public key that `--key` names: like any key, or at a URL, where vendors publish theirs. It is trusted as much as its server
// is, so only https will do. The trust file has no such keys: what is reviewed there must not change elsewhere.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { VERSION } from '../../base/version.ts';
import { createHttpClient } from '../../effects/http/client.ts';
import { usableUrl } from '../../effects/signing/oidc-provider.ts';
import { readSecret } from '../../effects/signing/secret-sources.ts';
import type { Host } from '../host.ts';

/** Failures of `readSecret` and of the HTTP client, USAGE_FLAG for http, NETWORK_OFFLINE. */
export async function publicKeyText(reference: string, offline: boolean, host: Host): Promise<string> {
  if (!/^https?:\/\//i.test(reference)) return (await readSecret(reference, host)).text;
  const url = usableUrl(reference);
  if (url === undefined) throw new Failure('USAGE_FLAG', `a key from ${reference} could be anybody's: use https`);
  const http = createHttpClient({ version: VERSION, offline, environment: host.env, events: host.events });
  try {
    const response = await http.get(url.href, { maxBytes: LIMITS.keyBytes });
    return Buffer.from(await response.bytes()).toString('utf8');
  } finally {
    await http.close();
  }
}
