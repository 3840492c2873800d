// A process of its own for tests that kill it or run several at once: expands packages into a store again and again.
// Arguments: store root, folder of .apk files named by the hex form of their checksum, rounds, `discard` or `keep`.

import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { assert } from '../../src/base/failure.ts';
import { expandPackage, openExpandedPackage } from '../../src/effects/store/expand-package.ts';
import { openStore } from '../../src/effects/store/store.ts';
import { printChecksum } from '../../src/formats/apk/data-entries.ts';

const [root = '', folder = '', rounds = '1', mode = 'keep'] = process.argv.slice(2);
const store = openStore({ root, explicit: true, temporaryDirectory: root, events: () => {} });
process.stdout.write('ready\n');
for (let round = 0; round < Number(rounds); round++) {
  for (const file of readdirSync(folder)) {
    const wanted = { label: file, checksum: printChecksum(file) };
    const handle =
      openExpandedPackage(store, wanted) ?? (await expandPackage(store, wanted, createReadStream(join(folder, file))));
    const plain = gunzipSync(readFileSync(join(folder, file)).subarray(handle.package.members.data.start));
    assert(plain.equals(handle.read(0, handle.dataTarBytes)), `the data tar of ${file} is what it was`);
    if (mode === 'discard') handle.discard();
    handle.close();
  }
}
