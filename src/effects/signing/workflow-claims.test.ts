import { generateKeyPairSync } from 'node:crypto';
import { initializeCA } from '@sigstore/mock';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleFromJSON, toSignedEntity } from './verifying-library.ts';
import { claimsText, foreignClaim, type WorkflowClaims } from './workflow-claims.ts';

const pair = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
let ca: Awaited<ReturnType<typeof initializeCA>>;
beforeAll(async () => {
  ca = await initializeCA(pair());
});

/** A certificate with these extensions, by the last number: below 7 bare texts, else DER. */
async function certificateWith(extensions: Readonly<Record<number, string>>) {
  const der = await ca.issueCertificate({
    publicKey: pair().publicKey.export({ type: 'spki', format: 'der' }),
    subjectAltName: 'https://example.test/workflow',
    extensions: Object.entries(extensions).map(([number, value]) => ({
      oid: `1.3.6.1.4.1.57264.1.${number}`,
      value,
      legacy: Number(number) < 7,
    })),
  });
  const bundle = bundleFromJSON({
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      certificate: { rawBytes: Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64') },
      tlogEntries: [],
    },
    messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest: 'AAAA' }, signature: 'AAAA' },
  });
  const { key } = toSignedEntity(bundle, Buffer.alloc(0));
  if (key.$case !== 'certificate') throw new Error('the bundle has a certificate');
  return key.certificate;
}

describe('foreignClaim', () => {
  const all = { trigger: 'push', sha: 'c0ffee', name: 'Release', repository: 'org/app', ref: 'refs/tags/v1' };
  const older = { 2: 'push', 3: 'c0ffee', 4: 'Release', 5: 'org/app', 6: 'refs/tags/v1' };
  const newer = { 20: 'push', 13: 'c0ffee', 12: 'https://github.com/org/app', 14: 'refs/tags/v1' };
  const { name: _, ...allButName } = all;
  const rows: [string, Record<number, string>, WorkflowClaims, RegExp | undefined][] = [
    ['nothing is wanted', {}, {}, undefined],
    ['the older extensions', older, all, undefined],
    ['the newer ones', newer, allButName, undefined],
    ['both', { ...older, ...newer }, all, undefined],
    ['on another server', { 12: 'https://git.example.test/org/app' }, { repository: 'org/app' }, undefined],
    ['the name is in no newer one', newer, all, /says no workflow name, and "Release" is expected/],
    ['none at all', {}, { ref: 'refs/tags/v1' }, /says no workflow ref/],
    ['an empty one', { 6: '' }, { ref: '' }, /says no workflow ref/],
    ['another trigger', older, { trigger: 'pull_request' }, /the workflow trigger "push", and "pull_request"/],
    ['another ref, newer', newer, { ref: 'refs/heads/main' }, /the workflow ref "refs\/tags\/v1"/],
    ['a part of the repository', older, { repository: 'org/ap' }, /the workflow repository "org\/app"/],
    ['a longer repository', newer, { repository: 'org/app/more' }, /the workflow repository "org\/app"/],
    ['the URL of the repository', newer, { repository: 'https://github.com/org/app' }, /repository "org\/app"/],
    ['another case', older, { sha: 'C0FFEE' }, /the workflow sha "c0ffee"/],
    ['the newer says otherwise', { ...older, 14: 'refs/heads/x' }, { ref: 'refs/tags/v1' }, /"refs\/heads\/x"/],
    ['the older says otherwise', { ...newer, 6: 'refs/heads/x' }, { ref: 'refs/tags/v1' }, /"refs\/heads\/x"/],
    ['the one that is not wanted', { ...older, 14: 'refs/heads/x' }, { sha: 'c0ffee' }, undefined],
  ];
  it.each(rows)('%s', async (_what, extensions, wanted, message) => {
    const found = foreignClaim(await certificateWith(extensions), wanted);
    if (message === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(message);
  });
});

it('claimsText names each claim', () => {
  expect(claimsText({})).toBe('');
  expect(claimsText({ sha: 'c0ffee', name: 'Release' })).toBe(', workflow name "Release", workflow sha "c0ffee"');
});
