// The order in which the reference settles the entries of a world (apk-format.md 6.5, step 2), which loses candidates on the way.

interface WaitingEntry<T> {
  readonly entry: string;
  readonly position: number;
  candidates: readonly T[];
  isTaken: boolean;
}

/** Entries with their candidates: the one with the fewest first, and of several the one that was given first. */
export class FewestFirst<T> {
  /** By number of candidates, and in order. An entry that lost some stands in its old row, too. */
  private readonly rows: WaitingEntry<T>[][] = [];
  private readonly byCandidate = new Map<T, WaitingEntry<T>[]>();
  private lowestRow = 0;

  constructor(lists: ReadonlyMap<string, readonly T[]>) {
    let position = 0;
    for (const [entry, candidates] of lists) {
      const one = { entry, candidates, position: position++, isTaken: false };
      this.row(candidates.length).push(one);
      for (const candidate of candidates) {
        const wanting = this.byCandidate.get(candidate);
        if (wanting === undefined) this.byCandidate.set(candidate, [one]);
        else wanting.push(one);
      }
    }
  }

  take(): Pick<WaitingEntry<T>, 'entry' | 'candidates'> | undefined {
    for (; this.lowestRow < this.rows.length; this.lowestRow++) {
      const row = this.row(this.lowestRow);
      for (let first = row.shift(); first !== undefined; first = row.shift()) {
        if (first.isTaken || first.candidates.length !== this.lowestRow) continue;
        first.isTaken = true;
        return first;
      }
    }
    return undefined;
  }

  /** No entry may have that candidate any more. */
  drop(candidate: T): void {
    for (const one of this.byCandidate.get(candidate) ?? []) {
      if (one.isTaken) continue;
      one.candidates = one.candidates.filter((other) => other !== candidate);
      const row = this.row(one.candidates.length);
      const after = row.findIndex(({ position }) => position > one.position);
      row.splice(after < 0 ? row.length : after, 0, one);
      this.lowestRow = Math.min(this.lowestRow, one.candidates.length);
    }
  }

  private row(count: number): WaitingEntry<T>[] {
    while (this.rows.length <= count) this.rows.push([]);
    return this.rows[count] as WaitingEntry<T>[];
  }
}
