// An SBOM before its digests: they come last of all, while nearly everything else that it says is known when the tree is. So it is
// printed early, with stand-ins for them, and what is left to do is to replace those in the text. Digests matter to what is said
// only by which ids are equal. Stand-ins are random, so equal to nothing; where a digest is, the SBOM is printed anew.

import { randomBytes, randomUUID } from 'node:crypto';
import { type Digest, digestHex } from '../../base/digest.ts';
import { documentUuid, type Identify } from '../../formats/sbom/document-uuid.ts';

export interface DescribedDigests {
  /** Of the manifest. */
  readonly imageDigest: Digest;
  readonly layers: readonly { readonly digest: Digest; readonly mediaType: string }[];
}

type PrintSbom = (digests: DescribedDigests, identify: Identify) => string;

/**
 * What `print` gives for the digests, most of it done now where there will be such layers. `print` may be called later, or again.
 * `layerTypes`: media types of all layers; undefined where it is not known how many there will be.
 */
export function draftSbom(
  print: PrintSbom,
  layerTypes: readonly string[] | undefined,
): (digests: DescribedDigests) => string {
  if (layerTypes === undefined) return (digests) => print(digests, documentUuid);
  const standIns = {
    imageDigest: randomDigest(),
    layers: layerTypes.map((mediaType) => ({ digest: randomDigest(), mediaType })),
  };
  const standInUuid = randomUUID();
  let content = '';
  const text = print(standIns, (given) => {
    content = given;
    return standInUuid;
  });
  const hexes = hexesOf(standIns);
  return (digests) => {
    const known = hexesOf(digests);
    const isFillable =
      known.length === hexes.length &&
      new Set(known).size === known.length &&
      digests.layers.every(({ mediaType }, i) => mediaType === layerTypes[i]) &&
      !known.some((hex) => text.includes(hex));
    if (!isFillable) return print(digests, documentUuid);
    const fill = (draft: string) => hexes.reduce((filled, hex, i) => filled.replaceAll(hex, known[i]!), draft);
    return fill(text).replaceAll(standInUuid, documentUuid(fill(content)));
  };
}

function hexesOf({ imageDigest, layers }: DescribedDigests): string[] {
  return [imageDigest, ...layers.map(({ digest }) => digest)].map(digestHex);
}

function randomDigest(): Digest {
  return `sha256:${randomBytes(32).toString('hex')}`;
}
