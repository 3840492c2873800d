// The quickstart's image into a registry and back: the embedded registry on this machine, with a folder that stays, so that
// `stave registry serve` shows the same image later. Reading back holds every blob against its digest. It is signed on the way.

import { join } from 'node:path';
import { assert } from '../../base/failure.ts';
import type { ImagesRequest } from '../../operations/build-image/built-images.ts';
import type { Host } from '../../operations/host.ts';
import type { Session } from '../session.ts';
import { type SignatureAnswers, throwAwaySigner, verifyBoth } from './signatures.ts';

export interface RoundTrip {
  /** The registry's folder. */
  readonly directory: string;
  /** Repository and tag, without the host: the port was a free one. */
  readonly name: string;
  readonly indexDigest: string;
  /** SBOMs, signatures and attestations that came back with the image. */
  readonly attachments: number;
  readonly signatures: SignatureAnswers;
}

const NAME = 'example/hello:1.0.0';

export async function publishAndReadBack(
  session: Session,
  host: Host,
  request: ImagesRequest,
  folders: { readonly registry: string; readonly scratch: string },
): Promise<RoundTrip> {
  const { serveRegistry, publishImage, copyImage } = await session.operations();
  const serving = await serveRegistry({ directory: folders.registry, listen: '127.0.0.1:0', readOnly: false }, host);
  try {
    const reference = `${new URL(serving.url).host}/${NAME}`;
    const { env, signing } = throwAwaySigner(folders.scratch);
    const how = { attachSbom: true, local: false, dryRun: false, signing };
    const published = await publishImage(
      { ...request, ...how, tags: [reference] },
      { ...host, env: { ...host.env, ...env } },
    );
    const target = `oci:${join(folders.scratch, 'read-back')}`;
    const copied = await copyImage({ source: reference, target, referrers: true }, host);
    assert(copied.digest === published.indexDigest, 'a registry gives back what it was given');
    return {
      directory: serving.directory,
      name: NAME,
      indexDigest: copied.digest,
      attachments: copied.attachments,
      signatures: await verifyBoth(session, host, reference, folders.scratch),
    };
  } finally {
    await serving.close();
  }
}
