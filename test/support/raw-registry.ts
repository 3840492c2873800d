// Plain requests to a registry, as tests of servers need them: nothing is retried, followed or normalized.

import { createHash } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface RawOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** One request. `target` is what stands in the request line: a path with query, sent as it is; or a Location header. */
export function raw(url: string, method: string, target: string, options: RawOptions = {}): Promise<RawAnswer> {
  const { host, hostname, port } = new URL(url);
  const path = target.startsWith('http://') ? target.slice(`http://${host}`.length) : target;
  const body = options.body === undefined ? undefined : Buffer.from(options.body);
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': body.length };
    const request = httpRequest({ hostname, port, method, path, headers: { ...length, ...options.headers } });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    request.end(body);
  });
}

/** The code of the first error in an error document. */
export function errorCode({ body }: RawAnswer): string | undefined {
  return (JSON.parse(body.toString()) as { errors: { code: string }[] }).errors[0]?.code;
}

export function sha256Of(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function sha512Of(bytes: Uint8Array | string): string {
  return `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
}

/** Pushes a blob in one request and answers with its digest. */
export async function pushBlob(url: string, name: string, bytes: Uint8Array | string): Promise<string> {
  const digest = sha256Of(bytes);
  const answer = await raw(url, 'POST', `/v2/${name}/blobs/uploads/?digest=${digest}`, { body: bytes });
  if (answer.status !== 201) throw new Error(`pushing a blob was answered ${answer.status}: ${answer.body}`);
  return digest;
}

export interface SmallImage {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly mediaType: string;
}

export const IMAGE_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

/** A manifest over a config and a layer made of `text`, with further fields. It is not pushed. */
export function smallImage(text: string, more: Readonly<Record<string, unknown>> = {}): SmallImage {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', text }));
  const layer = Buffer.from(`layer ${text}`);
  const manifest = {
    schemaVersion: 2,
    mediaType: IMAGE_TYPE,
    config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
    layers: [descriptor(layer, 'application/vnd.oci.image.layer.v1.tar')],
    ...more,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return { bytes, digest: sha256Of(bytes), mediaType: manifest.mediaType };
}

/** Pushes the blobs of `smallImage(text, more)` and then its manifest, by digest or under a tag. */
export async function pushSmallImage(
  url: string,
  name: string,
  text: string,
  tag?: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<SmallImage> {
  const image = smallImage(text, more);
  await pushBlob(url, name, JSON.stringify({ architecture: 'amd64', os: 'linux', text }));
  await pushBlob(url, name, `layer ${text}`);
  const answer = await putManifest(url, name, tag ?? image.digest, image.bytes, image.mediaType);
  if (answer.status !== 201) throw new Error(`pushing a manifest was answered ${answer.status}: ${answer.body}`);
  return image;
}

export function putManifest(
  url: string,
  name: string,
  reference: string,
  body: Uint8Array | string,
  mediaType = IMAGE_TYPE,
): Promise<RawAnswer> {
  return raw(url, 'PUT', `/v2/${name}/manifests/${reference}`, { body, headers: { 'content-type': mediaType } });
}

export function descriptor(bytes: Uint8Array | string, mediaType: string): Readonly<Record<string, unknown>> {
  return { mediaType, size: Buffer.byteLength(bytes), digest: sha256Of(bytes) };
}
