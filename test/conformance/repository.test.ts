// Real repositories of the conformance data through the effects: every index verifies, every package passes its whole
// hash chain, and what comes out of the store a second time is what came in.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mapBounded } from '../../src/base/bounded.ts';
import { noEvents } from '../../src/base/events.ts';
import { createHttpClient } from '../../src/effects/http/client.ts';
import { fetchPackage } from '../../src/effects/repository/fetch-package.ts';
import { openRepositories } from '../../src/effects/repository/open-repositories.ts';
import { openStore, type Store } from '../../src/effects/store/store.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';

const http = createHttpClient({ version: '0', offline: true });
let root: string;
let store: Store;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'conformance-repository-'));
  store = openStore({ root, explicit: true, temporaryDirectory: root, events: noEvents });
});
afterAll(() => rmSync(root, { recursive: true }));

describe.skipIf(sharedDir === undefined)(`repositories (${SHARED_ABSENT})`, () => {
  it.each([
    ['corpus/packages', 'corpus/packages/corpus.rsa.pub', 'x86_64'],
    ['corpus/packages', 'corpus/packages/corpus.rsa.pub', 'aarch64'],
    ['corpus/edge', 'corpus/packages/corpus.rsa.pub', 'x86_64'],
  ])('%s by %s for %s', async (repository, keyPath, apkArch) => {
    const workdir = sharedDir as string;
    const keys = new Map([[keyPath.split('/').pop() as string, readFileSync(join(workdir, keyPath), 'utf8')]]);
    const [found] = await openRepositories(
      { repositories: [repository], apkArch, keys, workdir },
      http,
      store,
      noEvents,
    );
    const records = Array.from({ length: found?.index.size ?? 0 }, (_, i) => found?.index.record(i));
    expect(records.length).toBeGreaterThan(20);
    const sizes = await mapBounded(records, 4, async (record) => {
      const label = `${record?.name}-${record?.version}`;
      const url = `${repository}/${apkArch}/${label}.apk`;
      if (record === undefined || !existsSync(join(workdir, url))) return 0;
      const wanted = { label, url, checksum: record.checksum, workdir };
      const first = await fetchPackage(wanted, http, store);
      const again = await fetchPackage(wanted, http, store);
      expect(again.package).toEqual(first.package);
      expect(first.package.sizeBytes).toBe(record.sizeBytes);
      expect(first.package.info.name).toBe(record.name);
      const plain = gunzipSync(readFileSync(join(workdir, url)).subarray(first.package.members.data.start));
      expect(Buffer.compare(again.read(0, again.dataTarBytes), plain)).toBe(0);
      first.close();
      again.close();
      return first.dataTarBytes;
    });
    expect(sizes.filter((size) => size > 0).length).toBe(records.length);
  });
});
