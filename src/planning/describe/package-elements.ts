// One SBOM element for every installed package, joined with the SBOM that the package brings along (sbom-and-lock.md 3).
// Ids become unique here: an embedded SBOM can neither replace nor speak for the image or another installed package.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { redactText, stripCredentials } from '../../base/redact.ts';
import type { PackageInfo } from '../../formats/apk/package.ts';
import { type Licence, parseLicence } from '../../formats/sbom/licence.ts';
import { apkPurl, printPurl } from '../../formats/sbom/purl.ts';
import type { SpdxLicensingInfo, SpdxPackage, SpdxRelationship } from '../../formats/sbom/spdx.ts';
import { encodeSpdxId } from '../../formats/sbom/spdx-id.ts';
import { type EmbeddedSbom, type ImageFileReader, isNoElement, readEmbeddedSbom } from './embedded-sbom.ts';
import type { OsRelease } from './os-release.ts';

/** What an SBOM has to know of an installed package. */
export interface DescribedPackage {
  readonly info: PackageInfo;
  /** Hex SHA-1 of the compressed control member. */
  readonly controlSha1: string;
  /** Hex SHA-256 of the compressed data member; '' = unknown. */
  readonly dataSha256: string;
  /** Where the package was read from. Only addresses (with a scheme, not `file:`) are told; local paths stay private. */
  readonly url: string;
  /** What the user calls it, where it is the user's own files (`files:`) and no package of a repository. */
  readonly ownName?: string;
}

/** The elements that one installed package contributes. */
export interface PackageElements {
  /** The package itself, with what its own SBOM says of it. */
  readonly own: SpdxPackage;
  /** Licence of `own`. */
  readonly licence: Licence;
  /** Further elements of its SBOM: sources, build configuration, language modules. */
  readonly others: readonly SpdxPackage[];
  /** Ids that its SBOM is about, `own` aside. */
  readonly tops: readonly string[];
  readonly relationships: readonly SpdxRelationship[];
  readonly licensingInfos: readonly SpdxLicensingInfo[];
}

/** `Organization: <NAME>` of the image, NOASSERTION where it has none. No other supplier is ever claimed. */
export function supplierOf(os: OsRelease): string {
  return os.name === '' ? 'NOASSERTION' : `Organization: ${os.name}`;
}

/**
 * The elements of all packages in installed order. `reserved` are ids of elements that are already there. Failures of
 * `readEmbeddedSbom`, and ARCHIVE_LIMIT where the embedded SBOMs are too large together.
 */
export function packageElements(
  packages: readonly DescribedPackage[],
  os: OsRelease,
  readFile: ImageFileReader,
  reserved: Iterable<string>,
): PackageElements[] {
  const sboms = readSboms(packages, readFile);
  const taken = new Set(reserved);
  const chosen = packages.map((pkg, index) => {
    const embedded = ownElementIn(sboms[index], pkg);
    const id = unusedId([embedded?.SPDXID, ownId(pkg.info)], index, taken);
    taken.add(id);
    return { embedded, id };
  });
  const licences = new Map<string, Licence>();
  const licenceOf = (text: string): Licence => {
    let licence = licences.get(text);
    if (licence === undefined) {
      licence = parseLicence(text);
      licences.set(text, licence);
    }
    return licence;
  };
  // From here `taken` holds each element that an embedded SBOM must not redefine; what it adds comes on top, once.
  const added = new Set<string>();
  return packages.map((pkg, index) => {
    const { embedded, id } = chosen[index] ?? { embedded: undefined, id: '' };
    const declared = stated(embedded?.licenseDeclared) ?? pkg.info.license;
    const licence = licenceOf(declared);
    const ours = ownElement(pkg, id, os, licence);
    return joinElements(sboms[index], embedded, ours, licence, os, { taken, added });
  });
}

function readSboms(packages: readonly DescribedPackage[], readFile: ImageFileReader): (EmbeddedSbom | undefined)[] {
  let totalBytes = 0;
  return packages.map(({ info }) => {
    const sbom = readEmbeddedSbom(info, readFile);
    totalBytes += sbom?.sizeBytes ?? 0;
    if (totalBytes > LIMITS.embeddedSbomTotalBytes) {
      throw new Failure(
        'ARCHIVE_LIMIT',
        `the SBOMs inside the packages are too large together, counted up to ${info.name}`,
        {
          hint: `The bound is ${LIMITS.embeddedSbomTotalBytes} bytes for one image; build it without --sbom.`,
        },
      );
    }
    return sbom;
  });
}

