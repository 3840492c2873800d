import { describe, expect, it } from 'vitest';
import { type Environment, proxyFor } from './proxy.ts';

const P = 'http://proxy.example:3128';

describe('proxyFor', () => {
  it.each<[string, string, Environment, string | undefined]>([
    ['none set', 'http://h/', {}, undefined],
    ['http', 'http://h/', { HTTP_PROXY: P }, P],
    ['lower case', 'http://h/', { http_proxy: P }, P],
    ['upper case wins', 'http://h/', { HTTP_PROXY: P, http_proxy: 'http://other' }, P],
    ['empty is unset', 'http://h/', { HTTP_PROXY: '', http_proxy: P }, P],
    ['https', 'https://h/', { HTTPS_PROXY: P }, P],
    ['https does not use HTTP_PROXY', 'https://h/', { HTTP_PROXY: P }, undefined],
    ['without scheme', 'http://h/', { HTTP_PROXY: 'proxy.example:3128' }, P],
    ['localhost goes direct', 'http://localhost:8080/', { HTTP_PROXY: P }, undefined],
    ['127/8 goes direct', 'http://127.1.2.3/', { HTTP_PROXY: P }, undefined],
    ['::1 goes direct', 'http://[::1]:80/', { HTTP_PROXY: P }, undefined],
    ['a name that begins like loopback', 'http://127.example.org/', { HTTP_PROXY: P }, P],
  ])('%s', (_name, url, environment, expected) => {
    expect(proxyFor(new URL(url), environment)).toBe(expected);
  });

  it.each<[string, string, string, boolean]>([
    ['*', 'http://any/', '*', true],
    ['same name', 'http://h.example/', 'h.example', true],
    ['other case', 'http://H.example/', 'h.EXAMPLE', true],
    ['subdomain', 'http://a.h.example/', 'h.example', true],
    ['not a mere suffix', 'http://ah.example/', 'h.example', false],
    ['.suffix: subdomains', 'http://a.h.example/', '.h.example', true],
    ['.suffix: not the name itself', 'http://h.example/', '.h.example', false],
    ['*.suffix', 'http://a.h.example/', '*.h.example', true],
    ['list with spaces', 'http://c/', 'a, b  c', true],
    ['port that fits', 'http://h:8080/', 'h:8080', true],
    ['port that does not', 'http://h:8081/', 'h:8080', false],
    ['default port', 'http://h/', 'h:80', true],
    ['address', 'http://10.1.2.3/', '10.1.2.3', true],
    ['block', 'http://10.1.2.3/', '10.0.0.0/8', true],
    ['other block', 'http://11.1.2.3/', '10.0.0.0/8', false],
    ['v6 block', 'http://[fd00::5]/', 'fd00::/8', true],
    ['v6 address', 'http://[fd00::5]/', '[fd00::5]', true],
    ['block without bits', 'http://10.1.2.3/', '10.0.0.0/', false],
    ['block with too many bits', 'http://10.1.2.3/', '10.0.0.0/99', false],
    ['block for a name', 'http://ten/', '10.0.0.0/8', false],
    ['empty', 'http://h/', ' , ', false],
  ])('NO_PROXY: %s', (_name, url, noProxy, direct) => {
    expect(proxyFor(new URL(url), { HTTP_PROXY: P, NO_PROXY: noProxy })).toBe(direct ? undefined : P);
    expect(proxyFor(new URL(url), { HTTP_PROXY: P, no_proxy: noProxy })).toBe(direct ? undefined : P);
  });
});
