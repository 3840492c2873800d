// Tags that follow a package: `app:{version:python3}`, `app:{version:python3|minor}-slim`. They are filled in when the packages
// are known, and before anything is built. Pure.

import { Failure } from '../../base/failure.ts';
import { nearestNames } from '../../base/nearest.ts';
import { sortedUnique } from '../../base/order.ts';
import { parseReference, type Reference } from '../../formats/oci/reference.ts';

/** The packages of one architecture. */
export interface PackagesOf {
  readonly arch: string;
  readonly packages: readonly { readonly name: string; readonly version: string }[];
}

/** What comes out of `3.12.4_git20240101-r2`. */
const PARTS: Readonly<Record<string, (version: ApkVersion) => string | undefined>> = {
  major: ({ numbers }) => numbers[0],
  minor: ({ numbers }) => (numbers.length < 2 ? undefined : numbers.slice(0, 2).join('.')),
  patch: ({ numbers }) => (numbers.length < 3 ? undefined : numbers.slice(0, 3).join('.')),
  upstream: ({ upstream }) => upstream,
  full: ({ full }) => full,
};

interface ApkVersion {
  readonly full: string;
  /** Without the revision of the package. */
  readonly upstream: string;
  /** The dotted numbers that it begins with. */
  readonly numbers: readonly string[];
}

const PLACEHOLDER = /\{([^{}]*)\}/g;
const VERSION_PLACEHOLDER = /^version:([^|{}]+)(?:\|([a-z]+))?$/;

/** Refuses what no package can make right. Failure USAGE_ARGUMENTS. */
export function checkTagTemplate(text: string): void {
  referenceOf(
    fill(text, () => '1'),
    text,
  );
}

/** The reference with every placeholder filled in. Failure USAGE_ARGUMENTS, with near names for an unknown package. */
export function expandTagTemplate(text: string, images: readonly PackagesOf[]): Reference {
  const filled = fill(text, (name, part) => {
    const version = parseVersion(versionOf(name, text, images));
    const value = PARTS[part]?.(version);
    if (value !== undefined) return value;
    throw new Failure(
      'USAGE_ARGUMENTS',
      `the tag "${text}" needs the ${part} version of ${name}, which is ${version.full}`,
      {
        hint: 'its version has fewer numbers: use {version:NAME} or {version:NAME|major}',
      },
    );
  });
  return referenceOf(filled, text);
}

function fill(text: string, answer: (name: string, part: string) => string): string {
  const filled = text.replace(PLACEHOLDER, (whole, inside: string) => {
    const [, name, part = 'upstream'] = VERSION_PLACEHOLDER.exec(inside) ?? [];
    const parts = Object.keys(PARTS);
    if (name !== undefined && parts.includes(part)) return answer(name, part);
    const near = name === undefined ? undefined : nearestNames(part, parts, 1)[0];
    throw new Failure('USAGE_ARGUMENTS', `the tag "${text}" has a placeholder that we do not know: ${whole}`, {
      hint: near === undefined ? HOW : `did you mean {version:${name}|${near}}?`,
    });
  });
  if (!/[{}]/.test(filled)) return filled;
  throw new Failure('USAGE_ARGUMENTS', `the tag "${text}" has a brace without its partner`, { hint: HOW });
}

const HOW = `write {version:PACKAGE} or {version:PACKAGE|PART}, with PART one of ${Object.keys(PARTS).join(', ')}`;

function versionOf(name: string, text: string, images: readonly PackagesOf[]): string {
  const found = images.flatMap(({ packages }) => packages.filter((one) => one.name === name));
  const [version, ...others] = sortedUnique(found.map((one) => one.version));
  if (version !== undefined && others.length === 0) return version;
  if (version !== undefined) {
    throw new Failure(
      'USAGE_ARGUMENTS',
      `the tag "${text}" needs one version of ${name}, but architectures have several`,
      {
        notes: images.map(
          ({ arch, packages }) => `${arch}: ${packages.find((one) => one.name === name)?.version ?? 'none'}`,
        ),
        hint: 'publish the architectures one by one, or make the lock file anew',
      },
    );
  }
  const known = sortedUnique(images.flatMap(({ packages }) => packages.map((one) => one.name)));
  const near = nearestNames(name, known);
  throw new Failure('USAGE_ARGUMENTS', `the tag "${text}" needs the version of ${name}, which is not in the image`, {
    hint: near.length > 0 ? `did you mean ${near.join(', ')}?` : '`stave show-packages` lists what is in the image',
  });
}

function parseVersion(full: string): ApkVersion {
  const upstream = full.replace(/-r\d+$/, '');
  const numbers = /^\d+(?:\.\d+)*/.exec(upstream)?.[0].split('.') ?? [];
  return { full, upstream, numbers };
}

/** It stands on the command line: what is wrong with it is an argument's fault. */
function referenceOf(text: string, template: string): Reference {
  let reference: Reference;
  try {
    reference = parseReference(text);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure('USAGE_ARGUMENTS', error.message, { ...(error.hint !== undefined && { hint: error.hint }) });
  }
  if (reference.digest === undefined) return reference;
  throw new Failure('USAGE_ARGUMENTS', `"${template}" names a digest, which follows from the image`, {
    hint: 'give repository and tag alone',
  });
}
