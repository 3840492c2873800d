// Content discovery: tags and referrers (distribution spec, "Content Discovery").

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../../../../test/support/faulty-registry.ts';
import {
  descriptor,
  errorCode,
  IMAGE_TYPE,
  INDEX_TYPE,
  pushBlob,
  pushSmallImage,
  putManifest,
  type RawAnswer,
  raw,
  sha256Of,
  sha512Of,
} from '../../../../test/support/raw-registry.ts';

let registry: FaultyRegistry;
const get = (path: string): Promise<RawAnswer> => raw(registry.url, 'GET', path);
const json = async (path: string): Promise<Record<string, never>> => JSON.parse((await get(path)).body.toString());

/** The target of `Link: <...>; rel="next"`. */
const next = ({ headers }: RawAnswer): string | undefined => /^<(.*)>; rel="next"$/.exec(String(headers.link))?.[1];

beforeAll(async () => {
  registry = await openFaultyRegistry();
});
afterAll(() => registry.close());

describe('tags', () => {
  const SORTED = ['0', '10', '2', 'A', 'a', 'B', 'b-1', 'B.1', 'c'];
  beforeAll(async () => {
    for (const tag of [...SORTED].reverse()) await pushSmallImage(registry.url, 'team/tagged', 'same', tag);
  });

  it('come in order, without regard to case', async () => {
    expect(await json('/v2/team/tagged/tags/list')).toEqual({ name: 'team/tagged', tags: SORTED });
  });

  it.each([
    ['n=2', SORTED.slice(0, 2)],
    ['n=2&last=10', SORTED.slice(2, 4)],
    ['last=b-1', SORTED.slice(7)],
    ['last=aa', SORTED.slice(5)],
    ['n=5&last=c', []],
    ['n=100', SORTED],
    ['n=0', []],
  ])('come in part: %s', async (query, tags) => {
    expect(await json(`/v2/team/tagged/tags/list?${query}`)).toMatchObject({ tags });
  });

  it('come in pages that lead to each other', async () => {
    const found: string[] = [];
    let path: string | undefined = '/v2/team/tagged/tags/list?n=4';
    let pages = 0;
    while (path !== undefined) {
      const answer = await get(path);
      found.push(...JSON.parse(answer.body.toString()).tags);
      path = next(answer);
      pages++;
    }
    expect(found).toEqual(SORTED);
    expect(pages).toBe(3);
  });

  it.each(['n=9', 'n=0', 'n=100'])('need no further page after %s', async (query) => {
    expect((await get(`/v2/team/tagged/tags/list?${query}`)).headers.link).toBeUndefined();
  });

  it.each(['n=-1', 'n=x', 'n='])('refuse %s', async (query) => {
    expect((await get(`/v2/team/tagged/tags/list?${query}`)).status).toBe(400);
  });

  it('are an empty list where there is none', async () => {
    await pushBlob(registry.url, 'untagged', 'x');
    expect(await json('/v2/untagged/tags/list')).toEqual({ name: 'untagged', tags: [] });
  });
});

