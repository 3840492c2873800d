// Which files a build writes for which formats, and how. What is in them is for planning/describe.

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../base/digest.ts';
import { planIndex } from '../../formats/oci/plan-image.ts';
import { momentAt } from '../../formats/oci/timestamps.ts';
import { type IndexDescription, indexSboms, writeSboms } from './describe-image.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stave-describe-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const created = momentAt(0);
const INPUT: IndexDescription = {
  index: planIndex([], { annotations: {}, created: created.text, vcsUrl: '' }),
  images: [{ arch: 'amd64', digest: sha256('image') }],
  osRelease: 'ID=test\nNAME="Test"\n',
  created,
  tags: ['example.com/app:1'],
  vcsUrl: '',
};

describe('indexSboms', () => {
  const rows: readonly (readonly [formats: readonly string[], names: readonly string[]])[] = [
    [['spdx'], ['sbom-index.spdx.json']],
    [['cyclonedx'], ['sbom-index.cdx.json']],
    [
      ['spdx', 'cyclonedx'],
      ['sbom-index.spdx.json', 'sbom-index.cdx.json'],
    ],
    [[], []],
    // As in the reference, what we do not know makes nothing; the command line refuses it before.
    [['spdy', 'toString', '__proto__'], []],
  ];
  it.each(rows)('%j', (formats, names) => {
    const files = indexSboms(INPUT, formats);
    expect(files.map((file) => file.name)).toEqual(names);
    for (const { text } of files) expect(JSON.parse(text)).toBeTypeOf('object');
  });

  it('are the same twice, and name the image', () => {
    const [first] = indexSboms(INPUT, ['spdx']);
    expect(indexSboms(INPUT, ['spdx'])).toEqual([first]);
    expect(first?.text).toContain(INPUT.images[0]!.digest);
  });
});

describe('writeSboms', () => {
  it('writes into a folder that it makes, and returns the paths', async () => {
    const directory = join(scratch, 'new/folder');
    expect(await writeSboms(directory, [{ name: 'a.json', mediaType: 'application/json', text: '{}' }])).toEqual([
      join(directory, 'a.json'),
    ]);
    expect(readFileSync(join(directory, 'a.json'), 'utf8')).toBe('{}');
    expect(statSync(join(directory, 'a.json')).mode & 0o777).toBe(0o644);
  });

  it('refuses a folder that is a file', async () => {
    await writeSboms(scratch, [{ name: 'file', mediaType: 'text/plain', text: '' }]);
    const writing = writeSboms(join(scratch, 'file'), []);
    await expect(writing).rejects.toThrow(expect.objectContaining({ code: 'FILE_UNWRITABLE' }));
  });
});
