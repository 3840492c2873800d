// `stave build-cpio`: the file tree of one architecture as an initramfs (layer-and-oci.md 16); gzip when the name ends in .gz.
// Hard links become files of their own: so the reference does (golden/apko/other; its description says otherwise).

import { compressLayer } from '../effects/output/compress-layer.ts';
import { CPIO_ROOT, CPIO_TRAILER, cpioPadding, fitsCpio, printCpioHeader } from '../formats/cpio/write.ts';
import { TAR_TYPE } from '../formats/tar/entry.ts';
import { layerContent, nodeHeader } from '../planning/rootfs/layer-tar.ts';
import type { Host } from './host.ts';
import type { AssembledRootfs } from './image/assemble-image.ts';
import { type RootfsReport, type RootfsRequest, writeRootfs } from './minirootfs.ts';

export async function buildCpio(request: RootfsRequest, host: Host): Promise<RootfsReport> {
  return await writeRootfs(request, host, async (assembled, write) => {
    const chunks = cpioBytes(assembled, host);
    if (request.output.endsWith('.gz')) await compressLayer(chunks, write);
    else for (const chunk of chunks) await write(chunk);
  });
}

function* cpioBytes({ rootfs, read }: AssembledRootfs, host: Host): Generator<Uint8Array> {
  yield CPIO_ROOT;
  for (const entry of rootfs.tree.walk()) {
    const header = nodeHeader(entry, rootfs.names);
    if (!fitsCpio(header)) {
      const message = `"${header.name}" is left out: a cpio archive has no place for it`;
      host.events({ type: 'warning', code: 'CPIO_LEFT_OUT', message });
      continue;
    }
    yield printCpioHeader(header);
    if (header.type !== TAR_TYPE.file) continue;
    yield* layerContent(entry, read);
    yield Buffer.alloc(cpioPadding(header.size));
  }
  yield CPIO_TRAILER;
}
