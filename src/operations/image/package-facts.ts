// Facts of packages for the hardening contract, kept in the store beside the packages: a build of known packages reads none of their
// files for it. The key names this very stave too, since what counts as a fact changes with the checks.

import { setImmediate } from 'node:timers/promises';
import { digestHex, sha256 } from '../../base/digest.ts';
import { SOURCES, VERSION } from '../../base/version.ts';
import type { Store } from '../../effects/store/store.ts';
import type { Package } from '../../formats/apk/package.ts';
import {
  type KnownFacts,
  type PackageFacts,
  parsePackageFacts,
  printPackageFacts,
  readPackageFacts,
} from '../../planning/hardening/package-facts.ts';
import type { PackagedRead } from '../../planning/rootfs/content.ts';

export interface OpenPackageFacts {
  /** Those that are kept already. */
  readonly kept: KnownFacts;
  /** All, of which some may have to be taken first. */
  readonly known: KnownFacts;
  /** Takes what is not kept, package by package: threads that end, and another architecture, have their turn in between. */
  take(): Promise<void>;
}

/** `packages` in the order of their indexes; contents with a higher index belong to none, and are not known. */
export function openPackageFacts(store: Store, packages: readonly Package[], read: PackagedRead): OpenPackageFacts {
  const opened = new Map<number, PackageFacts | undefined>();
  const kept: KnownFacts = (index) => {
    const pkg = packages[index];
    // The user's own files have no archive with a digest.
    if (pkg === undefined || pkg.info.dataHash === '') return undefined;
    if (!opened.has(index)) opened.set(index, readKept(store, pkg));
    return opened.get(index);
  };
  const known: KnownFacts = (index) => {
    const found = kept(index);
    const pkg = packages[index];
    if (found !== undefined || pkg === undefined || pkg.info.dataHash === '') return found;
    const taken = takeFacts(store, pkg, (offset, length) => read(index, offset, length));
    opened.set(index, taken);
    return taken;
  };
  const take = async (): Promise<void> => {
    for (const index of packages.keys()) {
      if (kept(index) !== undefined) continue;
      known(index);
      await setImmediate();
    }
  };
  return { kept, known, take };
}

/** For a package whose files turned out to be damaged. */
export function forgetPackageFacts(store: Store, pkg: Package): void {
  store.discard('facts', keyOf(pkg));
}

function readKept(store: Store, pkg: Package): PackageFacts | undefined {
  const record = store.readRecord('facts', keyOf(pkg));
  return record && parsePackageFacts(Buffer.from(record.buffer, record.byteOffset, record.length).toString());
}

function takeFacts(store: Store, pkg: Package, read: (offset: number, length: number) => Uint8Array): PackageFacts {
  const facts = readPackageFacts(pkg.entries, read);
  store.writeRecord('facts', keyOf(pkg), printPackageFacts(facts));
  return facts;
}

function keyOf({ info }: Package): string {
  return digestHex(sha256(JSON.stringify([info.dataHash, VERSION, SOURCES])));
}
