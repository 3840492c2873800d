// A few lines at the bottom of a terminal that are drawn over again and again. No timers, no hidden cursor:
// whatever interrupts us leaves a usable terminal behind.

import type { TextSink } from '../world.ts';
import { fitted } from './printable.ts';

export class LiveRegion {
  readonly #sink: TextSink;
  #drawnLines = 0;

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  /** Replaces what was drawn before. Lines are cut to the terminal's width, since wrapped lines cannot be erased. */
  draw(lines: readonly string[]): void {
    const columns = (this.#sink.columns || 80) - 1; // Some terminals say that they have 0.
    const text = lines.map((line) => `${fitted(line, columns)}\n`).join('');
    const output = this.#eraser() + text;
    if (output !== '') this.#sink.write(output);
    this.#drawnLines = lines.length;
  }

  clear(): void {
    this.draw([]);
  }

  #eraser(): string {
    return this.#drawnLines === 0 ? '' : `\x1b[${this.#drawnLines}A\x1b[J`;
  }
}
