// Progress as typed values. Operations report to an EventSink; cli/ui draws them (live lines, plain lines, NDJSON).
// An event carries no secrets and no wall-clock time: the reporter stamps it.

import type { SourcePlace } from './failure.ts';

export type Phase =
  | 'configure'
  | 'index'
  | 'resolve'
  | 'fetch'
  | 'assemble'
  | 'check'
  | 'compress'
  | 'describe'
  | 'write'
  | 'unpack'
  | 'pull'
  | 'push'
  | 'sign'
  | 'load';

export type StaveEvent =
  | { readonly type: 'phase-started'; readonly phase: Phase; readonly arch?: string }
  | { readonly type: 'phase-finished'; readonly phase: Phase; readonly arch?: string }
  /** Work done so far in a phase: packages fetched, bytes compressed. */
  | {
      readonly type: 'progress';
      readonly phase: Phase;
      readonly arch?: string;
      readonly done: number;
      readonly total: number;
      readonly unit: 'packages' | 'bytes' | 'indexes';
      readonly item?: string;
    }
  | {
      readonly type: 'warning';
      readonly code: string;
      readonly message: string;
      readonly hint?: string;
      /** The line of the user's file that is the cause. */
      readonly where?: SourcePlace;
    }
  | { readonly type: 'info'; readonly message: string }
  | { readonly type: 'debug'; readonly message: string };

export type EventSink = (event: StaveEvent) => void;

export const noEvents: EventSink = () => {};
