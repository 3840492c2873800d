// A private Sigstore on 127.0.0.1: certificate authority, logs of both versions and timestamp authority of @sigstore/mock
// behind a plain HTTP server, with the trusted root and signing configuration that belong to them.

import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  fulcioHandler,
  initializeCA,
  initializeCTLog,
  initializeTLog,
  initializeTSA,
  rekorHandler,
  tsaHandler,
} from '@sigstore/mock';
import { openLoopbackServer } from './loopback-server.ts';
import { SECRET_CANARY } from './signing-keys.ts';

export interface LoopbackSigstore {
  readonly url: string;
  readonly trustedRoot: string;
  /** A signing configuration with these services. */
  config(services: {
    readonly rekor?: 1 | 2;
    readonly tsa?: boolean;
    readonly fulcio?: boolean;
    readonly oidc?: string;
  }): string;
  /** A token for that identity, with a canary in its signature. */
  token(claims?: Readonly<Record<string, unknown>>): string;
  /** `METHOD path` of the requests so far. */
  readonly asked: readonly string[];
  /** What a path answers instead of its handler. */
  readonly broken: Map<string, number>;
  close(): Promise<void>;
}

export const TEST_IDENTITY = 'https://github.com/org/app/.github/workflows/release.yml@refs/tags/v1';
export const TEST_ISSUER = 'https://issuer.example.test';

export async function openLoopbackSigstore(): Promise<LoopbackSigstore> {
  const keys = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const [caKeys, ctKeys, logKeys, tsaKeys] = [keys(), keys(), keys(), keys()];
  const ctLog = await initializeCTLog(ctKeys);
  const ca = await initializeCA(caKeys, ctLog);
  // Whole seconds, as real authorities give them: the library reads no fractions of one or two digits.
  const tsaClock = new Date();
  const tsa = await initializeTSA(tsaKeys, tsaClock);
  const asked: string[] = [];
  const broken = new Map<string, number>();
  const handlers = new Map<string, (body: string) => Promise<{ statusCode: number; response: unknown }>>();
  const server = await openLoopbackServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const path = request.url ?? '';
      asked.push(`${request.method} ${path}`);
      const status = broken.get(path);
      const handler = handlers.get(path);
      if (status !== undefined || handler === undefined) {
        // A hostile service may say the token back.
        response.writeHead(status ?? 404, { 'content-type': 'application/json' });
        return void response.end(JSON.stringify({ message: Buffer.concat(chunks).toString() }));
      }
      tsaClock.setTime(Math.floor(Date.now() / 1000) * 1000);
      const answer = await handler(Buffer.concat(chunks).toString());
      response.writeHead(answer.statusCode, { 'content-type': 'application/json' });
      response.end(answer.response);
    });
  });
  const tlog = await initializeTLog(server.url, logKeys);
  for (const { path, fn } of [fulcioHandler(ca), rekorHandler(tlog), tsaHandler(tsa)]) handlers.set(path, fn);
  handlers.set('/api/v2/log/entries', (body) => logOfVersion2(tlog, body));

  const start = new Date(Date.now() - 3_600_000).toISOString();
  const spki = (pair: ReturnType<typeof keys>) => pair.publicKey.export({ type: 'spki', format: 'der' });
  const log = (der: Buffer) => ({
    baseUrl: server.url,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: der.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: { start } },
    logId: { keyId: createHash('sha256').update(der).digest('base64') },
  });
  const authority = (...certificates: readonly ArrayBufferView[]) => ({
    subject: { organization: 'test', commonName: 'test' },
    uri: server.url,
    certChain: {
      certificates: certificates.map(({ buffer, byteOffset, byteLength }) => ({
        rawBytes: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString('base64'),
      })),
    },
    validFor: { start },
  });
  return {
    url: server.url,
    asked,
    broken,
    trustedRoot: JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [log(spki(logKeys))],
      ctlogs: [log(spki(ctKeys))],
      certificateAuthorities: [authority(ca.rootCertificate)],
      timestampAuthorities: [authority(tsa.intCertificate, tsa.rootCertificate)],
    }),
    config: ({ rekor, tsa: timed = false, fulcio = true, oidc }) => {
      const service = (majorApiVersion: number) => [
        { url: server.url, majorApiVersion, validFor: { start }, operator: 'test' },
      ];
      return JSON.stringify({
        mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
        caUrls: fulcio ? service(1) : [],
        oidcUrls: oidc === undefined ? [] : [{ ...service(1)[0], url: oidc }],
        rekorTlogUrls: rekor === undefined ? [] : service(rekor),
        tsaUrls: timed ? service(1) : [],
        rekorTlogConfig: { selector: 'ANY' },
        tsaConfig: { selector: 'ANY' },
      });
    },
    token: (claims = { sub: TEST_IDENTITY, iss: TEST_ISSUER }) => {
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      return `${part({ alg: 'none' })}.${part(claims)}.${SECRET_CANARY}`;
    },
    close: () => server.close(),
  };
}

/** The mock keeps the request as the entry; real logs make an entry of their own form, without time or promise. */
async function logOfVersion2(tlog: Awaited<ReturnType<typeof initializeTLog>>, request: string) {
  const { dsseRequestV002: dsse, hashedRekordRequestV002: hashed } = JSON.parse(request);
  const { payload, signatures } = dsse?.envelope ?? {};
  const payloadHash = {
    algorithm: 'SHA2_256',
    digest: createHash('sha256')
      .update(Buffer.from(payload ?? '', 'base64'))
      .digest('base64'),
  };
  const body = dsse
    ? {
        apiVersion: '0.0.2',
        kind: 'dsse',
        spec: { dsseV002: { payloadHash, signatures: [{ content: signatures[0].sig, verifier: dsse.verifiers[0] }] } },
      }
    : {
        apiVersion: '0.0.2',
        kind: 'hashedrekord',
        spec: {
          hashedRekordV002: { data: { algorithm: 'SHA2_256', digest: hashed.digest }, signature: hashed.signature },
        },
      };
  const [entry] = Object.values(await tlog.log(body)) as never[] as {
    body: string;
    logIndex: number;
    logID: string;
    verification: { inclusionProof: { checkpoint: string; rootHash: string; treeSize: number; logIndex: number } };
  }[];
  const { checkpoint, rootHash, treeSize, logIndex } = entry!.verification.inclusionProof;
  return {
    statusCode: 201,
    response: JSON.stringify({
      logIndex: String(entry!.logIndex),
      logId: { keyId: Buffer.from(entry!.logID, 'hex').toString('base64') },
      kindVersion: { kind: body.kind, version: body.apiVersion },
      integratedTime: '0',
      inclusionProof: {
        logIndex: String(logIndex),
        rootHash: Buffer.from(rootHash, 'hex').toString('base64'),
        treeSize: String(treeSize),
        hashes: [],
        checkpoint: { envelope: checkpoint },
      },
      canonicalizedBody: entry!.body,
    }),
  };
}
