// What was chosen in an earlier run for the same wishes out of the same indexes, in the store under the digest of all of them:
// 25 of 190 ms of a lock, 45 of 400 of a build that changes nothing. A memory that may be wrong in no way but being absent:
// the indexes are opened and verified all the same.

import { digestHex, sha256 } from '../../base/digest.ts';
import { SOURCES, VERSION } from '../../base/version.ts';
import { publicLine } from '../../effects/repository/repository-line.ts';
import type { ArchitectureIndexes } from '../../planning/solver/architecture-indexes.ts';
import type { OpenImage } from './open-image.ts';
import { publicConfig } from './public-config.ts';

/** `question`: what else decides the answer. The answer must be the same when it has been JSON. */
export function keptChoice<T>(
  image: OpenImage,
  architectures: readonly ArchitectureIndexes[],
  question: readonly unknown[],
  choose: () => T,
): T {
  const { host, store } = image;
  const key = keyOf(image, architectures, question);
  const record = key === undefined ? undefined : store.readRecord('choices', key);
  if (record !== undefined) {
    host.events({ type: 'phase-started', phase: 'resolve' });
    host.events({ type: 'phase-finished', phase: 'resolve' });
    return JSON.parse(Buffer.from(record).toString());
  }
  const chosen = choose();
  if (key !== undefined) store.writeRecord('choices', key, JSON.stringify(chosen));
  return chosen;
}

/** Undefined on top of a base image, whose list of packages has no digest, and where a URL holds a secret: the store holds none. */
function keyOf(
  image: OpenImage,
  architectures: readonly ArchitectureIndexes[],
  question: readonly unknown[],
): string | undefined {
  const repositories = architectures.flatMap((one) => one.repositories);
  if (repositories.some(({ url, sha256: digest }) => digest === undefined || publicLine(url) !== url)) return undefined;
  const inputs = {
    stave: [VERSION, SOURCES],
    question,
    contents: publicConfig(image.config).contents,
    indexes: architectures.map((one) => [
      one.arch,
      one.repositories.map(({ url, tag, sha256: digest }) => [url, tag, digest]),
    ]),
  };
  return digestHex(sha256('choice\0', JSON.stringify(inputs)));
}
