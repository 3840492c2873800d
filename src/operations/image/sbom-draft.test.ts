// The same text as without a draft, whatever packages say, and how often it is printed for that.

import { describe, expect, it } from 'vitest';
import { embeddedDocument, filesOf, imageInput, spdxPackage } from '../../../test/support/sbom-input.ts';
import { digestHex, sha256 } from '../../base/digest.ts';
import { printCycloneDx } from '../../formats/sbom/cyclonedx.ts';
import { documentUuid, type Identify } from '../../formats/sbom/document-uuid.ts';
import { printSpdx } from '../../formats/sbom/spdx.ts';
import { describeImage } from '../../planning/describe/describe-image.ts';
import { describeImageCycloneDx } from '../../planning/describe/describe-image-cyclonedx.ts';
import type { ImageDescriptionInput } from '../../planning/describe/image-elements.ts';
import { type DescribedDigests, draftSbom } from './sbom-draft.ts';

const GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';

function digestsOf(...layers: string[]): DescribedDigests {
  return { imageDigest: sha256('image'), layers: layers.map((text) => ({ digest: sha256(text), mediaType: GZIP })) };
}

/** An input whose package brings an SBOM that has an element of this id besides its own. */
function bringing(id: string): ImageDescriptionInput {
  const document = embeddedDocument(
    ['hello'],
    [spdxPackage('hello', { name: 'hello', versionInfo: '1.0-r0' }), spdxPackage(id)],
    [`hello CONTAINS ${id}`],
  );
  return imageInput({ readFile: filesOf({ 'var/lib/db/sbom/hello-1.0-r0.spdx.json': document }) });
}

describe.each([
  ['SPDX', (input: ImageDescriptionInput, identify?: Identify) => printSpdx(describeImage(input, identify))],
  [
    'CycloneDX',
    (input: ImageDescriptionInput, identify?: Identify) => printCycloneDx(describeImageCycloneDx(input, identify)),
  ],
] as const)('draftSbom, %s', (_, printInput) => {
  const layerId = (text: string) => `Package-ImageLayer-sha256-${digestHex(sha256(text))}`;
  const two = digestsOf('one', 'two');
  const rows: readonly (readonly [
    what: string,
    input: ImageDescriptionInput,
    layerTypes: readonly string[] | undefined,
    digests: DescribedDigests,
    printed: number,
  ])[] = [
    ['one layer', imageInput(), [GZIP], digestsOf('one'), 1],
    ['two layers', bringing('other'), [GZIP, GZIP], two, 1],
    ['layers that were not known', imageInput(), undefined, two, 1],
    ['equal layers are one element', imageInput(), [GZIP, GZIP], digestsOf('one', 'one'), 2],
    ['another number of layers', imageInput(), [GZIP], two, 2],
    ['equal layers, as many as were expected', imageInput(), [GZIP], digestsOf('one', 'one'), 2],
    ['another type of layer', imageInput(), ['application/octet-stream', GZIP], two, 2],
    ['a package that knows the digest of a layer', bringing(layerId('two')), [GZIP, GZIP], two, 2],
    ['a package that knows another digest', bringing(layerId('three')), [GZIP, GZIP], two, 1],
  ];
  it.each(rows)('%s', (_what, input, layerTypes, digests, printed) => {
    let count = 0;
    const finish = draftSbom((given, identify) => {
      count++;
      return printInput({ ...input, ...given }, identify);
    }, layerTypes);
    expect(finish(digests)).toBe(printInput({ ...input, ...digests }, documentUuid));
    expect(count).toBe(printed);
  });
});
