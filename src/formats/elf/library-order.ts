// The order of library names in ld.so.cache (layer-and-oci.md 8), and a sort that leaves equal names where the reference's
// does: the same library under two directories is two entries of one name, and their order is in the bytes.

/**
 * Compares names as glibc's loader does when it searches the cache: runs of digits by their number, a digit after
 * everything else, otherwise character by character.
 */
export function compareLibraryNames(a: string, b: string): number {
  let [i, j] = [0, 0];
  while (i < a.length) {
    const [x, y] = [digitsAt(a, i), digitsAt(b, j)];
    if (x !== '' && y !== '') {
      const difference = compareNumbers(x, y);
      if (difference !== 0) return difference;
      i += x.length;
      j += y.length;
    } else if (x !== '') return 1;
    else if (y !== '') return -1;
    else {
      const difference = a.charCodeAt(i++) - (j < b.length ? b.charCodeAt(j++) : 0);
      if (difference !== 0) return difference;
    }
  }
  return j < b.length ? -1 : 0;
}

function digitsAt(text: string, start: number): string {
  let end = start;
  while (end < text.length && text.charCodeAt(end) >= 0x30 && text.charCodeAt(end) <= 0x39) end++;
  return text.slice(start, end);
}

/** Numbers of any length, without the rounding of a machine number. */
function compareNumbers(a: string, b: string): number {
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return x.length - y.length || (x < y ? -1 : x > y ? 1 : 0);
}

const INSERTION_LENGTH = 12;
const NINTHER_LENGTH = 50;
const REPAIR_STEPS = 5;
const WORST_MEDIAN_SWAPS = 12;

/**
 * A sorted copy, by pattern-defeating quicksort with the parameters of Go's library (the reference is written in Go).
 * Where `before` calls two items equal their order follows from the algorithm: not stable, but always the same.
 * `patience` is how many unbalanced splits are borne before heap sort takes over (for tests: too rare to provoke).
 */
export function sortPatternDefeating<T>(
  items: readonly T[],
  before: (a: T, b: T) => boolean,
  patience = bitLength(items.length),
): T[] {
  const sorting = new PatternDefeatingSort([...items], before);
  sorting.sort(0, items.length, patience);
  return sorting.items;
}

function bitLength(n: number): number {
  return n === 0 ? 0 : 32 - Math.clz32(n);
}

/** All ranges are half open: [start, end). */
class PatternDefeatingSort<T> {
  readonly items: T[];
  private readonly before: (a: T, b: T) => boolean;

  constructor(items: T[], before: (a: T, b: T) => boolean) {
    this.items = items;
    this.before = before;
  }

  sort(start: number, end: number, patience: number): void {
    let balanced = true;
    let untouched = true;
    while (end - start > INSERTION_LENGTH) {
      if (patience === 0) {
        this.heapSort(start, end);
        return;
      }
      if (!balanced) {
        this.shuffleMiddle(start, end);
        patience--;
      }
      let { pivot, looks } = this.choosePivot(start, end);
      if (looks === 'descending') {
        for (let i = start, j = end - 1; i < j; i++, j--) this.swap(i, j);
        pivot = end - 1 - (pivot - start);
        looks = 'ascending';
      }
      if (balanced && untouched && looks === 'ascending' && this.repairNearlySorted(start, end)) return;
      // Everything here is at least as great as the previous pivot. Is this pivot its equal? Then all its equals go left at once.
      if (start > 0 && !this.less(start - 1, pivot)) {
        start = this.gatherEqual(start, end, pivot);
        continue;
      }
      const split = this.partition(start, end, pivot);
      untouched = split.untouched;
      const [left, right] = [split.middle - start, end - split.middle];
      balanced = Math.min(left, right) >= Math.floor((end - start) / 8);
      if (left < right) {
        this.sort(start, split.middle, patience);
        start = split.middle + 1;
      } else {
        this.sort(split.middle + 1, end, patience);
        end = split.middle;
      }
    }
    for (let i = start + 1; i < end; i++) this.sinkLeft(i, start);
  }

  private less(i: number, j: number): boolean {
    return this.before(this.items[i] as T, this.items[j] as T);
  }

  private swap(i: number, j: number): void {
    const item = this.items[i] as T;
    this.items[i] = this.items[j] as T;
    this.items[j] = item;
  }

