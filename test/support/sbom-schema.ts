// Judges SBOM documents by their schemas, and SPDX documents also by what no schema can say: ids that are unique and defined.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv, type ValidateFunction } from 'ajv';
import ajvFormats from 'ajv-formats';
import type { SpdxDocument } from '../../src/formats/sbom/spdx.ts';
import { SPDX_SCHEMA } from './spdx/spdx-2.3-schema.ts';

/** The official schemas, as the CycloneDX project's own library publishes them. */
const CYCLONEDX_FOLDER = fileURLToPath(
  new URL('../../node_modules/@cyclonedx/cyclonedx-library/res/schema/', import.meta.url),
);

export const hasCycloneDxSchema = existsSync(`${CYCLONEDX_FOLDER}bom-1.6.SNAPSHOT.schema.json`);
export const CYCLONEDX_SCHEMA_ABSENT =
  'the package @cyclonedx/cyclonedx-library, which carries the schema, is not installed';

let spdxSchema: ValidateFunction | undefined;
let cycloneDxSchema: ValidateFunction | undefined;

/** What is wrong with the SPDX document; empty when it is valid. */
export function spdxFaults(document: SpdxDocument): string[] {
  spdxSchema ??= new Ajv({ allErrors: true, strict: false }).compile(SPDX_SCHEMA);
  const faults = schemaFaults(spdxSchema, document);

  const ids = [document.SPDXID, ...document.packages.map((element) => element.SPDXID)];
  const known = new Set(ids);
  if (known.size < ids.length) faults.push(`ids defined twice: ${ids.filter((id, i) => ids.indexOf(id) !== i).join()}`);
  const used = [
    ...document.documentDescribes,
    ...document.relationships.flatMap((r) => [r.spdxElementId, r.relatedSpdxElement]),
  ].filter((id) => id !== 'NONE' && id !== 'NOASSERTION');
  for (const id of new Set(used)) if (!known.has(id)) faults.push(`${id} is not defined`);

  const licences = new Set(document.hasExtractedLicensingInfos?.map((info) => info.licenseId));
  for (const element of document.packages) {
    for (const [ref] of (element.licenseDeclared ?? '').matchAll(/LicenseRef-[A-Za-z0-9.-]+/g)) {
      if (!licences.has(ref)) faults.push(`${element.SPDXID} declares ${ref}, which is not defined`);
    }
  }
  return faults;
}

/** What is wrong with the CycloneDX document; empty when it is valid. Only when `hasCycloneDxSchema`. */
export function cycloneDxFaults(document: unknown): string[] {
  cycloneDxSchema ??= compileCycloneDx();
  return schemaFaults(cycloneDxSchema, document);
}

function compileCycloneDx(): ValidateFunction {
  const read = (name: string): object =>
    JSON.parse(readFileSync(`${CYCLONEDX_FOLDER}${name}.SNAPSHOT.schema.json`, 'utf8'));
  const ajv = new Ajv({ allErrors: true, strict: false });
  ajvFormats.default(ajv);
  // Formats that ajv-formats lacks: any text without spaces is let through.
  ajv.addFormat('iri-reference', /^\S*$/);
  ajv.addFormat('idn-email', /^\S+$/);
  for (const name of ['spdx', 'jsf-0.82']) {
    // The main schema refers to these two by their file names.
    ajv.addSchema(read(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  }
  return ajv.compile(read('bom-1.6'));
}

function schemaFaults(validate: ValidateFunction, document: unknown): string[] {
  if (validate(document)) return [];
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}
