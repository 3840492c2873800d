// Signatures in the quickstart: a throw-away key signs what is published, the trust file says whom to expect, and a copy that
// somebody has changed does not verify, although the genuine signatures were put beside it.

import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { sha256 } from '../../base/digest.ts';
import { assert } from '../../base/failure.ts';
import { VERSION } from '../../base/version.ts';
import { openRegistry, type RegistryClient } from '../../effects/registry/client/registry-client.ts';
import { parseReference } from '../../formats/oci/reference.ts';
import type { Host } from '../../operations/host.ts';
import type { PublishSigning } from '../../operations/publish-image/sign-publication.ts';
import type { VerifyReport } from '../../operations/verify/verify.ts';
import type { Session } from '../session.ts';

export interface SignatureAnswers {
  /** Checks that held. */
  readonly verified: readonly string[];
  readonly signer: string;
  /** What is said of the changed copy. */
  readonly tampered: { readonly outcome: VerifyReport['outcome']; readonly because: string };
}

const KEY = 'STAVE_QUICKSTART_KEY';

/** The environment that has the key, and how to sign with it; nothing of it is written anywhere. */
export function throwAwaySigner(scratch: string): {
  readonly env: Readonly<Record<string, string>>;
  readonly signing: PublishSigning;
} {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    env: { [KEY]: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() },
    // Bundles alone: the older tags are written with pauses, in which others may write, too.
    signing: { key: `env://${KEY}`, format: 'bundle', attest: true, trustFile: join(scratch, 'stave.trust.yaml') },
  };
}

/** Verifies without flags, as in the folder of the trust file; then a copy that was changed. */
export async function verifyBoth(
  session: Session,
  host: Host,
  reference: string,
  scratch: string,
): Promise<SignatureAnswers> {
  const { verifyReference } = await session.operations();
  const verify = (image: string) =>
    verifyReference(
      { reference: image, signer: {}, ignoreTlog: false, annotations: {}, offline: false },
      { ...host, cwd: scratch },
    );
  const genuine = await verify(reference);
  assert(genuine.outcome === 'verified', 'what was just signed verifies');
  const changed = await verify(await changedCopy(host, reference));
  assert(changed.outcome === 'refused', 'a changed copy does not verify');
  return {
    verified: genuine.signatures[0]?.verified ?? [],
    signer: genuine.expected[0] ?? '',
    tampered: { outcome: changed.outcome, because: changed.signatures[0]?.refusal?.detail ?? '' },
  };
}

/** The index with one more annotation, under another tag, with the signatures of the original pointed at it. */
async function changedCopy(host: Host, reference: string): Promise<string> {
  const { env, homeDir, events } = host;
  const client = openRegistry(parseReference(reference), { environment: env, homeDir, version: VERSION, events });
  try {
    const { tag = '' } = parseReference(reference);
    const { descriptor, bytes } = await client.getManifest(tag);
    const index = JSON.parse(Buffer.from(bytes).toString('utf8'));
    const changed = Buffer.from(JSON.stringify({ ...index, annotations: { ...index.annotations, changed: 'yes' } }));
    const copy = { mediaType: descriptor.mediaType, digest: sha256(changed), sizeBytes: changed.length };
    await client.putManifest(`${tag}-changed`, descriptor.mediaType, changed);
    for (const { digest } of await client.referrers(descriptor.digest)) await attachAlso(client, digest, copy);
    return reference.replace(/:[^:]*$/, `:${tag}-changed`);
  } finally {
    await client.close();
  }
}

async function attachAlso(
  client: RegistryClient,
  referrer: string,
  subject: Parameters<RegistryClient['attachReferrer']>[0],
): Promise<void> {
  const { descriptor, bytes } = await client.getManifest(referrer);
  const { mediaType, digest, sizeBytes: size } = subject;
  const manifest = JSON.stringify({
    ...JSON.parse(Buffer.from(bytes).toString('utf8')),
    subject: { mediaType, digest, size },
  });
  await client.attachReferrer(subject, descriptor.mediaType, Buffer.from(manifest));
}
