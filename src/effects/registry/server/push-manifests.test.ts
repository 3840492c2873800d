// Pushing manifests: what is taken, what is refused, and that a tag moves last (distribution spec, "Pushing Manifests").

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../../../../test/support/faulty-registry.ts';
import {
  descriptor,
  errorCode,
  IMAGE_TYPE,
  INDEX_TYPE,
  pushSmallImage,
  putManifest,
  type RawAnswer,
  raw,
  sha256Of,
  sha512Of,
  smallImage,
} from '../../../../test/support/raw-registry.ts';
import { LIMITS } from '../../../base/limits.ts';

let registry: FaultyRegistry;
const put = (reference: string, body: Uint8Array | string, type?: string): Promise<RawAnswer> =>
  putManifest(registry.url, 'app', reference, body, type);
const get = (reference: string): Promise<RawAnswer> => raw(registry.url, 'GET', `/v2/app/manifests/${reference}`);

beforeAll(async () => {
  registry = await openFaultyRegistry();
});
afterAll(() => registry.close());

describe('is taken', () => {
  it('under a tag and its digest, byte for byte', async () => {
    const image = await pushSmallImage(registry.url, 'app', 'pretty');
    const pretty = Buffer.from(`${JSON.stringify(JSON.parse(image.bytes.toString()), null, 3)}\n`);
    const answer = await put('pretty', pretty);
    const digest = sha256Of(pretty);
    expect(answer).toMatchObject({
      status: 201,
      headers: { location: `/v2/app/manifests/${digest}`, 'docker-content-digest': digest },
    });
    expect(answer.headers['oci-subject']).toBeUndefined();
    expect((await get('pretty')).body).toEqual(pretty);
    expect((await get(digest)).body).toEqual(pretty);
  });

  it('by a SHA-512 digest', async () => {
    const image = await pushSmallImage(registry.url, 'app', 'sha512');
    const digest = sha512Of(image.bytes);
    expect((await put(digest, image.bytes)).headers['docker-content-digest']).toBe(digest);
    expect((await get(digest)).body).toEqual(image.bytes);
  });

  it('under several tags at once', async () => {
    const image = await pushSmallImage(registry.url, 'app', 'many tags');
    const answer = await put(`${image.digest}?tag=many-1&tag=many-2`, image.bytes);
    expect(answer.headers['oci-tag']).toBe('many-1, many-2');
    for (const tag of ['many-1', 'many-2']) expect((await get(tag)).headers.etag).toBe(`"${image.digest}"`);
    expect((await put(`${image.digest}?tag=.wrong`, image.bytes)).status).toBe(400);
  });

  it('as an index, of Docker too', async () => {
    const image = await pushSmallImage(registry.url, 'app', 'child');
    for (const mediaType of [INDEX_TYPE, 'application/vnd.docker.distribution.manifest.list.v2+json']) {
      const body = JSON.stringify({ schemaVersion: 2, mediaType, manifests: [descriptor(image.bytes, IMAGE_TYPE)] });
      expect((await put('index', body, mediaType)).status).toBe(201);
      expect((await get('index')).headers['content-type']).toBe(mediaType);
    }
  });

  it('with a subject that is not there, which is acknowledged', async () => {
    const subject = { mediaType: IMAGE_TYPE, digest: sha256Of('nobody'), size: 6 };
    await pushSmallImage(registry.url, 'app', 'attached', 'attached', { subject });
    const { bytes } = smallImage('attached', { subject });
    expect((await put('attached', bytes)).headers['oci-subject']).toBe(subject.digest);
  });

  it('with a layer that may lie elsewhere', async () => {
    const layer = descriptor('not pushed', 'application/vnd.oci.image.layer.nondistributable.v1.tar');
    await pushSmallImage(registry.url, 'app', 'foreign', 'foreign', { layers: [layer] });
  });
});

