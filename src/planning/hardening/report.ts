// What the contract says about one image.

import type { Excused, Finding, UnrunScript } from './finding.ts';
import type { Score } from './score.ts';

export interface HardeningReport {
  /** OCI form. */
  readonly arch: string;
  /** Errors first, then by check in the table's order, then by path. */
  readonly findings: readonly Finding[];
  readonly excused: readonly Excused[];
  readonly scripts: readonly UnrunScript[];
  readonly score: Score;
  /** What was looked at, so that "nothing found" says something. */
  readonly looked: {
    /** Everything but directories. */
    readonly files: number;
    /** ELF files: programs and libraries. */
    readonly programs: number;
    readonly packages: number;
  };
}
