// Registries with users: Basic and the Bearer token flow, as clients meet them.

import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type FaultyRegistry, openFaultyRegistry } from '../../../../test/support/faulty-registry.ts';
import { errorCode, type RawAnswer, raw, sha256Of } from '../../../../test/support/raw-registry.ts';
import type { RegistryAuth } from './authorization.ts';

const USERS = { alice: 'opensesame', bob: 'with:colon' };
let registry: FaultyRegistry;
afterEach(() => registry.close());

const open = async (auth: Omit<RegistryAuth, 'users'>): Promise<void> => {
  registry = await openFaultyRegistry({ auth: { users: USERS, ...auth } });
};
const send = (method: string, path: string, authorization?: string): Promise<RawAnswer> =>
  raw(registry.url, method, path, { headers: { ...(authorization !== undefined && { authorization }) } });
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
const token = async (query: string, authorization?: string): Promise<string> =>
  JSON.parse((await send('GET', `/token?service=stave-registry&${query}`, authorization)).body.toString()).token;

describe('Basic', () => {
  it.each([
    [undefined, 401],
    [basic('alice:opensesame'), 200],
    [basic('bob:with:colon'), 200],
    ['basic YWxpY2U6b3BlbnNlc2FtZQ==', 200],
    [basic('alice:wrong'), 401],
    [basic('alice:'), 401],
    [basic('nobody:opensesame'), 401],
    [basic('toString:'), 401],
    [basic('alice'), 401],
    ['Basic', 401],
    ['Bearer x', 401],
  ])('%s', async (authorization, status) => {
    await open({ scheme: 'basic' });
    for (const path of ['/v2/', '/v2/app/tags/list']) {
      const answer = await send('GET', path, authorization);
      expect(answer.status).toBe(path === '/v2/' ? status : status === 200 ? 404 : 401);
      if (status === 200) continue;
      expect(answer.headers['www-authenticate']).toBe('Basic realm="stave-registry"');
      expect(errorCode(answer)).toBe('UNAUTHORIZED');
    }
  });

  it('lets everybody pull where that is allowed, but not push', async () => {
    await open({ scheme: 'basic', anonymousPull: true });
    expect((await send('GET', '/v2/app/tags/list')).status).toBe(404);
    expect((await send('POST', '/v2/app/blobs/uploads/')).status).toBe(401);
    expect((await send('DELETE', `/v2/app/blobs/${sha256Of('x')}`)).status).toBe(401);
    expect((await send('POST', '/v2/app/blobs/uploads/', basic('alice:opensesame'))).status).toBe(202);
  });
});