describe('referrers', () => {
  const SUBJECT = sha256Of('the subject');
  const subject = { mediaType: IMAGE_TYPE, digest: SUBJECT, size: 11 };
  const referrers = async (query = '', digest = SUBJECT): Promise<{ digest: string }[]> =>
    (await json(`/v2/app/referrers/${digest}${query}`))['manifests'] as never;

  it('are an empty index where there are none, even of an unknown repository', async () => {
    for (const path of [`/v2/app/referrers/${sha256Of('none')}`, `/v2/nowhere/referrers/${SUBJECT}`]) {
      const answer = await get(path);
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': INDEX_TYPE } });
      expect(JSON.parse(answer.body.toString())).toEqual({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [] });
    }
  });

  it('need a digest', async () => {
    expect(errorCode(await get('/v2/app/referrers/latest'))).toBe('DIGEST_INVALID');
  });

  it('show type, size, artifact type and annotations of what names the subject', async () => {
    const annotations = { b: '2', a: '<1>' };
    const sbom = await pushSmallImage(registry.url, 'app', 'sbom', undefined, {
      subject,
      annotations,
      artifactType: 'text/sbom',
    });
    const image = await pushSmallImage(registry.url, 'app', 'plain', 'plain', { subject });
    const indexBody = JSON.stringify({
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      subject,
      manifests: [descriptor(image.bytes, IMAGE_TYPE)],
    });
    await putManifest(registry.url, 'app', 'index', indexBody, INDEX_TYPE);
    const expected = [
      { ...descriptor(sbom.bytes, IMAGE_TYPE), artifactType: 'text/sbom', annotations },
      { ...descriptor(image.bytes, IMAGE_TYPE), artifactType: 'application/vnd.oci.image.config.v1+json' },
      descriptor(indexBody, INDEX_TYPE),
    ];
    expect(await referrers()).toEqual(
      expected.toSorted((a, b) => (String(a['digest']) < String(b['digest']) ? -1 : 1)),
    );
    // Pushing again makes no second entry.
    await putManifest(registry.url, 'app', 'again', sbom.bytes);
    expect(await referrers()).toHaveLength(3);
  });

  it('can be filtered by artifact type', async () => {
    const answer = await get(`/v2/app/referrers/${SUBJECT}?artifactType=text%2Fsbom`);
    expect(answer.headers['oci-filters-applied']).toBe('artifactType');
    expect(JSON.parse(answer.body.toString()).manifests).toMatchObject([{ artifactType: 'text/sbom' }]);
    expect(await referrers('?artifactType=other')).toEqual([]);
    expect((await get(`/v2/app/referrers/${SUBJECT}`)).headers['oci-filters-applied']).toBeUndefined();
  });

  it('may name their subject by SHA-512', async () => {
    const digest = sha512Of('the subject');
    await pushSmallImage(registry.url, 'app', 'sha512', undefined, { subject: { ...subject, digest } });
    expect(await referrers('', digest)).toHaveLength(1);
  });

  it('go with their manifest, not with their tag', async () => {
    const digest = sha256Of('another subject');
    const image = await pushSmallImage(registry.url, 'app', 'short-lived', 'short', {
      subject: { ...subject, digest },
    });
    await raw(registry.url, 'DELETE', '/v2/app/manifests/short');
    expect(await referrers('', digest)).toMatchObject([{ digest: image.digest }]);
    await raw(registry.url, 'DELETE', `/v2/app/manifests/${image.digest}`);
    expect(await referrers('', digest)).toEqual([]);
  });

  it('stay with their repository', async () => {
    expect(await json(`/v2/other/referrers/${SUBJECT}`)).toMatchObject({ manifests: [] });
  });

  it('come in pages, with the filter in each of them', async () => {
    const digest = sha256Of('a popular subject');
    for (let i = 0; i < 5; i++) {
      const artifactType = i === 2 ? 'text/other' : 'text/wanted';
      await pushSmallImage(registry.url, 'app', `page ${i}`, undefined, {
        subject: { ...subject, digest },
        artifactType,
      });
    }
    const found: string[] = [];
    let path: string | undefined = `/v2/app/referrers/${digest}?artifactType=text/wanted&n=2`;
    let pages = 0;
    while (path !== undefined) {
      const answer = await get(path);
      expect(answer.headers['oci-filters-applied']).toBe('artifactType');
      found.push(...JSON.parse(answer.body.toString()).manifests.map((each: { digest: string }) => each.digest));
      path = next(answer);
      pages++;
    }
    expect(found).toEqual(found.toSorted());
    expect(new Set(found).size).toBe(4);
    expect(pages).toBe(2);
  });

  it('come in pages before an answer gets larger than a manifest may be', async () => {
    const digest = sha256Of('a subject with long stories');
    for (let i = 0; i < 3; i++) {
      const annotations = { story: 'x'.repeat(1_500_000) };
      await pushSmallImage(registry.url, 'app', `story ${i}`, undefined, {
        subject: { ...subject, digest },
        annotations,
      });
    }
    const answer = await get(`/v2/app/referrers/${digest}`);
    expect(JSON.parse(answer.body.toString()).manifests).toHaveLength(1);
    expect(next(answer)).toBeDefined();
  });

  it('are not there when the registry is told so, but are recorded', async () => {
    const { directory } = registry;
    const older = await openFaultyRegistry({ directory, referrersApi: false });
    const digest = sha256Of('a subject of old');
    const answer = await raw(older.url, 'GET', `/v2/app/referrers/${digest}`);
    expect(answer.status).toBe(404);
    const image = await pushSmallImage(older.url, 'app', 'of old', undefined, { subject: { ...subject, digest } });
    const again = await putManifest(older.url, 'app', image.digest, image.bytes);
    expect(again.headers['oci-subject']).toBeUndefined();
    await older.close();
    expect(await referrers('', digest)).toMatchObject([{ digest: image.digest }]);
  });
});
