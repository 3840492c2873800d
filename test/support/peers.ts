// Programs of others that tests talk to. Where one is absent, its tests are skipped with a reason; with
// STAVE_REQUIRE_PEERS=1 (which .ci/run sets after installing them) they fail instead.

import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** Why tests that need these programs cannot run; undefined when they can. For `describe.skipIf` and its title. */
export function missingPeers(...names: readonly string[]): string | undefined {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length === 0) return undefined;
  const reason = `not installed: ${missing.join(', ')}`;
  if (process.env['STAVE_REQUIRE_PEERS'] === '1') throw new Error(`STAVE_REQUIRE_PEERS=1, but ${reason}`);
  return reason;
}

export function findProgram(name: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

export interface PeerRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, at most a minute. */
export async function runPeer(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<PeerRun> {
  try {
    const options = { cwd, env: { ...process.env, ...env }, timeout: 60_000, maxBuffer: 16 * 1024 * 1024 };
    const { stdout, stderr } = await promisify(execFile)(name, args, options);
    return { exitCode: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    return { exitCode: typeof code === 'number' ? code : -1, stdout, stderr: stderr || String(error) };
  }
}

/** skopeo, which must not read the accounts of whoever runs the tests: its home is `place`. */
export function runSkopeo(place: string, ...args: readonly string[]): Promise<PeerRun> {
  return runPeer('skopeo', args, { REGISTRY_AUTH_FILE: join(place, 'auth.json'), HOME: place, XDG_RUNTIME_DIR: place });
}
