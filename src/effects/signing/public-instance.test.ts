import { expect, it } from 'vitest';
import { publicTrustedRoot } from './public-instance.ts';

it('has the authorities of the public instance, without any request', async () => {
  const { material, name } = await publicTrustedRoot();
  expect(name).toBe('the built-in trusted root');
  expect(material.tlogs.map(({ baseURL }) => baseURL)).toContain('https://rekor.sigstore.dev');
  expect(material.certificateAuthorities.length).toBeGreaterThan(0);
  expect(material.ctlogs.length).toBeGreaterThan(0);
});
