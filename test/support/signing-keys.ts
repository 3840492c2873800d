// Keys for tests of signing: where they come from is handed in, and a canary shows whether a secret reached an event.

import { expect } from 'vitest';
import type { StaveEvent } from '../../src/base/events.ts';
import type { SecretSources } from '../../src/effects/signing/secret-sources.ts';

/** Stands in every password and token of these tests: no event, failure or file may have it. */
export const SECRET_CANARY = 'canary-pa55phrase';

export interface SourcesBench extends SecretSources {
  readonly seen: StaveEvent[];
}

/** Sources with this environment, nothing on standard input, and nobody to ask. */
export function testSources(
  env: Readonly<Record<string, string>> = {},
  more: Partial<SecretSources> = {},
): SourcesBench {
  const seen: StaveEvent[] = [];
  return {
    cwd: '/nonexistent',
    env,
    seen,
    events: (event) => seen.push(event),
    readStdin: async () => new Uint8Array(),
    ...more,
  };
}

/** Whatever is known of an error or value, down its causes, has none of these texts. */
export function expectNoSecret(value: unknown, ...secrets: readonly string[]): void {
  const texts: string[] = [];
  for (let at = value; at !== undefined && at !== null; at = (at as { cause?: unknown }).cause) {
    texts.push(String(at), JSON.stringify(at, Object.getOwnPropertyNames(at)) ?? '');
    if (typeof at !== 'object') break;
  }
  for (const secret of [SECRET_CANARY, ...secrets]) expect(texts.join('\n')).not.toContain(secret);
}
