// The s6 supervision tree of `entrypoint.services` (layer-and-oci.md 4).

import { compareBytes } from '../../base/order.ts';
import type { FileTree } from './file-tree.ts';

export function applyServices(tree: FileTree, services: Readonly<Record<string, string>>): void {
  for (const [name, command] of Object.entries(services).sort(([a], [b]) => compareBytes(a, b))) {
    tree.mkdirAll(`sv/${name}`, 0o777);
    tree.writeFile(`sv/${name}/run`, `#!/bin/execlineb\n${command}\n`, 0o755);
  }
}
