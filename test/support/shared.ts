// Where the conformance data is. It lies beside the project, is never part of it, and may be absent.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const candidate = fileURLToPath(new URL('../../../shared', import.meta.url));

/** Absolute path of the conformance data, or undefined where it is absent. */
export const sharedDir: string | undefined = existsSync(`${candidate}/golden`) ? candidate : undefined;

if (sharedDir === undefined && process.env['STAVE_REQUIRE_SHARED'] === '1') {
  throw new Error(`STAVE_REQUIRE_SHARED is set, but there is no conformance data at ${candidate}`);
}

export const SHARED_ABSENT = 'the conformance data (../shared) is not here';
