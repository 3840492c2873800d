// Architecture names: what people write, what OCI, apk and platforms call it (image-config.md 7).

/** OCI form as stored in configs: `amd64`, `arm/v7` ... Unknown names pass through (and are refused by `assertKnown` callers). */
export interface Platform {
  readonly architecture: string;
  readonly variant?: string;
}

const KNOWN: readonly { readonly oci: string; readonly apk: string; readonly spellings: readonly string[] }[] = [
  { oci: '386', apk: 'x86', spellings: ['386', 'x86'] },
  { oci: 'amd64', apk: 'x86_64', spellings: ['amd64', 'x86_64'] },
  { oci: 'arm64', apk: 'aarch64', spellings: ['arm64', 'aarch64'] },
  { oci: 'arm/v6', apk: 'armhf', spellings: ['arm/v6', 'armhf'] },
  { oci: 'arm/v7', apk: 'armv7', spellings: ['arm/v7', 'armv7'] },
  { oci: 'loong64', apk: 'loongarch64', spellings: ['loong64', 'loongarch64'] },
  { oci: 'ppc64le', apk: 'ppc64le', spellings: ['ppc64le'] },
  { oci: 'riscv64', apk: 'riscv64', spellings: ['riscv64'] },
  { oci: 's390x', apk: 's390x', spellings: ['s390x'] },
];

/** All nine, in the reference's order, OCI form. */
export const ALL_ARCHITECTURES: readonly string[] = KNOWN.map((k) => k.oci);

/** Every spelling we accept, for error messages. */
export const ARCHITECTURE_SPELLINGS: readonly string[] = KNOWN.flatMap((k) => k.spellings);

export function isKnownArchitecture(name: string): boolean {
  return KNOWN.some((k) => k.spellings.includes(name));
}

/** Any spelling -> OCI form. Unknown names come back unchanged. */
export function ociArchitecture(name: string): string {
  return KNOWN.find((k) => k.spellings.includes(name))?.oci ?? name;
}

/** Any spelling -> apk form. Unknown names come back unchanged. */
export function apkArchitecture(name: string): string {
  return KNOWN.find((k) => k.spellings.includes(name))?.apk ?? name;
}

/** Any spelling -> platform of image configs and index descriptors. */
export function platformOf(name: string): Platform {
  const [architecture = '', variant] = ociArchitecture(name).split('/');
  return variant === undefined ? { architecture } : { architecture, variant };
}

const NODE_NAMES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm: 'arm/v7', ppc64: 'ppc64le' };

/** What Node calls the machine it runs on (`process.arch`, given by the caller) -> OCI form. */
export function hostArchitecture(nodeName: string): string {
  return NODE_NAMES[nodeName] ?? ociArchitecture(nodeName);
}