/** The element by which the package's own SBOM means the package: same name and version, best one it is about. */
function ownElementIn(sbom: EmbeddedSbom | undefined, { info }: DescribedPackage): SpdxPackage | undefined {
  const same = sbom?.packages.filter((p) => p.name === info.name && p.versionInfo === info.version) ?? [];
  const tops = new Set(sbom?.tops);
  return same.find((element) => tops.has(element.SPDXID)) ?? same[0];
}

function ownId(info: PackageInfo): string {
  return `SPDXRef-Package-apk-${encodeSpdxId(`${info.name}-${info.version}`)}`;
}

function unusedId(wanted: readonly (string | undefined)[], index: number, taken: ReadonlySet<string>): string {
  for (const id of wanted) if (id?.startsWith('SPDXRef-') && !taken.has(id)) return id;
  let id = `${wanted.at(-1)}-${index}`;
  while (taken.has(id)) id += '-';
  return id;
}

const CHECKSUM_COMMENT =
  'SHA1 is of the control member of the package file (its identity in apk indexes and databases), SHA256 of the data member.';

function ownElement(described: DescribedPackage, id: string, os: OsRelease, licence: Licence): SpdxPackage {
  const { info, controlSha1, dataSha256, url, ownName } = described;
  if (ownName !== undefined) return ownFilesElement(ownName, described, id, licence);
  const originator = personOf(info.maintainer);
  const location = publicAddress(url);
  const homepage = webAddress(info.url);
  const builtDate = timeText(info.buildDate);
  const element: SpdxPackage = {
    SPDXID: id,
    name: info.name,
    ...(info.version !== '' && { versionInfo: info.version }),
    packageFileName: `${info.name}-${info.version}.apk`,
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: licence.expression,
    ...(info.description !== '' && { description: info.description }),
    downloadLocation: location ?? 'NOASSERTION',
    ...(homepage !== undefined && { homepage }),
    ...(originator !== undefined && { originator }),
    supplier: supplierOf(os),
    sourceInfo: sourceInfo(info),
    copyrightText: 'NOASSERTION',
    comment: CHECKSUM_COMMENT,
    primaryPackagePurpose: 'APPLICATION',
    ...(builtDate !== undefined && { builtDate }),
    checksums: [
      { algorithm: 'SHA1', checksumValue: controlSha1 },
      ...(dataSha256 === '' ? [] : [{ algorithm: 'SHA256', checksumValue: dataSha256 }]),
    ],
    externalRefs: [
      { referenceCategory: 'PACKAGE-MANAGER', referenceLocator: apkPurl(info, os), referenceType: 'purl' },
    ],
  };
  return element;
}

/** No supplier, and no purl of a distribution: nobody else's advisories speak of it. */
function ownFilesElement(
  name: string,
  { info, dataSha256 }: DescribedPackage,
  id: string,
  licence: Licence,
): SpdxPackage {
  const purl = printPurl({ type: 'generic', name, version: info.version });
  return {
    SPDXID: id,
    name,
    ...(info.version !== '' && { versionInfo: info.version }),
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: licence.expression,
    description: info.description,
    downloadLocation: 'NOASSERTION',
    supplier: 'NOASSERTION',
    copyrightText: 'NOASSERTION',
    comment: `In the image it is the package ${info.name}. SHA256 is of the list of its files with their digests.`,
    primaryPackagePurpose: 'APPLICATION',
    checksums: [{ algorithm: 'SHA256', checksumValue: dataSha256 }],
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceLocator: purl, referenceType: 'purl' }],
  };
}

function sourceInfo(info: PackageInfo): string {
  const origin = `built from the source package ${info.origin === '' ? info.name : info.origin}`;
  return info.commit === '' ? origin : `${origin} at commit ${info.commit}`;
}

/** `Name <mail>` -> `Person: Name (mail)`. */
function personOf(maintainer: string): string | undefined {
  const { name, email } = splitMaintainer(maintainer);
  if (name === '') return undefined;
  return email === undefined ? `Person: ${name}` : `Person: ${name} (${email})`;
}

/** The parts of `Name <mail>` on one line; a bare address counts as the name. */
export function splitMaintainer(maintainer: string): { readonly name: string; readonly email: string | undefined } {
  const text = maintainer.replace(/\s+/g, ' ').trim();
  const match = /^([^<]*)<([^<>\s@]+@[^<>\s@]+)>$/.exec(text);
  if (match === null) return { name: text, email: undefined };
  const [, name = '', email = ''] = match;
  return name.trim() === '' ? { name: email, email: undefined } : { name: name.trim(), email };
}

