// Everything an operation may know of the outside, as one value. Made by the command line (or a library user), nowhere else.

import type { EventSink } from '../base/events.ts';

export interface Host {
  /** Relative paths of a request count from here. Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The machine's architecture, any spelling. */
  readonly hostArch: string;
  readonly homeDir: string;
  readonly events: EventSink;
  /** Standard input to its end, or at least `mostBytes` of it; absent where nobody may read it. */
  readonly readStdin?: (mostBytes: number) => Promise<Uint8Array>;
  /** Asks for a password without echo; absent where nobody can answer. */
  readonly askPassword?: (question: string) => Promise<string>;
}
