// Keep-alive connections, direct or through a proxy. undici and TLS are loaded on the first request: builds from local
// repositories never pay for it. Must never read the environment: proxies and certificates are handed in.

import type { Dispatcher } from 'undici';
import { basic } from './credentials.ts';
import { type Environment, proxyFor } from './proxy.ts';
import { errorCode } from './retry.ts';

export interface ConnectionOptions {
  readonly environment: Environment;
  /** PEM text of certificates trusted in addition to those of Node. */
  readonly extraCertificates?: string | undefined;
  /** Accept every certificate. */
  readonly insecureSkipVerify?: boolean | undefined;
  /** One stalled step: connecting, waiting for headers, waiting for the next piece of a body. */
  readonly timeoutMs: number;
  readonly maxPerHost: number;
}

export class Connections {
  readonly #options: ConnectionOptions;
  readonly #dispatchers = new Map<string, Promise<Dispatcher>>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** The dispatcher for this URL: one for all direct connections, one for each proxy. */
  for(url: URL): Promise<Dispatcher> {
    const proxy = proxyFor(url, this.#options.environment);
    const key = proxy ?? '';
    const known = this.#dispatchers.get(key) ?? this.#open(proxy);
    this.#dispatchers.set(key, known);
    return known;
  }

  /** Breaks whatever is still open. */
  async close(): Promise<void> {
    const open = [...this.#dispatchers.values()];
    this.#dispatchers.clear();
    await Promise.all(open.map(async (dispatcher) => (await dispatcher).destroy()));
  }

  async #open(proxy: string | undefined): Promise<Dispatcher> {
    const [{ Agent, Pool, ProxyAgent }, { rootCertificates }] = await Promise.all([
      import('./undici.ts'),
      import('node:tls'),
    ]);
    const { extraCertificates, insecureSkipVerify, timeoutMs, maxPerHost } = this.#options;
    const tls = {
      timeout: timeoutMs,
      ...(extraCertificates !== undefined && { ca: [...rootCertificates, extraCertificates] }),
      ...(insecureSkipVerify === true && { rejectUnauthorized: false }),
    };
    const common = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connections: maxPerHost };
    if (proxy === undefined) return new Agent({ ...common, connect: tls });
    const uri = new URL(proxy);
    const credentials = uri.username !== '' || uri.password !== '';
    const token = basic(decodeURIComponent(uri.username), decodeURIComponent(uri.password));
    uri.username = '';
    uri.password = '';
    // Plain HTTP goes to the proxy as a full URL: many proxies tunnel to port 443 only.
    return new ProxyAgent({
      ...common,
      uri: uri.href,
      ...(credentials && { token }),
      requestTls: tls,
      proxyTls: tls,
      proxyTunnel: false,
      clientFactory: (origin, options) => withFinalTunnelErrors(new Pool(origin, options)),
    });
  }
}

/**
 * undici takes a proxy that hangs up on CONNECT for an idle connection that ended, and dials again for ever. Under
 * another code the error reaches the request, and our own bounded retries.
 */
function withFinalTunnelErrors(pool: Dispatcher): Dispatcher {
  const connect = pool.connect.bind(pool) as (options: Dispatcher.ConnectOptions) => Promise<Dispatcher.ConnectData>;
  const dial = async (options: Dispatcher.ConnectOptions) => {
    try {
      return await connect(options);
    } catch (error) {
      if (errorCode(error) !== 'UND_ERR_SOCKET') throw error;
      throw Object.assign(new Error('the proxy closed the connection', { cause: error }), { code: 'ECONNRESET' });
    }
  };
  return Object.assign(pool, { connect: dial });
}
