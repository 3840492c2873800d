// The CycloneDX 1.6 document of one image: the same elements as its SPDX document, told in that format's words.

import {
  type CycloneDxComponent,
  type CycloneDxComponentType,
  type CycloneDxDependency,
  type CycloneDxDocument,
  cycloneDxDocument,
  cycloneDxHashes,
  cycloneDxLicences,
} from '../../formats/sbom/cyclonedx.ts';
import type { Identify } from '../../formats/sbom/document-uuid.ts';
import { type Licence, parseLicence } from '../../formats/sbom/licence.ts';
import type { SpdxPackage } from '../../formats/sbom/spdx.ts';
import { type ImageDescriptionInput, type ImageElements, imageElements } from './image-elements.ts';
import { type PackageElements, splitMaintainer } from './package-elements.ts';

/** Failures as `describeImage`. */
export function describeImageCycloneDx(input: ImageDescriptionInput, identify?: Identify): CycloneDxDocument {
  const elements = imageElements(input);
  const { image, layers, os, packages } = elements;
  const container: CycloneDxComponent = {
    ...componentOf(image),
    name: input.imageName,
    ...(elements.source !== undefined && {
      externalReferences: [{ type: 'vcs', url: elements.source.downloadLocation }],
    }),
    properties: layers.map((layer) => ({ name: 'stave:layer', value: layer.name })),
  };
  const sources = generatedFrom(packages);
  const components = [
    componentOf(os),
    ...packages.flatMap((pkg, index) => [
      packageComponent(pkg, input.packages[index]?.info.maintainer ?? '', sources),
      ...pkg.others.filter((element) => !sources.has(element.SPDXID)).map((element) => componentOf(element)),
    ]),
  ];
  const document = {
    metadata: {
      timestamp: input.createdText,
      tools: { components: [toolComponent(input.toolVersion)] },
      component: container,
    },
    components,
    dependencies: dependencyGraph(elements, new Set(components.map((component) => component['bom-ref'] ?? ''))),
  };
  return cycloneDxDocument(document, identify);
}

export function toolComponent(version: string): CycloneDxComponent {
  return { type: 'application', name: 'stave', version };
}

/** Elements from which packages were made. CycloneDX keeps them in the pedigree: they are not in the image. */
function generatedFrom(packages: readonly PackageElements[]): Map<string, SpdxPackage> {
  const others = new Map(packages.flatMap((pkg) => pkg.others.map((element) => [element.SPDXID, element] as const)));
  const targets = packages.flatMap((pkg) => pkg.relationships.filter((r) => r.relationshipType === 'GENERATED_FROM'));
  return new Map(
    targets.flatMap(({ relatedSpdxElement: id }) => {
      const element = others.get(id);
      return element === undefined ? [] : [[id, element] as const];
    }),
  );
}

function packageComponent(
  pkg: PackageElements,
  maintainer: string,
  sources: ReadonlyMap<string, SpdxPackage>,
): CycloneDxComponent {
  const { own } = pkg;
  const { name, email } = splitMaintainer(maintainer);
  const references = [
    ...(own.downloadLocation === 'NOASSERTION' ? [] : [{ type: 'distribution', url: own.downloadLocation }]),
    ...(own.homepage === undefined ? [] : [{ type: 'website', url: own.homepage }]),
  ];
  const ids = pkg.relationships
    .filter((r) => r.relationshipType === 'GENERATED_FROM' && r.spdxElementId === own.SPDXID)
    .map((r) => r.relatedSpdxElement);
  const ancestors = [...new Set(ids)].flatMap((id) => {
    const source = sources.get(id);
    return source === undefined ? [] : [withoutRef(componentOf(source))];
  });
  const { purl, ...component } = componentOf(own, pkg.licence);
  return {
    ...component,
    type: 'library', // What scanners look for; apk does not tell applications from libraries.
    ...(name !== '' && { authors: [{ name, ...(email !== undefined && { email }) }] }),
    ...(purl !== undefined && { purl }),
    ...(ancestors.length > 0 && { pedigree: { ancestors } }),
    ...(references.length > 0 && { externalReferences: references }),
    properties: [
      { name: 'stave:source', value: own.sourceInfo ?? '' },
      { name: 'stave:hashes', value: own.comment ?? '' },
    ],
  };
}

function componentOf(element: SpdxPackage, licence: Licence = parseLicence(element.licenseDeclared ?? '')) {
  const licenses = cycloneDxLicences(licence);
  const hashes = cycloneDxHashes(element.checksums ?? []);
  const purl = element.externalRefs?.find((ref) => ref.referenceType === 'purl')?.referenceLocator;
  const supplier = /^(?:Organization|Person): (.+)$/.exec(element.supplier ?? '')?.[1];
  const component: CycloneDxComponent = {
    type: componentType(element.primaryPackagePurpose),
    'bom-ref': element.SPDXID,
    ...(supplier !== undefined && { supplier: { name: supplier } }),
    name: element.name,
    ...(element.versionInfo !== undefined && { version: element.versionInfo }),
    ...(element.description !== undefined && { description: element.description }),
    ...(hashes.length > 0 && { hashes }),
    ...(licenses !== undefined && { licenses }),
    ...(purl !== undefined && { purl }),
  };
  return component;
}

/** The component of an image or index. */
export function containerComponent(element: SpdxPackage): CycloneDxComponent {
  return componentOf(element);
}

/** A reference may be defined once only, an ancestor is repeated in each pedigree. */
function withoutRef({ 'bom-ref': _, ...component }: CycloneDxComponent): CycloneDxComponent {
  return component;
}

const COMPONENT_TYPES: Readonly<Record<string, CycloneDxComponentType>> = {
  APPLICATION: 'application',
  CONTAINER: 'container',
  DEVICE: 'device',
  FIRMWARE: 'firmware',
  FRAMEWORK: 'framework',
  OPERATING_SYSTEM: 'operating-system',
  FILE: 'file',
  INSTALL: 'file',
  ARCHIVE: 'file',
};

function componentType(purpose: string | undefined): CycloneDxComponentType {
  return COMPONENT_TYPES[purpose ?? ''] ?? 'library';
}

function dependencyGraph(
  { image, os, packages, dependencies }: ImageElements,
  components: ReadonlySet<string>,
): CycloneDxDependency[] {
  const targets = new Map<string, Set<string>>();
  const add = (from: string, to: string) => {
    if (from === to || !components.has(to)) return;
    const known = targets.get(from);
    if (known === undefined) targets.set(from, new Set([to]));
    else known.add(to);
  };
  add(image.SPDXID, os.SPDXID);
  for (const [index, { own, tops, relationships }] of packages.entries()) {
    add(image.SPDXID, own.SPDXID);
    for (const target of dependencies[index] ?? []) add(own.SPDXID, packages[target]?.own.SPDXID ?? '');
    for (const top of tops) add(own.SPDXID, top);
    for (const r of relationships) {
      if (r.relationshipType === 'DEPENDS_ON' || r.relationshipType === 'CONTAINS')
        add(r.spdxElementId, r.relatedSpdxElement);
    }
  }
  return [image.SPDXID, ...components].map((ref) => ({ ref, dependsOn: [...(targets.get(ref) ?? [])] }));
}
