// What is left of the bounds that all groups of files of an image share.

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';

export interface CollectionBudget {
  files: number;
  bytes: number;
}

export function collectionBudget(): CollectionBudget {
  return { files: LIMITS.collectedFiles, bytes: LIMITS.collectedBytes };
}

/** Takes one entry, with the bytes of its content. Failure ARCHIVE_LIMIT where a bound is passed. */
export function spend(budget: CollectionBudget, bytes: number): void {
  budget.files -= 1;
  budget.bytes -= bytes;
  if (budget.files >= 0 && budget.bytes >= 0) return;
  const what =
    budget.files < 0
      ? `there are more than ${LIMITS.collectedFiles} files`
      : `the files have more than ${LIMITS.collectedBytes} bytes together`;
  throw new Failure('ARCHIVE_LIMIT', what, { hint: 'leave out with "exclude" what the image does not need' });
}
