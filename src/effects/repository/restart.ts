// Starting a download over when it broke off and could not be resumed. The HTTP client retries within one download;
// this is for servers that neither resume nor say how long their answer is.

import { Failure } from '../../base/failure.ts';

const ATTEMPTS = 3;

/** Runs `work` up to three times while it fails with `data.cut`. */
export async function startingOverWhenCut<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof Failure) || !wasCut(error)) throw error;
    }
  }
}

function wasCut(failure: Failure): boolean {
  return (failure.data as { cut?: boolean } | undefined)?.cut === true;
}
