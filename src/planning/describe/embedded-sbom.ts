// SBOMs that packages bring along (sbom-and-lock.md 3): which of their elements and relations belong into the image's.
// They are hostile: bounded in size, walked once, and their ids are only hints until planning has made them unique.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import {
  parseSpdx,
  SPDX_DOCUMENT_ID,
  type SpdxDocument,
  type SpdxLicensingInfo,
  type SpdxPackage,
  type SpdxRelationship,
} from '../../formats/sbom/spdx.ts';

/** Gives the content of a file of the finished image tree, or undefined where there is none. The path has no leading `/`. */
export type ImageFileReader = (path: string) => Uint8Array | undefined;

export interface EmbeddedSbom {
  /** In the image; for messages. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Ids of the packages that the document is about. */
  readonly tops: readonly string[];
  /** All packages reachable from the tops, in the document's order, each id once. */
  readonly packages: readonly SpdxPackage[];
  /** Relations of those packages, in the document's order. Both ends are above, or the second is NONE or NOASSERTION. */
  readonly relationships: readonly SpdxRelationship[];
  readonly licensingInfos: readonly SpdxLicensingInfo[];
}

const FOLDER = 'var/lib/db/sbom';

/**
 * The SBOM of a package, if it has one that is JSON. Failure ARCHIVE_LIMIT where it is too large, PACKAGE_INVALID where it
 * refers to packages that it does not contain.
 */
export function readEmbeddedSbom(
  apk: { readonly name: string; readonly version: string },
  read: ImageFileReader,
): EmbeddedSbom | undefined {
  for (const path of candidatePaths(apk.name, apk.version)) {
    const bytes = read(path);
    if (bytes === undefined) continue;
    if (bytes.length > LIMITS.embeddedSbomBytes) {
      throw new Failure('ARCHIVE_LIMIT', `the SBOM of ${apk.name} ${apk.version} is too large: ${bytes.length} bytes`, {
        hint: `The bound is ${LIMITS.embeddedSbomBytes} bytes; build the package without its SBOM, or without --sbom.`,
        notes: [`in the image: /${path}`],
      });
    }
    const document = parseSpdx(new TextDecoder().decode(bytes));
    return document === undefined ? undefined : embeddedElements(document, path, bytes.length);
  }
  return undefined;
}

function candidatePaths(name: string, version: string): string[] {
  // Such a name would lead out of the folder; no package of ours to judge, just nothing to find.
  if (name.includes('/') || version.includes('/')) return [];
  const upstream = version.replace(/-r\d+$/, '');
  return [...new Set([`${name}-${version}`, `${name}-${upstream}`, name])].map((stem) => `${FOLDER}/${stem}.spdx.json`);
}

function embeddedElements(document: SpdxDocument, path: string, sizeBytes: number): EmbeddedSbom {
  const known = new Map<string, SpdxPackage>();
  for (const element of document.packages) if (!known.has(element.SPDXID)) known.set(element.SPDXID, element);

  const tops = topElements(document).filter((id) => known.has(id));
  const relations = document.relationships.filter((relation) => staysInside(relation, document));
  const reached = reachable(tops, relations);

  const missing = [...reached].filter((id) => !known.has(id));
  if (missing.length > 0) {
    throw new Failure('PACKAGE_INVALID', `the SBOM /${path} refers to ${missing[0]}, which it does not contain`, {
      hint: 'The package was built with a broken SBOM: rebuild it, or build the image without --sbom.',
      notes: missing.slice(1, 6).map((id) => `it also lacks ${id}`),
    });
  }
  return {
    path,
    sizeBytes,
    tops,
    packages: [...known.values()].filter((element) => reached.has(element.SPDXID)),
    relationships: relations.filter((relation) => reached.has(relation.spdxElementId)),
    licensingInfos: document.hasExtractedLicensingInfos ?? [],
  };
}

function topElements(document: SpdxDocument): string[] {
  const described = document.relationships
    .filter((r) => r.relationshipType === 'DESCRIBES' && isDocument(r.spdxElementId, document))
    .map((r) => r.relatedSpdxElement);
  return [...new Set([...document.documentDescribes, ...described])];
}

/** Files, snippets and other documents do not come along, nor can an element of ours relate to a document that is left. */
function staysInside(relation: SpdxRelationship, document: SpdxDocument): boolean {
  const related = relation.relatedSpdxElement;
  return !/^(?:SPDXRef-(?:File|Snippet)-|DocumentRef-)/.test(related) && !isDocument(related, document);
}

function isDocument(id: string, document: SpdxDocument): boolean {
  return id === SPDX_DOCUMENT_ID || id === document.SPDXID;
}

/** SPDX words that stand where an id could. */
export function isNoElement(id: string): boolean {
  return id === 'NONE' || id === 'NOASSERTION';
}

function reachable(tops: readonly string[], relations: readonly SpdxRelationship[]): Set<string> {
  const next = new Map<string, string[]>();
  for (const { spdxElementId, relatedSpdxElement } of relations) {
    if (isNoElement(relatedSpdxElement)) continue;
    const targets = next.get(spdxElementId);
    if (targets === undefined) next.set(spdxElementId, [relatedSpdxElement]);
    else targets.push(relatedSpdxElement);
  }
  const reached = new Set(tops);
  // A Set visits what is added while it is walked: each element once, cycles included.
  for (const id of reached) for (const target of next.get(id) ?? []) reached.add(target);
  return reached;
}
