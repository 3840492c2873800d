// Identities of SBOM documents: unique for each content, equal for equal content. Never random.

import { hashHex } from '../../base/digest.ts';

/** Gives a document its identity out of all else that it says. */
export type Identify = (content: string) => string;

/** A UUID of version 8 (vendor-defined) out of the SHA-256 of the text. */
export function documentUuid(text: string): string {
  const hex = hashHex('sha256', text);
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
}
