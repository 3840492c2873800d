// Which services sign keylessly: sigstore's signing_config.json (signing.md 6.6), of the public instance or a private one.
// Services are chosen by version and validity, one for each operator.

import type { SigningConfig as ConfigValue, Service } from '@sigstore/protobuf-specs';
import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';

export interface SigningServices {
  /** Undefined where nobody gives certificates: keys alone can sign. */
  readonly certificateAuthority: string | undefined;
  readonly logs: readonly { readonly url: string; readonly majorApiVersion: number }[];
  readonly timestampAuthorities: readonly string[];
  /** Where a person logs in to say who they are. Undefined where nobody says: a token has to be at hand. */
  readonly identityProvider: string | undefined;
}

/** The newest API of each kind that we speak. */
const NEWEST = { certificateAuthority: 1, log: 2, timestampAuthority: 1, identityProvider: 1 } as const;

/** `name` names it in messages; `nowMs` decides what is valid. Failure TRUST_ROOT_INVALID. */
export async function parseSigningConfig(text: string, name: string, nowMs: number): Promise<SigningServices> {
  const invalid = (why: string) =>
    new Failure('TRUST_ROOT_INVALID', `${name} is not a signing configuration that we can use: ${why}`);
  if (text.length > LIMITS.trustedRootBytes) throw invalid(`it has more than ${LIMITS.trustedRootBytes} bytes`);
  const { SigningConfig, ServiceSelector } = await import('./verifying-library.ts');
  let config: ConfigValue;
  try {
    config = SigningConfig.fromJSON(JSON.parse(text));
  } catch {
    throw invalid('it is not JSON in that form');
  }
  if (!/^application\/vnd\.dev\.sigstore\.signingconfig\.v0\.2\+json$/.test(config.mediaType)) {
    throw invalid('its media type is another');
  }
  /** As many of the usable ones as the selector says. */
  const select = (services: readonly Service[], newest: number, rule: ConfigValue['rekorTlogConfig']): Service[] => {
    if (services.length === 0) return [];
    const usable = usableServices(services, newest, nowMs);
    const wanted =
      rule?.selector === ServiceSelector.ALL
        ? usable.length
        : rule?.selector === ServiceSelector.EXACT
          ? rule.count
          : 1;
    if (usable.length === 0 || usable.length < wanted) throw invalid('too few of its services are valid now');
    return usable.slice(0, wanted);
  };
  for (const { url } of [...config.caUrls, ...config.rekorTlogUrls, ...config.tsaUrls, ...config.oidcUrls]) {
    if (!/^https?:\/\/[^\s@]+$/.test(url)) throw invalid('one of its services has no usable URL');
  }
  const authorities = select(config.caUrls, NEWEST.certificateAuthority, undefined);
  const logs = select(config.rekorTlogUrls, NEWEST.log, config.rekorTlogConfig);
  const timestampAuthorities = select(config.tsaUrls, NEWEST.timestampAuthority, config.tsaConfig).map(
    ({ url }) => url,
  );
  if (logs.some(({ majorApiVersion }) => majorApiVersion >= 2) && timestampAuthorities.length === 0) {
    throw invalid('a log of version 2 keeps no time, and there is no timestamp authority');
  }
  return {
    certificateAuthority: authorities[0]?.url,
    logs: logs.map(({ url, majorApiVersion }) => ({ url, majorApiVersion })),
    timestampAuthorities,
    // None that is valid now is no error: who has a token or a key needs none.
    identityProvider: usableServices(config.oidcUrls, NEWEST.identityProvider, nowMs)[0]?.url,
  };
}

/** Newest version first, then the latest start; the first of each operator. */
function usableServices(services: readonly Service[], newest: number, nowMs: number): Service[] {
  const start = ({ validFor }: Service) => validFor?.start?.getTime() ?? 0;
  const end = ({ validFor }: Service) => validFor?.end?.getTime() ?? Number.POSITIVE_INFINITY;
  const usable = services
    .filter((one) => one.majorApiVersion <= newest && start(one) <= nowMs && nowMs < end(one))
    .sort((a, b) => b.majorApiVersion - a.majorApiVersion || start(b) - start(a));
  const operators = new Set<string>();
  return usable.filter((one) => {
    const known = one.operator !== '' && operators.has(one.operator);
    operators.add(one.operator);
    return !known;
  });
}
