// The dynamic loaders of Linux as far as finding libraries goes: glibc's and musl's. Which one a program asks for, what it
// searches by default, and the tokens that it replaces in search paths. The search itself lies in library-search.ts.

import type { ElfFacts } from './file-facts.ts';
import { baseName } from './tree-paths.ts';

export interface Loader {
  readonly kind: 'glibc' | 'musl';
  /** As programs name it: `/lib64/ld-linux-x86-64.so.2`. */
  readonly name: string;
  readonly elf: ElfFacts;
  /** Searched last (glibc), or where no path file says otherwise (musl). */
  readonly defaultDirectories: readonly string[];
}

/** musl's own, the same in every distribution; glibc's are compiled in and differ. */
const MUSL_DIRECTORIES = ['/lib', '/usr/local/lib', '/usr/lib'];
const USUAL_GLIBC_DIRECTORIES = ['/lib64/', '/usr/lib64/', '/lib/', '/usr/lib/'];

/** `name`: the path by which programs ask for it. Undefined: a loader of another kind, whose rules we do not know. */
export function loaderOf(name: string, elf: ElfFacts): Loader | undefined {
  const base = baseName(name);
  if (base.startsWith('ld-musl-')) return { kind: 'musl', name, elf, defaultDirectories: MUSL_DIRECTORIES };
  if (!/^ld(?:-linux.*|64|-lsb.*)?\.so/.test(base)) return undefined;
  return { kind: 'glibc', name, elf, defaultDirectories: elf.loaderDirectories ?? USUAL_GLIBC_DIRECTORIES };
}

/**
 * Sub-directories of every search directory that glibc prefers on newer processors, best first. What is proved must hold
 * for the oldest processor, and for the newer ones too.
 */
export const PROCESSOR_LEVELS: Readonly<Record<number, readonly string[]>> = {
  62: ['x86-64-v4', 'x86-64-v3', 'x86-64-v2'],
  21: ['power10', 'power9'],
  22: ['z16', 'z15', 'z14', 'z13'],
};

/** The machine's name as the kernel tells it to programs (AT_PLATFORM), by e_machine. */
const PLATFORM: Readonly<Record<number, string>> = { 3: 'i686', 62: 'x86_64', 183: 'aarch64' };

/**
 * The search path element with `$ORIGIN`, `$LIB` and `$PLATFORM` replaced, as far as this loader knows them. Undefined where
 * it would not use the element.
 */
export function expandTokens(element: string, loader: Loader, origin: string): string | undefined {
  const { kind, elf, defaultDirectories } = loader;
  if (kind === 'musl') {
    const expanded = element.replace(/\$ORIGIN|\$\{ORIGIN\}/g, () => origin);
    return element.replace(/\$ORIGIN|\$\{ORIGIN\}/g, '').includes('$') ? undefined : expanded;
  }
  // The first default directory is slibdir: "/lib/x86_64-linux-gnu/" makes $LIB "lib/x86_64-linux-gnu".
  const lib = (defaultDirectories[0] ?? '/lib/').replace(/^\/|\/$/g, '');
  const values: Readonly<Record<string, string | undefined>> = {
    ORIGIN: origin,
    LIB: lib,
    PLATFORM: PLATFORM[elf.machine],
  };
  return element.replace(/\$(?:(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_])|\{(ORIGIN|LIB|PLATFORM)\})/g, (token, a, b) => {
    return values[a ?? b] ?? token;
  });
}
