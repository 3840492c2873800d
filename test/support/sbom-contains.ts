// Whether one SPDX document holds all that another one holds: the bar for our SBOMs against the reference's.
// Compared are name, version, external references, checksums and declared licence of elements, and the relationships.

import type { SpdxDocument, SpdxPackage } from '../../src/formats/sbom/spdx.ts';

/** Digest -> what it names (`<manifest x86_64>`, `<layer x86_64 0>` ...), as in a case's digests.json. */
export type DigestNames = Readonly<Record<string, string>>;

/**
 * What `golden` holds and `ours` lacks, one line each; empty when nothing. Digests of `golden` that `digestNames` names are
 * first replaced by the digest that `ourDigests` gives for that name (`<manifest x86_64>` -> `sha256:...`).
 */
export function missingFromSbom(
  golden: SpdxDocument,
  ours: SpdxDocument,
  digestNames: DigestNames,
  ourDigests: Readonly<Record<string, string>>,
): string[] {
  const wanted = JSON.parse(withOurDigests(JSON.stringify(golden), digestNames, ourDigests)) as SpdxDocument;
  const missing: string[] = [];
  const counterparts = new Map<string, string>();
  const candidates = groupBy(ours.packages, (element) => `${element.name}\n${element.versionInfo ?? ''}`);
  for (const element of wanted.packages) {
    const same = candidates.get(`${element.name}\n${element.versionInfo ?? ''}`) ?? [];
    const lacks = same.map((candidate) => ({ candidate, lacks: lacking(element, candidate) }));
    const best = lacks.toSorted((a, b) => a.lacks.length - b.lacks.length)[0];
    if (best === undefined) missing.push(`element ${element.name} ${element.versionInfo ?? ''}`);
    else {
      counterparts.set(element.SPDXID, best.candidate.SPDXID);
      missing.push(...best.lacks.map((what) => `${what} of element ${element.name}`));
    }
  }
  const relations = new Set(
    ours.relationships.map((r) => `${r.spdxElementId} ${r.relationshipType} ${r.relatedSpdxElement}`),
  );
  for (const { spdxElementId, relationshipType, relatedSpdxElement } of wanted.relationships) {
    const from = counterparts.get(spdxElementId) ?? spdxElementId;
    const to = counterparts.get(relatedSpdxElement) ?? relatedSpdxElement;
    if (!relations.has(`${from} ${relationshipType} ${to}`)) {
      missing.push(`relationship ${spdxElementId} ${relationshipType} ${relatedSpdxElement}`);
    }
  }
  return missing;
}

function withOurDigests(text: string, digestNames: DigestNames, ourDigests: Readonly<Record<string, string>>): string {
  const ourHex = new Map<string, string>();
  for (const [digest, name] of Object.entries(digestNames)) {
    const replacement = ourDigests[name];
    if (replacement !== undefined) ourHex.set(hexOf(digest), hexOf(replacement));
  }
  return text.replace(/[0-9a-f]{64}/g, (hex) => ourHex.get(hex) ?? hex);
}

function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1);
}

function lacking(wanted: SpdxPackage, candidate: SpdxPackage): string[] {
  const lacks: string[] = [];
  if (wanted.licenseDeclared !== undefined && wanted.licenseDeclared !== candidate.licenseDeclared) {
    lacks.push(`declared licence ${wanted.licenseDeclared}`);
  }
  for (const ref of wanted.externalRefs ?? []) {
    const same = candidate.externalRefs?.some(
      (r) =>
        r.referenceLocator === ref.referenceLocator &&
        r.referenceType === ref.referenceType &&
        r.referenceCategory.replace('_', '-') === ref.referenceCategory.replace('_', '-'),
    );
    if (!same) lacks.push(`reference ${ref.referenceLocator}`);
  }
  for (const checksum of wanted.checksums ?? []) {
    const same = candidate.checksums?.some(
      (c) => c.algorithm === checksum.algorithm && c.checksumValue === checksum.checksumValue,
    );
    if (!same) lacks.push(`checksum ${checksum.algorithm}:${checksum.checksumValue}`);
  }
  return lacks;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
