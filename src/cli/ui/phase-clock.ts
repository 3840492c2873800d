// Wall time per phase. Architectures overlap: a phase runs while any of them is in it, and counts once.

import type { Phase } from '../../base/events.ts';

export interface PhaseTime {
  readonly phase: Phase;
  readonly ms: number;
}

export class PhaseClock {
  readonly #now: () => number;
  /** In order of first start. */
  readonly #phases = new Map<Phase, { running: number; since: number; total: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  started(phase: Phase): void {
    const entry = this.#phases.get(phase) ?? { running: 0, since: 0, total: 0 };
    if (entry.running === 0) entry.since = this.#now();
    entry.running++;
    this.#phases.set(phase, entry);
  }

  finished(phase: Phase): void {
    const entry = this.#phases.get(phase);
    if (entry === undefined || entry.running === 0) return; // A finish without a start says nothing about time.
    entry.running--;
    if (entry.running === 0) entry.total += this.#now() - entry.since;
  }

  /** Whole milliseconds. Phases that still run count up to now. */
  times(): PhaseTime[] {
    return [...this.#phases].map(([phase, { running, since, total }]) => ({
      phase,
      ms: Math.round(total + (running > 0 ? this.#now() - since : 0)),
    }));
  }
}
