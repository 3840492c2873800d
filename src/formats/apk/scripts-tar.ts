// The script and trigger databases of an image (apk-format.md 5): every package's install scripts in one tar, byte for
// byte as the reference writes it, and one line per trigger. Nothing here is ever executed.

import { Failure } from '../../base/failure.ts';
import type { TarHeader } from '../tar/entry.ts';
import { printGnuTarHeader, printTarHeader, TAR_END, tarPadding } from '../tar/write.ts';
import { printChecksum } from './data-entries.ts';
import type { ControlEntry, Package } from './package.ts';

type Scripted = Pick<Package, 'info' | 'controlSha1' | 'control'>;

/** What everybody may read and execute is a script. */
const SCRIPT_MODE = 0o555;

/** `usr/lib/apk/db/scripts.tar` for packages in install order; `epochSeconds` is the time of every member. */
export function printScriptsTar(packages: readonly Scripted[], epochSeconds: number): Buffer {
  const pieces = packages.flatMap((pkg) =>
    pkg.control.filter(isScript).flatMap((entry) => {
      const name = `${pkg.info.name}-${pkg.info.version}.${printChecksum(pkg.controlSha1)}${entry.name}`;
      return [printScriptHeader(entry, name, epochSeconds), entry.content, Buffer.alloc(tarPadding(entry.size))];
    }),
  );
  return Buffer.concat([...pieces, TAR_END]);
}

/** `usr/lib/apk/db/triggers` for packages in install order. */
export function printTriggers(packages: readonly Pick<Package, 'info' | 'controlSha1'>[]): string {
  return packages
    .flatMap((pkg) =>
      pkg.info.triggers.map((trigger) => `${printChecksum(pkg.controlSha1)} ${oneLine(trigger, pkg)}\n`),
    )
    .join('');
}

function isScript(entry: ControlEntry): boolean {
  return entry.name !== '.PKGINFO' && (entry.mode & SCRIPT_MODE) === SCRIPT_MODE;
}

/** The member's own header under its new name: GNU stays GNU, records of an extended header are kept, access times not. */
function printScriptHeader(entry: ControlEntry, name: string, mtime: number): Buffer {
  const { atime: _atime, ctime: _ctime, ...pax } = entry.pax;
  const header: TarHeader = { ...entry, name, mtime, pax };
  return entry.magic === 'gnu' ? printGnuTarHeader(header) : printTarHeader(header);
}

function oneLine(trigger: string, pkg: Pick<Package, 'info'>): string {
  if (!/[\r\n]/.test(trigger)) return trigger;
  throw new Failure('PACKAGE_INVALID', `a trigger of package "${pkg.info.name}" spans lines`);
}