describe('Bearer', () => {
  it.each([
    ['GET', '/v2/', ''],
    ['GET', '/v2/team/app/tags/list', ',scope="repository:team/app:pull"'],
    ['HEAD', '/v2/team/app/manifests/1', ',scope="repository:team/app:pull"'],
    ['POST', '/v2/team/app/blobs/uploads/', ',scope="repository:team/app:pull,push"'],
    ['PUT', '/v2/team/app/manifests/1', ',scope="repository:team/app:pull,push"'],
    ['DELETE', '/v2/team/app/manifests/1', ',scope="repository:team/app:delete"'],
  ])('challenges %s %s', async (method, path, scope) => {
    await open({ scheme: 'bearer' });
    const answer = await send(method, path);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe(
      `Bearer realm="${registry.url}/token",service="stave-registry"${scope}`,
    );
  });

  it('gives tokens for what a user asks for, and no more', async () => {
    await open({ scheme: 'bearer' });
    const pull = await token('scope=repository:app:pull', basic('alice:opensesame'));
    expect((await send('GET', '/v2/app/tags/list', `Bearer ${pull}`)).status).toBe(404);
    const denied = await send('POST', '/v2/app/blobs/uploads/', `Bearer ${pull}`);
    expect(denied.status).toBe(401);
    expect(denied.headers['www-authenticate']).toContain('error="invalid_token"');
    expect((await send('GET', '/v2/other/tags/list', `Bearer ${pull}`)).status).toBe(401);
  });

  it('understands several scopes, in one parameter or several', async () => {
    await open({ scheme: 'bearer' });
    for (const scopes of [
      'a:pull,push&scope=repository:b:pull',
      'a:pull,push repository:b:pull',
      'a:*&scope=repository:b:*',
    ]) {
      const both = await token(`scope=repository:${encodeURI(scopes)}`, basic('alice:opensesame'));
      expect((await send('POST', '/v2/a/blobs/uploads/', `Bearer ${both}`)).status).toBe(202);
      expect((await send('GET', '/v2/b/tags/list', `Bearer ${both}`)).status).toBe(404);
    }
  });

  it('mounts only from what the token allows to read', async () => {
    await open({ scheme: 'bearer' });
    const all = await token('scope=repository:from:pull,push', basic('alice:opensesame'));
    const digest = sha256Of('mounted');
    const pushed = await raw(registry.url, 'POST', `/v2/from/blobs/uploads/?digest=${digest}`, {
      body: 'mounted',
      headers: { authorization: `Bearer ${all}` },
    });
    expect(pushed.status).toBe(201);
    const mount = `/v2/to/blobs/uploads/?mount=${digest}`;
    const blind = await token('scope=repository:to:pull,push', basic('alice:opensesame'));
    expect((await send('POST', `${mount}&from=from`, `Bearer ${blind}`)).status).toBe(202);
    expect((await send('POST', mount, `Bearer ${blind}`)).status).toBe(202);
    const seeing = await token('scope=repository:to:pull,push&scope=repository:from:pull', basic('alice:opensesame'));
    expect((await send('POST', `${mount}&from=from`, `Bearer ${seeing}`)).status).toBe(201);
  });

  it('gives everybody tokens for pulling where that is allowed', async () => {
    await open({ scheme: 'bearer', anonymousPull: true });
    expect((await send('GET', '/v2/app/tags/list')).status).toBe(401);
    const anybody = await token('scope=repository:app:pull,push');
    expect((await send('GET', '/v2/app/tags/list', `Bearer ${anybody}`)).status).toBe(404);
    expect((await send('POST', '/v2/app/blobs/uploads/', `Bearer ${anybody}`)).status).toBe(401);
  });

  it('gives nobody in particular a token that allows nothing', async () => {
    await open({ scheme: 'bearer' });
    const useless = await token('scope=repository:app:pull');
    expect((await send('GET', '/v2/', `Bearer ${useless}`)).status).toBe(200);
    expect((await send('GET', '/v2/app/tags/list', `Bearer ${useless}`)).status).toBe(401);
  });

  it('refuses wrong credentials at the token endpoint', async () => {
    await open({ scheme: 'bearer', anonymousPull: true });
    expect((await send('GET', '/token?scope=repository:app:pull', basic('alice:wrong'))).status).toBe(401);
  });

  it('takes a refresh token by POST', async () => {
    await open({ scheme: 'bearer' });
    const post = (refresh: string): Promise<RawAnswer> =>
      raw(registry.url, 'POST', '/token', {
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          service: 'stave-registry',
          client_id: 'test',
          scope: 'repository:app:pull',
          refresh_token: refresh,
        }).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
    const answer = await post('opensesame');
    const { access_token: bearer } = JSON.parse(answer.body.toString());
    expect((await send('GET', '/v2/app/tags/list', `Bearer ${bearer}`)).status).toBe(404);
    expect((await post('guess')).status).toBe(401);
  });

  it('forgets tokens in time', async () => {
    await open({ scheme: 'bearer', tokenSeconds: 0.2 });
    const short = await token('scope=repository:app:pull', basic('alice:opensesame'));
    expect((await send('GET', '/v2/app/tags/list', `Bearer ${short}`)).status).toBe(404);
    await pause(250);
    expect((await send('GET', '/v2/app/tags/list', `Bearer ${short}`)).status).toBe(401);
  });

  it('believes no token that it did not make', async () => {
    await open({ scheme: 'bearer' });
    const good = await token('scope=repository:app:pull', basic('alice:opensesame'));
    const [payload = '', seal = ''] = good.split('.');
    const forged = Buffer.from(payload, 'base64url').toString().replace('app', 'all');
    for (const wrong of ['', '.', 'x.y', payload, `${Buffer.from(forged).toString('base64url')}.${seal}`]) {
      expect((await send('GET', '/v2/all/tags/list', `Bearer ${wrong}`)).status).toBe(401);
    }
  });
});
