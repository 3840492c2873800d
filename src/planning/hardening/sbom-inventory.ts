// What an SBOM says that an image is made of: SPDX 2.x as JSON, by whatever tool, read tolerantly. Nothing else in it matters here.

export interface SbomInventory {
  /** `componentKey` of each. */
  readonly components: ReadonlySet<string>;
  /** Files that it lists, without leading slash; most SBOMs list none. */
  readonly files: ReadonlySet<string>;
}

/** `bash 5.2-r0` */
export function componentKey(name: string, version: string): string {
  return `${name} ${version}`;
}

/** Undefined for what is no SPDX document. */
export function parseSpdxInventory(text: string): SbomInventory | undefined {
  const document = parseJson(text) as SpdxLike | null | undefined;
  if (typeof document?.spdxVersion !== 'string') return undefined;
  return {
    components: new Set(
      listOf(document.packages).map(({ name, versionInfo }) => componentKey(String(name), String(versionInfo ?? ''))),
    ),
    files: new Set(listOf(document.files).map(({ fileName }) => String(fileName).replace(/^\.?\/+/, ''))),
  };
}

interface SpdxLike {
  readonly spdxVersion?: unknown;
  readonly packages?: unknown;
  readonly files?: unknown;
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : [];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
