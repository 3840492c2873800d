// The machine's architecture as image configurations spell it.

/** Node's names where they differ from OCI's. */
const NODE_NAMES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm: 'arm/v7', ppc64: 'ppc64le' };

/** Node's name of an architecture -> OCI form. Unknown names come back unchanged. */
export function machineArchitecture(nodeName: string): string {
  return NODE_NAMES[nodeName] ?? nodeName;
}
