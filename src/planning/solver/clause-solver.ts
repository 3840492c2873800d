// A small complete solver for clauses over yes-no variables: unit propagation, conflict learning, backjumping. It knows
// nothing of packages. Its one freedom, which variable to try next, is the caller's: that is how preferences get in.
// Deterministic: no restarts, no randomness, no clock; bounded by a number of conflicts.

/** A variable is 0, 1, 2 ...; the literal "v is true" is 2v, "v is false" is 2v + 1. */
export type Literal = number;

export const yes = (variable: number): Literal => variable << 1;
export const no = (variable: number): Literal => (variable << 1) | 1;

export type ClauseResult =
  | { readonly outcome: 'satisfied' }
  /** `core` are assumptions that cannot hold together: enough for the refutation, not always the fewest. */
  | { readonly outcome: 'refuted'; readonly core: readonly Literal[] }
  | { readonly outcome: 'limit' };

export class ClauseSolver {
  /** The literals that hold, in the order in which they came to. */
  readonly trail: Literal[] = [];
  private readonly values: number[] = []; // by literal: 1 true, -1 false, 0 open
  private readonly levels: number[] = []; // by variable
  private readonly reasons: (readonly Literal[] | undefined)[] = []; // by variable; the implied literal comes first
  private readonly watches: Literal[][][] = []; // by literal: clauses that watch it
  private readonly groupsOf: (readonly number[])[][] = []; // by variable
  private readonly levelStarts: number[] = [];
  private readonly units: Literal[] = [];
  private propagated = 0;
  /** The clauses refute each other without any assumption. */
  private broken = false;

  addVariable(): number {
    this.values.push(0, 0);
    this.watches.push([], []);
    this.levels.push(0);
    this.reasons.push(undefined);
    this.groupsOf.push([]);
    return this.levels.length - 1;
  }

  /** At least one of the literals holds. The list must not have repetitions; it is kept and reordered. */
  addClause(literals: Literal[]): void {
    if (literals.length === 0) this.broken = true;
    else if (literals.length === 1) this.units.push(literals[0]!);
    else this.watch(literals);
  }

  /** At most one of the variables is true. The list is kept; it may grow until `solve`. */
  addExclusive(variables: readonly number[]): void {
    for (const variable of variables) this.groupsOf[variable]!.push(variables);
  }

  isTrue(literal: Literal): boolean {
    return this.values[literal] === 1;
  }

  isFalse(literal: Literal): boolean {
    return this.values[literal] === -1;
  }

  get level(): number {
    return this.levelStarts.length;
  }

  /**
   * Searches for values under the assumptions. `decide` is asked for an open literal whenever nothing follows any more; its
   * undefined says that the values are good as they are (what is open counts as false).
   */
  solve(assumptions: readonly Literal[], decide: () => Literal | undefined, conflictLimit: number): ClauseResult {
    this.backTo(0);
    for (const unit of this.units) {
      if (this.isFalse(unit)) this.broken = true;
      else if (!this.isTrue(unit)) this.assign(unit, undefined);
    }
    for (let conflicts = 0; ; ) {
      const conflict = this.propagate();
      if (conflict !== undefined && this.level === 0) this.broken = true;
      if (this.broken) return { outcome: 'refuted', core: [] };
      if (conflict !== undefined) {
        if (++conflicts > conflictLimit) return { outcome: 'limit' };
        this.learnFrom(conflict);
        continue;
      }
      let next = assumptions[this.level];
      if (next !== undefined && this.isFalse(next)) return { outcome: 'refuted', core: this.assumptionsBehind(next) };
      next ??= decide();
      if (next === undefined) return { outcome: 'satisfied' };
      this.levelStarts.push(this.trail.length);
      if (!this.isTrue(next)) this.assign(next, undefined);
    }
  }

  private watch(clause: Literal[]): void {
    this.watches[clause[0]!]!.push(clause);
    this.watches[clause[1]!]!.push(clause);
  }

  private assign(literal: Literal, reason: readonly Literal[] | undefined): void {
    this.values[literal] = 1;
    this.values[literal ^ 1] = -1;
    this.levels[literal >> 1] = this.level;
    this.reasons[literal >> 1] = reason;
    this.trail.push(literal);
  }

