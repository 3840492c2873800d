import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import type { PublishReport } from '../../src/operations/publish-image/publish.ts';
import { printJobSummary } from './job-summary.ts';

const A = `sha256:${'a'.repeat(64)}` as const;
const published = { publish: true, reason: '' };

function report(...names: readonly string[]): PublishReport {
  return {
    reference: `ghcr.io/org/app@${A}`,
    indexDigest: A,
    images: ['amd64', 'arm64'].map((arch) => ({
      arch,
      digest: A,
      sizeBytes: 1536,
      packages: names.map((name) => ({ name, version: '1.0-r0' })),
    })),
    tags: ['ghcr.io/org/app:1'],
    repositories: [],
    loaded: undefined,
    sbomPaths: ['a', 'b'],
    provenancePaths: [],
    contract: { profile: 'off', images: [], findings: [], errors: 0, warnings: 0 },
    dryRun: false,
    trust: undefined,
  };
}

describe('printJobSummary', () => {
  it('shows platforms that have the same packages together', () => {
    const text = printJobSummary({ config: 'image.yaml', plan: published, report: report('app', 'lib') });
    expect(text).toContain(`| linux/arm64 | \`${A}\` | 2 | 1.5 KiB |`);
    expect(text).toContain('<summary>Packages (amd64, arm64)</summary>\n\n```\napp 1.0-r0\nlib 1.0-r0\n```');
  });

  it('shows what came from elsewhere as text', () => {
    const evil = '</summary>\n```\n<script>|`@org`';
    const before = {
      tag: 'ghcr.io/org/app:1',
      digest: 'sha256:b',
      images: [{ arch: 'amd64', packages: [{ name: evil, version: evil }] }],
    };
    const failure = new Failure('CONFIG_INVALID', evil, {
      hint: evil,
      notes: [evil],
      where: { file: evil, line: 1, column: 1 },
    });
    const shown = [
      printJobSummary({ config: evil, plan: { publish: false, reason: evil }, report: report('app'), before }),
      printJobSummary({ config: evil, plan: published, failure }),
    ];
    for (const text of shown) {
      const outsideOfBlocks = text.replace(/^(`{3,})\w*\n.*?\n\1$/gms, '');
      expect(outsideOfBlocks).not.toContain('<script>');
      expect(outsideOfBlocks).not.toContain('`@');
      expect(outsideOfBlocks.match(/<\/summary>/g)?.length ?? 0).toBe(outsideOfBlocks.match(/<summary>/g)?.length ?? 0);
    }
  });

  it('leaves out a part that is too long', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `package-${i}`);
    const text = printJobSummary({ config: 'image.yaml', plan: published, report: report(...many) });
    expect(text).toContain('| linux/arm64 |');
    expect(text.length).toBeLessThan(2_000);
    expect(text).toContain('\n\nWhat stood here was too long to be shown');
  });
});
