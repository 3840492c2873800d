// Time to describe images of 500 to 10,000 packages, each with 20 provides, 20 dependencies and an SBOM of its own.
// The promise is 0.3 s for 500 packages and linear growth: the column of µs a package must stay flat.
// Run: npx esbuild bench/sbom.ts --bundle --platform=node --format=esm | node --input-type=module -

import { printCycloneDx } from '../src/formats/sbom/cyclonedx.ts';
import { printSpdx } from '../src/formats/sbom/spdx.ts';
import { dependencyEdges } from '../src/planning/describe/dependencies.ts';
import { describeImage } from '../src/planning/describe/describe-image.ts';
import { describeImageCycloneDx } from '../src/planning/describe/describe-image-cyclonedx.ts';
import type { ImageDescriptionInput } from '../src/planning/describe/image-elements.ts';
import { describedPackage, embeddedDocument, filesOf, imageInput, spdxPackage } from '../test/support/sbom-input.ts';

const SIZES = [500, 5_000, 10_000];
const EACH = 20;

function inputOf(count: number): ImageDescriptionInput {
  const files: Record<string, unknown> = {};
  const packages = Array.from({ length: count }, (_, i) => {
    const name = `package-${i}`;
    const own = spdxPackage(`Package-${name}`, { name, versionInfo: '1.0-r0', licenseDeclared: 'MIT' });
    const sources = [0, 1, 2].map((n) => spdxPackage(`Source-${name}-${n}`));
    const relations = sources.map((source) => `Package-${name} GENERATED_FROM ${source.name}`);
    files[`var/lib/db/sbom/${name}-1.0-r0.spdx.json`] = embeddedDocument(
      [`Package-${name}`],
      [own, ...sources],
      relations,
    );
    return describedPackage({
      name,
      license: `MIT AND custom-${i % 50}`,
      provides: Array.from({ length: EACH }, (_, n) => `so:lib${i}-${n}.so.1=1.0`),
      depends: Array.from({ length: EACH }, (_, n) => `so:lib${(i * 7 + n * 13) % count}-${n}.so.1`),
    });
  });
  return imageInput({ packages, readFile: filesOf(files) });
}

const steps: readonly (readonly [string, (input: ImageDescriptionInput) => unknown])[] = [
  ['dependencies', (input) => dependencyEdges(input.packages.map((pkg) => pkg.info))],
  ['SPDX', (input) => printSpdx(describeImage(input))],
  ['CycloneDX', (input) => printCycloneDx(describeImageCycloneDx(input))],
];

for (const count of SIZES) {
  const input = inputOf(count);
  for (const [name, run] of steps) {
    const start = performance.now();
    run(input);
    const ms = performance.now() - start;
    const row = [
      `${count}`.padStart(6),
      name.padEnd(12),
      `${ms.toFixed(0)} ms`.padStart(8),
      `${((ms / count) * 1000).toFixed(0)} µs each`,
    ];
    console.log(row.join('  '));
  }
}
