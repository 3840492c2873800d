// What `stave version [--json]` prints. On the fast path: it must import nothing that loads.

import { VERSION } from '../base/version.ts';

/** `stave version`, `stave --version`, `stave -V`, each also with --json and nothing else. */
export function isVersionRequest(argv: readonly string[]): boolean {
  const [first, ...rest] = argv.filter((word) => word !== '--json');
  return (first === 'version' || first === '--version' || first === '-V') && rest.length === 0;
}

/** One line for people; with `json` an object of texts, indented by two. */
export function printVersion(world: { hostArch: string; hostPlatform: string }, json: boolean): string {
  const platform = `${world.hostPlatform}/${world.hostArch}`;
  if (!json) return `stave ${VERSION} (node ${process.versions.node}, ${platform})\n`;
  return `${JSON.stringify({ version: VERSION, nodeVersion: process.versions.node, platform }, null, 2)}\n`;
}