  private backTo(level: number): void {
    if (this.level <= level) return;
    const length = this.levelStarts[level]!;
    for (const literal of this.trail.splice(length)) this.values[literal] = this.values[literal ^ 1] = 0;
    this.levelStarts.length = level;
    this.propagated = length;
  }

  /** Draws all conclusions; the clause that cannot hold, if there is one. */
  private propagate(): readonly Literal[] | undefined {
    while (this.propagated < this.trail.length) {
      const literal = this.trail[this.propagated++]!;
      const conflict = this.propagateGroups(literal) ?? this.propagateClauses(literal ^ 1);
      if (conflict !== undefined) return conflict;
    }
    return undefined;
  }

  private propagateGroups(literal: Literal): readonly Literal[] | undefined {
    if ((literal & 1) === 1) return undefined;
    const variable = literal >> 1;
    for (const group of this.groupsOf[variable]!) {
      for (const other of group) {
        if (other === variable || this.isFalse(yes(other))) continue;
        const clause = [no(other), no(variable)];
        if (this.isTrue(yes(other))) return clause;
        this.assign(no(other), clause);
      }
    }
    return undefined;
  }

  private propagateClauses(falsified: Literal): readonly Literal[] | undefined {
    const watching = this.watches[falsified]!;
    let kept = 0;
    for (let i = 0; i < watching.length; i++) {
      const clause = watching[i]!;
      if (clause[0] === falsified) [clause[0], clause[1]] = [clause[1]!, falsified];
      const first = clause[0]!;
      if (!this.isTrue(first) && this.moveWatch(clause)) continue;
      watching[kept++] = clause;
      if (this.isTrue(first)) continue;
      if (this.isFalse(first)) {
        while (++i < watching.length) watching[kept++] = watching[i]!;
        watching.length = kept;
        return clause;
      }
      this.assign(first, clause);
    }
    watching.length = kept;
    return undefined;
  }

  /** Finds another literal to watch instead of the second, which became false. */
  private moveWatch(clause: Literal[]): boolean {
    for (let k = 2; k < clause.length; k++) {
      if (this.isFalse(clause[k]!)) continue;
      [clause[1], clause[k]] = [clause[k]!, clause[1]!];
      this.watches[clause[1]!]!.push(clause);
      return true;
    }
    return false;
  }

  /** Learns the clause that would have foreseen the conflict (first unique implication point), and goes back to use it. */
  private learnFrom(conflict: readonly Literal[]): void {
    const seen = new Set<number>();
    const learned: Literal[] = [0];
    let open = 0;
    let reason = conflict;
    let at = this.trail.length - 1;
    for (;;) {
      for (const literal of reason) {
        const variable = literal >> 1;
        if (!this.isFalse(literal) || seen.has(variable) || this.levels[variable] === 0) continue;
        seen.add(variable);
        if (this.levels[variable] === this.level) open++;
        else learned.push(literal);
      }
      while (!seen.has(this.trail[at]! >> 1)) at--;
      const literal = this.trail[at--]!;
      if (--open === 0) {
        learned[0] = literal ^ 1;
        break;
      }
      reason = this.reasons[literal >> 1]!;
    }
    let backLevel = 0;
    for (let i = 1; i < learned.length; i++) {
      const level = this.levels[learned[i]! >> 1]!;
      if (level <= backLevel) continue;
      backLevel = level;
      [learned[1], learned[i]] = [learned[i]!, learned[1]!];
    }
    this.backTo(backLevel);
    if (learned.length > 1) this.watch(learned);
    else this.units.push(learned[0]);
    this.assign(learned[0], learned);
  }

  /** Which assumptions make this one false, itself included. */
  private assumptionsBehind(refuted: Literal): Literal[] {
    const core = [refuted];
    const seen = new Set([refuted >> 1]);
    for (let at = this.trail.length - 1; at >= 0; at--) {
      const literal = this.trail[at]!;
      const variable = literal >> 1;
      if (!seen.has(variable) || this.levels[variable] === 0) continue;
      const reason = this.reasons[variable];
      // Below the first decision, what has no reason is an assumption.
      if (reason === undefined) core.push(literal);
      else for (const other of reason) seen.add(other >> 1);
    }
    return core;
  }
}