  private sinkLeft(from: number, start: number): void {
    for (let j = from; j > start && this.less(j, j - 1); j--) this.swap(j, j - 1);
  }

  /** Median of three quarter points, each itself a median of three neighbours where the range is long. */
  private choosePivot(start: number, end: number): { pivot: number; looks: 'ascending' | 'descending' | 'mixed' } {
    const quarter = Math.floor((end - start) / 4);
    let swaps = 0;
    const median = (a: number, b: number, c: number) => {
      const order = [a, b, c] as [number, number, number];
      for (const k of [0, 1, 0] as const) {
        if (!this.less(order[k + 1] as number, order[k])) continue;
        [order[k], order[k + 1]] = [order[k + 1] as number, order[k]];
        swaps++;
      }
      return order[1];
    };
    const points = [1, 2, 3].map((k) => {
      const at = start + quarter * k;
      return end - start >= NINTHER_LENGTH ? median(at - 1, at, at + 1) : at;
    });
    const pivot = median(...(points as [number, number, number]));
    return { pivot, looks: swaps === 0 ? 'ascending' : swaps === WORST_MEDIAN_SWAPS ? 'descending' : 'mixed' };
  }

  /** Moves what is before the pivot to its left. `untouched`: nothing but the pivot had to move. */
  private partition(start: number, end: number, pivot: number): { middle: number; untouched: boolean } {
    this.swap(start, pivot);
    let [i, j] = [start + 1, end - 1];
    for (let exchanges = 0; ; exchanges++) {
      while (i <= j && this.less(i, start)) i++;
      while (i <= j && !this.less(j, start)) j--;
      if (i > j) {
        this.swap(j, start);
        return { middle: j, untouched: exchanges === 0 };
      }
      this.swap(i++, j--);
    }
  }

  /** Moves the items equal to the pivot to the left end; the answer is where the greater ones begin. */
  private gatherEqual(start: number, end: number, pivot: number): number {
    this.swap(start, pivot);
    let [i, j] = [start + 1, end - 1];
    for (;;) {
      while (i <= j && !this.less(start, i)) i++;
      while (i <= j && this.less(start, j)) j--;
      if (i > j) return i;
      this.swap(i++, j--);
    }
  }

  /** Puts a few misplaced items right; true when the range is sorted then. Short ranges are only looked at. */
  private repairNearlySorted(start: number, end: number): boolean {
    let i = start + 1;
    for (let step = 0; step < REPAIR_STEPS; step++) {
      while (i < end && !this.less(i, i - 1)) i++;
      if (i === end) return true;
      if (end - start < NINTHER_LENGTH) return false;
      this.swap(i, i - 1);
      if (i - start >= 2) this.sinkLeft(i - 1, start);
      if (end - i >= 2) for (let j = i + 1; j < end && this.less(j, j - 1); j++) this.swap(j, j - 1);
    }
    return false;
  }

  /** Breaks a pattern that gave an unbalanced split: three items around the middle change places with pseudo-random ones. */
  private shuffleMiddle(start: number, end: number): void {
    const length = end - start;
    const mask = (1n << BigInt(bitLength(length))) - 1n;
    const middle = start + Math.floor(length / 4) * 2;
    let random = BigInt(length);
    for (let i = -1; i <= 1; i++) {
      random = BigInt.asUintN(64, random ^ (random << 13n));
      random ^= random >> 7n;
      random = BigInt.asUintN(64, random ^ (random << 17n));
      const draw = Number(random & mask);
      this.swap(middle + i, start + (draw >= length ? draw - length : draw));
    }
  }

  private heapSort(start: number, end: number): void {
    const sift = (root: number, length: number) => {
      for (let parent = root; ; ) {
        let child = 2 * parent + 1;
        if (child >= length) return;
        if (child + 1 < length && this.less(start + child, start + child + 1)) child++;
        if (!this.less(start + parent, start + child)) return;
        this.swap(start + parent, start + child);
        parent = child;
      }
    };
    const length = end - start;
    for (let root = Math.floor((length - 1) / 2); root >= 0; root--) sift(root, length);
    for (let last = length - 1; last >= 0; last--) {
      this.swap(start, start + last);
      sift(0, last);
    }
  }
}
