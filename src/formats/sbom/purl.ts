// Package URLs (purl specification; sbom-and-lock.md 2 and 4 for the forms that must be exact).

import { compareBytes } from '../../base/order.ts';

export interface PurlParts {
  /** Lower case: `apk`, `oci`, `github`. */
  readonly type: string;
  /** Segments separated by `/`; '' = none. */
  readonly namespace?: string;
  readonly name: string;
  /** '' = none. */
  readonly version?: string;
  /** Empty values are left out; keys come out in byte order. */
  readonly qualifiers?: Readonly<Record<string, string>>;
}

export function printPurl(parts: PurlParts): string {
  const segments = (parts.namespace ?? '').split('/').filter((segment) => segment !== '');
  const path = [...segments, parts.name].map(encodePart).join('/');
  const version = parts.version ? `@${encodePart(parts.version)}` : '';
  const qualifiers = Object.entries(parts.qualifiers ?? {})
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([key, value]) => `${key}=${encodePart(value)}`);
  return `pkg:${parts.type}/${path}${version}${qualifiers.length === 0 ? '' : `?${qualifiers.join('&')}`}`;
}

/**
 * `pkg:apk/<distribution>/<name>@<version>?arch=&distro=&origin=`. Namespace and name are lower case, as the type demands.
 * The origin is named only where it is another package: scanners look up advisories by it.
 */
export function apkPurl(
  apk: { readonly name: string; readonly version: string; readonly arch: string; readonly origin: string },
  system: { readonly id: string; readonly version: string },
): string {
  const known = system.id !== '' && system.id !== 'unknown';
  const hasVersion = system.version !== '' && system.version !== 'unknown';
  return printPurl({
    type: 'apk',
    namespace: system.id.toLowerCase(),
    name: apk.name.toLowerCase(),
    version: apk.version,
    qualifiers: {
      arch: apk.arch,
      distro: known ? (hasVersion ? `${system.id}-${system.version}` : system.id) : '',
      origin: apk.origin === apk.name ? '' : apk.origin,
    },
  });
}

/** `pkg:oci/<name>@<digest>?arch=&mediaType=&os=`; an index has neither architecture nor system. */
export function ociPurl(name: string, digest: string, mediaType: string, architecture = ''): string {
  return printPurl({
    type: 'oci',
    name,
    version: digest,
    qualifiers: { arch: architecture, mediaType, os: architecture === '' ? '' : 'linux' },
  });
}

/** Percent-encodes all but unreserved characters and `:`, which purls keep. */
function encodePart(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%3A', ':');
}
