// What all SPDX documents of ours have in common (sbom-and-lock.md 1).

import { printJson } from '../../base/canonical-json.ts';
import { documentUuid, type Identify } from '../../formats/sbom/document-uuid.ts';
import {
  SPDX_DOCUMENT_ID,
  type SpdxDocument,
  type SpdxLicensingInfo,
  type SpdxPackage,
  type SpdxRelationship,
} from '../../formats/sbom/spdx.ts';
import { encodeSpdxId } from '../../formats/sbom/spdx-id.ts';

/** The document around some elements. Elements, relations and licensing infos that come twice are kept once, the first. */
export function spdxDocument(
  parts: {
    readonly name: string;
    readonly createdText: string;
    readonly toolVersion: string;
    readonly describes: string;
    readonly packages: readonly SpdxPackage[];
    readonly relationships: readonly SpdxRelationship[];
    readonly licensingInfos: readonly SpdxLicensingInfo[];
  },
  identify: Identify = documentUuid,
): SpdxDocument {
  const packages = firstOfEach(parts.packages, (element) => element.SPDXID);
  const relationships = firstOfEach(
    parts.relationships,
    (r) => `${r.spdxElementId} ${r.relationshipType} ${r.relatedSpdxElement}`,
  );
  const licensingInfos = firstOfEach(parts.licensingInfos, (info) => info.licenseId);
  const content = {
    creationInfo: { created: parts.createdText, creators: [`Tool: stave-${parts.toolVersion}`] },
    documentDescribes: [parts.describes],
    packages,
    relationships,
    ...(licensingInfos.length > 0 && { hasExtractedLicensingInfos: licensingInfos }),
  };
  // SPDX wants a namespace for each version of a document: made from the content, two that differ never share one.
  const namespace = `https://spdx.org/spdxdocs/stave/${encodeSpdxId(parts.name)}-${identify(printJson(content))}`;
  return {
    SPDXID: SPDX_DOCUMENT_ID,
    name: parts.name,
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    documentNamespace: namespace,
    ...content,
  };
}

export function relation(from: SpdxPackage | string, type: string, to: SpdxPackage | string): SpdxRelationship {
  const idOf = (element: SpdxPackage | string) => (typeof element === 'string' ? element : element.SPDXID);
  return { spdxElementId: idOf(from), relationshipType: type, relatedSpdxElement: idOf(to) };
}

function firstOfEach<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  const first = new Map<string, T>();
  for (const item of items) {
    const key = keyOf(item);
    if (!first.has(key)) first.set(key, item);
  }
  return [...first.values()];
}
