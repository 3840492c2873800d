import { describe, expect, it } from 'vitest';
import { Failure } from '../../../base/failure.ts';
import { parseChallenges } from './challenge.ts';
import { tokenServer } from './token.ts';

const realmFor = (registry: string, realm: string) => {
  const [challenge] = parseChallenges(`Bearer realm="${realm}",service="s"`);
  if (challenge === undefined) throw new Error('no challenge');
  return tokenServer(challenge, new URL(registry));
};

describe('tokenServer', () => {
  it.each([
    ['https://r.example/', 'https://auth.other.example/token?x=y'],
    ['https://r.example/', 'https://r.example:8443/token'],
    ['http://localhost:5000/', 'http://localhost:5001/token'],
    ['http://127.0.0.1:5000/', 'http://[::1]:5001/token'],
    ['https://127.0.0.1:5000/', 'http://127.0.0.1:5001/token'],
    ['http://registry.lan/', 'http://registry.lan/token'],
    ['https://10.0.0.1/', 'https://10.0.0.2/token'],
    ['https://r.example/', 'https://u:p@auth.example/token'],
  ])('%s may name %s', (registry, realm) => {
    expect(realmFor(registry, realm)).toEqual({ realm: new URL(realm.replace('u:p@', '')), service: 's' });
  });

  it.each([
    ['https://r.example/', 'http://auth.example/token', /does not speak https/],
    ['https://r.example/', 'http://r.example/token', /does not speak https/],
    ['http://registry.lan/', 'http://auth.lan/token', /does not speak https/],
    ['https://r.example/', 'https://127.0.0.1/token', /address of this machine/],
    ['https://r.example/', 'https://localhost/token', /address of this machine/],
    ['https://r.example/', 'https://10.1.2.3/token', /address of this machine/],
    ['https://r.example/', 'https://172.20.0.1/token', /address of this machine/],
    ['https://r.example/', 'https://192.168.1.1/token', /address of this machine/],
    ['https://r.example/', 'https://169.254.169.254/token', /address of this machine/],
    ['https://r.example/', 'https://2852039166/token', /address of this machine/],
    ['https://r.example/', 'https://[fd00:ec2::254]/token', /address of this machine/],
    ['https://r.example/', 'https://[::ffff:127.0.0.1]/token', /address of this machine/],
    ['https://r.example/', '/token', /no token server that is a URL/],
  ])('%s may not name %s', (registry, realm, message) => {
    try {
      realmFor(registry, realm);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(Failure);
      expect(error).toMatchObject({ code: 'REGISTRY_PROTOCOL', message: expect.stringMatching(message) });
    }
  });
});
