// `stave trust update`: refreshes the trusted root that lies beside the trust file, by TUF (signing.md 6.6). The file appears whole,
// and is not touched where nothing changed, so that a scheduled run makes no empty change. The trust file itself stays as it is.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { writeFileAtomically } from '../../effects/output/atomic-file.ts';
import { parseTrustedRoot } from '../../effects/signing/trusted-root.ts';
import { fetchTrustedRoot, PUBLIC_MIRROR } from '../../effects/signing/tuf-root.ts';
import { defaultStoreRoot } from '../../effects/store/store-layout.ts';
import type { Host } from '../host.ts';
import { parseTrustFile, TRUST_FILE } from './trust-file.ts';

export interface TrustUpdateRequest {
  /** Of a TUF repository. Default: that of the public Sigstore. */
  readonly mirror?: string;
  /** Path of its first `root.json`. */
  readonly root?: string;
  /** Where to write. Default: what the trust file names, or `trusted_root.json` beside it. */
  readonly trustedRoot?: string;
  /** Default `stave.trust.yaml`. */
  readonly trustFile?: string;
}

export interface TrustUpdateReport {
  readonly path: string;
  readonly mirror: string;
  readonly outcome: 'written' | 'unchanged';
  /** Sentences: what is left to do. */
  readonly advice: readonly string[];
}

const DEFAULT_NAME = 'trusted_root.json';

/** Failures of `fetchTrustedRoot`, CONFIG_* for the trust file, FILE_UNREADABLE, FILE_UNWRITABLE. */
export async function updateTrustedRoot(request: TrustUpdateRequest, host: Host): Promise<TrustUpdateReport> {
  const { path, advice } = await placeOf(request, host);
  const mirror = request.mirror ?? PUBLIC_MIRROR;
  const rootPath = request.root === undefined ? undefined : resolve(host.cwd, request.root);
  if (rootPath !== undefined && !existsSync(rootPath)) {
    throw new Failure('FILE_UNREADABLE', `there is no ${request.root} to begin with`);
  }
  const cachePath = join(defaultStoreRoot(host.env) ?? join(tmpdir(), 'stave'), 'tuf');
  const text = await fetchTrustedRoot({ mirror, rootPath, cachePath });
  await parseTrustedRoot(text, `the trusted root of ${mirror}`);
  const bytes = Buffer.from(text);
  if (existsSync(path) && bytes.equals(await readFile(path))) return { path, mirror, outcome: 'unchanged', advice };
  await writeFileAtomically(path, (write) => write(bytes));
  return { path, mirror, outcome: 'written', advice };
}

/** Where the trusted root lies, and whether the trust file knows. */
async function placeOf(request: TrustUpdateRequest, host: Host): Promise<{ path: string; advice: readonly string[] }> {
  if (request.trustedRoot !== undefined) return { path: resolve(host.cwd, request.trustedRoot), advice: [] };
  const name = request.trustFile ?? TRUST_FILE;
  const file = resolve(host.cwd, name);
  const known = existsSync(file) ? parseTrustFile(name, await readFile(file)).trustedRoot : '';
  if (known !== '') return { path: resolve(dirname(file), known), advice: [] };
  const advice = [`So that it is used, add to ${name}: "trusted-root: ${DEFAULT_NAME}"`];
  return { path: join(dirname(file), DEFAULT_NAME), advice };
}