const ADDRESS = /^[a-z][a-z0-9+.-]*:\/\/[^\s<>"{}|\\^`]+$/i;

/** The address without secrets, or undefined for local paths: they differ from machine to machine and are nobody's business. */
export function publicAddress(url: string): string | undefined {
  if (!ADDRESS.test(url) || /^file:/i.test(url)) return undefined;
  return redactText(stripCredentials(url));
}

function webAddress(url: string): string | undefined {
  return /^https?:/i.test(url) ? publicAddress(url) : undefined;
}

function timeText(unixSeconds: number): string | undefined {
  if (!(unixSeconds > 0) || unixSeconds > 253_402_300_799) return undefined; // 9999-12-31T23:59:59Z
  return `${new Date(Math.floor(unixSeconds) * 1000).toISOString().slice(0, 19)}Z`;
}

interface Ids {
  /** Ids of the image's elements and of all installed packages. */
  readonly taken: ReadonlySet<string>;
  /** Ids of other embedded elements so far; grows. */
  readonly added: Set<string>;
}

function joinElements(
  sbom: EmbeddedSbom | undefined,
  embedded: SpdxPackage | undefined,
  ours: SpdxPackage,
  licence: Licence,
  os: OsRelease,
  ids: Ids,
): PackageElements {
  const own = embedded === undefined ? ours : joinOwn(embedded, ours);
  if (sbom === undefined) {
    return { own, licence, others: [], tops: [], relationships: [], licensingInfos: licence.refs };
  }
  const rename = (id: string) => (id === embedded?.SPDXID ? own.SPDXID : id);
  const others = sbom.packages.filter(({ SPDXID: id }) => {
    if (id === embedded?.SPDXID || ids.taken.has(id) || ids.added.has(id)) return false;
    ids.added.add(id);
    return true;
  });
  const speaksFor = (id: string) => id === own.SPDXID || !ids.taken.has(id);
  return {
    own,
    licence,
    others: others.map((element) => withSupplier(element, os)),
    tops: sbom.tops.map(rename).filter((id) => id !== own.SPDXID),
    relationships: sbom.relationships
      .map((r) => ({
        spdxElementId: rename(r.spdxElementId),
        relationshipType: r.relationshipType,
        relatedSpdxElement: isNoElement(r.relatedSpdxElement) ? r.relatedSpdxElement : rename(r.relatedSpdxElement),
      }))
      .filter((r) => speaksFor(r.spdxElementId)),
    licensingInfos: [...sbom.licensingInfos, ...licence.refs],
  };
}

/** What the package's SBOM says counts, ours fills the gaps. Our purl goes first: it names the distribution for sure. */
function joinOwn(theirs: SpdxPackage, ours: SpdxPackage): SpdxPackage {
  const originator = stated(theirs.originator) ?? ours.originator;
  return {
    ...ours,
    ...theirs,
    SPDXID: ours.SPDXID,
    licenseDeclared: stated(theirs.licenseDeclared) ?? ours.licenseDeclared ?? 'NOASSERTION',
    downloadLocation: stated(theirs.downloadLocation) ?? ours.downloadLocation,
    ...(originator !== undefined && { originator }),
    supplier: theirs.supplier ?? theirs.originator ?? ours.supplier ?? 'NOASSERTION',
    sourceInfo: [theirs.sourceInfo, ours.sourceInfo].filter((text) => text !== undefined).join('; '),
    comment: [theirs.comment, ours.comment].filter((text) => text !== undefined).join('\n'),
    checksums: [
      ...(theirs.checksums ?? []),
      ...(ours.checksums ?? []).filter(
        (c) => !theirs.checksums?.some((t) => t.algorithm === c.algorithm && t.checksumValue === c.checksumValue),
      ),
    ],
    externalRefs: [
      ...(ours.externalRefs ?? []),
      ...(theirs.externalRefs ?? []).filter((ref) => ref.referenceLocator !== ours.externalRefs?.[0]?.referenceLocator),
    ],
  };
}

function withSupplier(element: SpdxPackage, os: OsRelease): SpdxPackage {
  const originator = element.originator ?? supplierOf(os);
  return { ...element, originator, supplier: element.supplier ?? originator };
}

/** The text if it says something. */
function stated(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text === 'NOASSERTION' ? undefined : text;
}
