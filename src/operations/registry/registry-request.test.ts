import { describe, expect, it } from 'vitest';
import { type RegistryAccess, registryOptions } from './registry-request.ts';

const HOST = { cwd: '/', env: {}, hostArch: 'amd64', homeDir: '/nonexistent', events: () => {} };

describe('registryOptions', () => {
  it.each<[string, RegistryAccess, string, boolean | undefined, boolean | undefined]>([
    ['nothing said', {}, 'r.example', undefined, undefined],
    ['plain http for all', { plainHttp: true }, 'r.example', true, undefined],
    ['plain http for this one', { plainHttpHosts: ['r.example:5000'] }, 'r.example:5000', true, undefined],
    ['plain http for another port', { plainHttpHosts: ['r.example'] }, 'r.example:5000', undefined, undefined],
    [
      'plain http for this one alone',
      { plainHttp: false, plainHttpHosts: ['r.example'] },
      'r.example',
      true,
      undefined,
    ],
    ['and not for others', { plainHttp: false, plainHttpHosts: ['r.example'] }, 'ghcr.io', false, undefined],
    ['no check for this one', { skipVerifyHosts: ['a.example', 'r.example'] }, 'r.example', undefined, true],
    ['but for others', { skipVerifyHosts: ['r.example'] }, 'ghcr.io', undefined, undefined],
    ['no check for all', { insecureSkipVerify: true, skipVerifyHosts: ['r.example'] }, 'ghcr.io', undefined, true],
    ['other names of Docker Hub', { skipVerifyHosts: ['https://docker.io/'] }, 'index.docker.io', undefined, true],
  ])('%s', (_name, access, registry, plainHttp, insecureSkipVerify) => {
    expect(registryOptions(access, HOST)(registry)).toMatchObject({ plainHttp, insecureSkipVerify });
  });

  it.each(['registry', 'r.example/app', 'r.example:port', ''])('refuses the host %j', (host) => {
    expect(() => registryOptions({ plainHttpHosts: [host] }, HOST)).toThrow(
      expect.objectContaining({ code: 'USAGE_ARGUMENTS' }),
    );
  });
});