describe('is refused', () => {
  const image = smallImage('refused');
  const rows: [what: string, reference: string, body: Uint8Array | string, status: number, code: string][] = [
    ['without its blobs', 'x', image.bytes, 400, 'MANIFEST_BLOB_UNKNOWN'],
    ['with another digest', sha256Of('other'), image.bytes, 400, 'DIGEST_INVALID'],
    ['with another SHA-512 digest', sha512Of('other'), image.bytes, 400, 'DIGEST_INVALID'],
    ['with a digest that is none', 'sha256:x', image.bytes, 400, 'DIGEST_INVALID'],
    ['under a tag that is none', '-x', image.bytes, 400, 'MANIFEST_INVALID'],
    ['as no JSON', 'x', 'manifest', 400, 'MANIFEST_INVALID'],
    ['without content', 'x', '', 400, 'MANIFEST_INVALID'],
    ['with too many bytes', 'x', ' '.repeat(LIMITS.imageManifestBytes + 1), 413, 'SIZE_INVALID'],
  ];
  it.each(rows)('%s', async (_what, reference, body, status, code) => {
    const answer = await put(reference, body);
    expect(answer.status).toBe(status);
    expect(errorCode(answer)).toBe(code);
    expect((await get('x')).status).toBe(404);
  });

  it('with a blob of another size than it says', async () => {
    const good = await pushSmallImage(registry.url, 'app', 'sized');
    const body = good.bytes.toString().replace(/"size":\d+/, '"size":1');
    expect(errorCode(await put('sized', body))).toBe('SIZE_INVALID');
  });

  it('as an index of what another repository has', async () => {
    const child = await pushSmallImage(registry.url, 'other', 'their child');
    const body = JSON.stringify({ schemaVersion: 2, manifests: [descriptor(child.bytes, IMAGE_TYPE)] });
    const answer = await put('x', body, INDEX_TYPE);
    expect(errorCode(answer)).toBe('MANIFEST_BLOB_UNKNOWN');
    expect(JSON.parse(answer.body.toString()).errors[0].detail).toEqual({ digest: child.digest });
  });

  it('and the tag stays where it was', async () => {
    const before = await pushSmallImage(registry.url, 'app', 'before', 'moving');
    expect((await put('moving', smallImage('never pushed').bytes)).status).toBe(400);
    expect((await get('moving')).headers['docker-content-digest']).toBe(before.digest);
  });
});

describe('conditions', () => {
  const putIf = (tag: string, body: Uint8Array, headers: Record<string, string>): Promise<RawAnswer> =>
    raw(registry.url, 'PUT', `/v2/app/manifests/${tag}`, { body, headers: { 'content-type': IMAGE_TYPE, ...headers } });

  it('keep one writer from undoing the work of another', async () => {
    const [one, two] = [
      await pushSmallImage(registry.url, 'app', 'cond one', 'cond'),
      await pushSmallImage(registry.url, 'app', 'cond two'),
    ];
    expect((await putIf('cond', two.bytes, { 'if-match': `"${two.digest}"` })).status).toBe(412);
    expect((await get('cond')).headers.etag).toBe(`"${one.digest}"`);
    expect((await putIf('cond', two.bytes, { 'if-match': `"x", "${one.digest}"` })).status).toBe(201);
    expect((await get('cond')).headers.etag).toBe(`"${two.digest}"`);
  });

  it('make a tag only where there is none', async () => {
    const image = await pushSmallImage(registry.url, 'app', 'cond none');
    expect((await putIf('cond-new', image.bytes, { 'if-match': '*' })).status).toBe(412);
    expect((await putIf('cond-new', image.bytes, { 'if-none-match': '*' })).status).toBe(201);
    expect((await putIf('cond-new', image.bytes, { 'if-none-match': '*' })).status).toBe(412);
    expect((await putIf('cond-new', image.bytes, { 'if-match': '*' })).status).toBe(201);
  });

  it('let exactly one of many writers through', async () => {
    const start = await pushSmallImage(registry.url, 'app', 'race start', 'race');
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const images = await Promise.all(names.map((name) => pushSmallImage(registry.url, 'app', `race ${name}`)));
    const headers = { 'if-match': `"${start.digest}"` };
    const answers = await Promise.all(images.map(({ bytes }) => putIf('race', bytes, headers)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 412, 412, 412, 412, 412]);
    const winner = images[answers.findIndex(({ status }) => status === 201)];
    expect((await get('race')).headers.etag).toBe(`"${winner?.digest}"`);
  });
});
