// Work that must not happen at the same time: what has the same key runs one after the other, everything else side by side.

export class Turns<K> {
  readonly #last = new Map<K, Promise<unknown>>();

  /** Runs `work` when what was given before under this key has ended, well or not. */
  async take<T>(key: K, work: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(key) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => {});
    this.#last.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}
