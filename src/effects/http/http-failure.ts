// The sentences for everything that goes wrong over HTTP. Each names the URL without credentials and says what to do.

import { Failure } from '../../base/failure.ts';
import { errorCode } from './retry.ts';

export function offlineFailure(url: URL): Failure {
  return new Failure('NETWORK_OFFLINE', `${url.href} is needed from the network, but --offline was given`, {
    hint: 'run once without --offline to fill the cache, or name a local copy instead',
  });
}

export function tooLargeFailure(url: URL, maxBytes: number): Failure {
  return new Failure(
    'RESPONSE_TOO_LARGE',
    `the response from ${url.href} is larger than its bound of ${maxBytes} bytes`,
    {
      hint: 'if that size is right, raise the bound (--max-http-response-size)',
    },
  );
}

/** `data.status` has the status code, for callers that can live without the answer. */
export function statusFailure(url: URL, status: number, sentCredentials: boolean): Failure {
  return new Failure('HTTP_STATUS', `${url.href} answered with status ${status}`, {
    hint: statusHint(status, sentCredentials),
    data: { status },
  });
}

function statusHint(status: number, sentCredentials: boolean): string {
  if (status === 401 || status === 403) {
    return sentCredentials
      ? 'the server refuses the credentials we sent; check that they are current and cover this path'
      : 'the server wants credentials: user info in the URL, HTTP_AUTH=basic:HOST:USER:PASSWORD, or the netrc file';
  }
  if (status === 404 || status === 410) return 'nothing is published there; check the URL, version and architecture';
  if (status === 429) return 'the server limits requests; wait a while, or use a mirror';
  if (status >= 500) return 'the server has trouble; try again later, or use a mirror';
  return 'this status was not expected for a download';
}

export function redirectFailure(url: URL, why: string): Failure {
  return new Failure('NETWORK_UNREACHABLE', `${url.href} redirects ${why}`, {
    hint: 'name the place itself instead of what redirects to it',
  });
}

/** The body ended early and cannot be resumed. `data.cut` tells callers that starting over may help. */
export function cutFailure(url: URL, receivedBytes: number, why: string, cause: unknown): Failure {
  return new Failure(
    'NETWORK_UNREACHABLE',
    `the download of ${url.href} broke off after ${receivedBytes} bytes: ${why}`,
    {
      hint: 'try again; if it happens every time, a proxy or the server cuts long transfers',
      cause,
      data: { cut: true },
    },
  );
}

export function unreachableFailure(url: URL, error: unknown, attempts: number, method = 'GET'): Failure {
  const code = errorCode(error);
  const [sentence, hint] = explain(url, code, attempts);
  const doing = method === 'GET' || method === 'HEAD' ? 'fetch' : 'send to';
  return new Failure('NETWORK_UNREACHABLE', `cannot ${doing} ${url.href}: ${sentence}`, {
    hint,
    cause: error,
    data: { code },
  });
}

function explain(url: URL, code: string, attempts: number): readonly [string, string] {
  if (code === 'ENOTFOUND') {
    return [
      `the host name ${url.hostname} does not resolve`,
      'check its spelling, and whether this machine needs a proxy (HTTPS_PROXY)',
    ];
  }
  if (code === 'EAI_AGAIN') {
    return [
      `no name server answered for ${url.hostname}`,
      'check the network of this machine, or whether it needs a proxy (HTTPS_PROXY)',
    ];
  }
  if (code === 'ECONNREFUSED')
    return [`${url.host} refuses connections`, 'check host and port, and that the server runs'];
  if (/CERT|SIGNATURE|SELF_SIGNED|ALTNAME|^UNABLE_TO_/.test(code)) {
    return [
      `the certificate of ${url.host} is not trusted (${code})`,
      'if it is signed by a CA of your own, name that with --ca-cert (registries), SSL_CERT_FILE or NODE_EXTRA_CA_CERTS',
    ];
  }
  if (/^(EPROTO$|ERR_SSL_)/.test(code)) {
    return [
      `${url.host} does not speak TLS as it should (${code})`,
      `if it is a registry that speaks plain http: --plain-http-host ${url.host}`,
    ];
  }
  if (code === 'UND_ERR_ABORTED' || code === 'UND_ERR_INVALID_ARG') {
    return ['the proxy refuses', 'check HTTP_PROXY and HTTPS_PROXY, and the credentials in them'];
  }
  const tried = attempts === 1 ? '' : ` (tried ${attempts} times)`;
  return [
    `the connection failed${code === '' ? '' : ` with ${code}`}${tried}`,
    'check the network, or try again later',
  ];
}
