// How V8 is set for the command line: its defaults are made for servers. What Node's own modules were compiled to is only taken while
// all flags are as Node has them, so that they are put back wherever such modules are loaded: otherwise it takes three times as long,
// 15 ms for those that every command needs.

import { setFlagsFromString } from 'node:v8';
import type { Worker } from 'node:worker_threads';

const V8_MAJOR = Number.parseInt(process.versions.v8, 10);

/** Ours, and Node's. */
const FLAGS: readonly (readonly [ours: string, usual: string])[] = [
  // Most runs end before optimized code would have paid for its compilation, and two cores have better things to do: a warm build
  // of 2 x 270 MB takes 1.65 instead of 2.1 s of CPU time, one that changes nothing 0.37 instead of 0.53. Work that lasts is still
  // optimized, eight times later. V8 12 (Node 22) counts calls instead; 4 to 8 % less CPU time on Node 24.
  ...(V8_MAJOR < 12
    ? [['--interrupt-budget=1000000', '--interrupt-budget=67584'] as const]
    : [
        [
          '--invocation-count-for-turbofan=24000',
          `--invocation-count-for-turbofan=${V8_MAJOR < 13 ? 3000 : 10_000}`,
        ] as const,
        ['--invocation-count-for-maglev=3200', '--invocation-count-for-maglev=400'] as const,
      ]),
  // Keeps the young generation small: 20 MB less on Node 20, 70 on 24.
  ['--semi-space-growth-factor=1', '--semi-space-growth-factor=2'],
  // A young generation that small is collected before helping threads have woken up: 8 % less CPU time.
  ['--no-parallel-scavenge', '--parallel-scavenge'],
  // The old generation is collected sooner: 30 MB less at its largest, for 2 % more CPU time.
  ['--optimize-for-size', '--no-optimize-for-size --max-semi-space-size=0'],
  // But what is there at the beginning stays until the end of most runs: looking through it again and again, whenever there is a
  // tenth more, takes 70 of 1,500 ms of CPU, and saves 3 of 120 MB. (250 % is no quicker; an image of 40,000 files takes 243 MB
  // with it instead of 210.)
  ['--heap-growing-percent=160', '--heap-growing-percent=0'],
];

let areOurs = false;
let doesGrowSlowly = false;

export function setFlags(): void {
  for (const [ours] of FLAGS) setFlagsFromString(ours);
  if (doesGrowSlowly) setFlagsFromString('--heap-growing-percent=0');
  areOurs = true;
}

/** As Node has them. */
export function unsetFlags(): void {
  for (const [, usual] of FLAGS) for (const flag of usual.split(' ')) setFlagsFromString(flag);
  areOurs = false;
}

/** Does something that may load modules of Node. */
export function asUsual<T>(work: () => T): T {
  if (!areOurs) return work();
  unsetFlags();
  try {
    return work();
  } finally {
    setFlags();
  }
}

let threads = 0;

/**
 * A thread that starts makes the young generation of the others grow: 6 MiB more with an empty cache. (With Node's flags it would start
 * in half the time, and that generation would grow in the meantime: 10 MB in a warm build.)
 */
export function watchThread(thread: Worker): void {
  // Work of several threads is long and takes memory in other ways: 150 MB with an empty cache otherwise, 130 with it.
  doesGrowSlowly = ++threads > 1;
  thread.once('online', setFlags);
}
