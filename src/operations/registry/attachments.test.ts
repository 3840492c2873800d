// How much may be attached to an image. What is found where, the end-to-end tests show.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { testImages } from '../../../test/support/registry-client.ts';
import { LIMITS } from '../../base/limits.ts';
import { readOciLayout, writeOciLayout } from '../../effects/output/oci-layout.ts';
import { EMPTY_CONFIG, makeArtifact } from '../../formats/oci/artifact.ts';
import { makeIndex } from '../../formats/oci/image.ts';
import { flatAttachments, readAttachments } from './attachments.ts';
import { Registries } from './registries.ts';
import { withSourceImage } from './source-image.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stave-attachments-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it.each([
  [3, true],
  [LIMITS.imageAttachments + 1, false],
])('%i attachments', async (count, isFine) => {
  const { images, blobs } = testImages();
  const image = images[0]!;
  const artifacts = Array.from({ length: count }, (_, i) =>
    makeArtifact({ artifactType: 'a/b', layers: [], subject: image.descriptor, annotations: { number: `${i}` } }),
  );
  const path = join(scratch, `${count}`);
  const source = {
    open: (descriptor: Parameters<typeof blobs.open>[0]) =>
      descriptor.digest === EMPTY_CONFIG.descriptor.digest
        ? (async function* () {
            yield EMPTY_CONFIG.bytes;
          })()
        : blobs.open(descriptor),
  };
  await writeOciLayout(path, makeIndex([image, ...artifacts], {}), source);
  expect((await readOciLayout(path)).index.children.length).toBe(count + 1);
  const host = { cwd: '/', env: {}, hostArch: 'amd64', homeDir: '/', events: () => {} };
  const reading = withSourceImage({ kind: 'layout', path, name: undefined }, new Registries({}, host), async (one) =>
    flatAttachments(await readAttachments(one, () => {})),
  );
  if (isFine) expect((await reading).length).toBe(count);
  else await expect(reading).rejects.toThrow(expect.objectContaining({ code: 'IMAGE_INVALID' }));
});
