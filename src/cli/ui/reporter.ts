// Draws the typed events of the operations floor on stderr: live lines on a terminal, plain lines in CI, NDJSON with
// --json. It times the phases. The same warning is never printed twice.

import type { EventSink, Phase, StaveEvent } from '../../base/events.ts';
import type { TextSink } from '../world.ts';
import { sourceLines } from './failure-text.ts';
import { LiveRegion } from './live-region.ts';
import type { Paint } from './paint.ts';
import { PhaseClock, type PhaseTime } from './phase-clock.ts';
import { printable } from './printable.ts';
import { printSize } from './quantity.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type ReporterStyle = 'live' | 'plain' | 'json';

export interface ReporterOptions {
  readonly sink: TextSink;
  readonly style: ReporterStyle;
  readonly level: LogLevel;
  readonly paint: Paint;
  /** Milliseconds from an arbitrary start. */
  readonly now: () => number;
}

export interface Reporter {
  readonly events: EventSink;
  /** Time per phase so far. */
  readonly phases: () => PhaseTime[];
  /** Takes the live lines away. To be called before anything else is printed. */
  readonly close: () => void;
}

/** What a phase is doing, for people. */
const DOING: Readonly<Record<Phase, string>> = {
  configure: 'reading the configuration',
  index: 'reading the indexes',
  resolve: 'resolving the packages',
  fetch: 'fetching packages',
  assemble: 'assembling the file tree',
  check: 'checking the image',
  compress: 'compressing the layers',
  describe: 'describing the image',
  write: 'writing the image',
  unpack: 'unpacking the image',
  pull: 'looking at the image',
  push: 'pushing the image',
  sign: 'signing the image',
  load: 'loading the image',
};

/** Redrawing more often than this costs more than anybody can see. */
const REDRAW_MS = 80;
/** In CI a long phase says every so often that it is alive. */
const PLAIN_PROGRESS_MS = 10_000;

type Progress = Extract<StaveEvent, { type: 'progress' }>;

export function createReporter(options: ReporterOptions): Reporter {
  const clock = new PhaseClock(options.now);
  const draw = { live: liveDrawer, plain: plainDrawer, json: jsonDrawer }[options.style](options);
  const seen = new Set<string>();
  const events: EventSink = (event) => {
    if (event.type === 'phase-started') clock.started(event.phase);
    if (event.type === 'phase-finished') clock.finished(event.phase);
    if (event.type === 'warning' || event.type === 'info') {
      const key = JSON.stringify(event);
      if (seen.has(key)) return;
      seen.add(key);
    }
    if (LOG_LEVELS.indexOf(levelOf(event)) >= LOG_LEVELS.indexOf(options.level)) draw.event(event);
  };
  return { events, phases: () => clock.times(), close: draw.close };
}

interface Drawer {
  readonly event: EventSink;
  readonly close: () => void;
}

function levelOf(event: StaveEvent): LogLevel {
  if (event.type === 'warning') return 'warn';
  return event.type === 'debug' ? 'debug' : 'info';
}

/** One JSON object a line, with the time since the start of the command. */
function jsonDrawer({ sink, now }: ReporterOptions): Drawer {
  const start = now();
  return {
    event: (event) => sink.write(`${JSON.stringify({ ...event, elapsedMs: Math.round(now() - start) })}\n`),
    close: () => {},
  };
}

/** One line when a phase starts, without time stamps, so that two runs can be compared. */
function plainDrawer({ sink, paint, now }: ReporterOptions): Drawer {
  const lastSaid = new Map<string, number>();
  const event: EventSink = (event) => {
    if (event.type === 'phase-started') {
      lastSaid.set(runningKey(event), now());
      sink.write(`${DOING[event.phase]}${archSuffix(event.arch)}\n`);
    } else if (event.type === 'progress') {
      const key = runningKey(event);
      if (now() - (lastSaid.get(key) ?? 0) < PLAIN_PROGRESS_MS) return;
      lastSaid.set(key, now());
      sink.write(`${DOING[event.phase]}${archSuffix(event.arch)}: ${amountDone(event)}\n`);
    } else if (event.type !== 'phase-finished') {
      sink.write(messageText(event, paint));
    }
  };
  return { event, close: () => {} };
}

/** One line for each phase that runs, redrawn in place; messages scroll by above them. */
function liveDrawer({ sink, paint, now }: ReporterOptions): Drawer {
  const region = new LiveRegion(sink);
  const running = new Map<string, { phase: Phase; arch: string | undefined; progress?: Progress }>();
  let drawnAt = Number.NEGATIVE_INFINITY;
  const redraw = (force: boolean) => {
    if (!force && now() - drawnAt < REDRAW_MS) return;
    drawnAt = now();
    region.draw([...running.values()].map(liveLine));
  };
  const event: EventSink = (event) => {
    if (event.type === 'phase-started') {
      running.set(runningKey(event), { phase: event.phase, arch: event.arch });
      redraw(true);
    } else if (event.type === 'phase-finished') {
      running.delete(runningKey(event));
      redraw(true);
    } else if (event.type === 'progress') {
      running.set(runningKey(event), { phase: event.phase, arch: event.arch, progress: event });
      redraw(false);
    } else {
      region.clear();
      sink.write(messageText(event, paint));
      redraw(true);
    }
  };
  return { event, close: () => region.clear() };
}

function liveLine(line: { phase: Phase; arch: string | undefined; progress?: Progress }): string {
  const item = line.progress?.item === undefined ? '' : `  ${printable(line.progress.item)}`;
  const amount = line.progress === undefined ? '' : `  ${amountDone(line.progress)}`;
  return `${DOING[line.phase]}${archSuffix(line.arch)}${amount}${item}`;
}

function runningKey(event: { phase: Phase; arch?: string }): string {
  return `${event.phase} ${event.arch ?? ''}`;
}

function archSuffix(arch: string | undefined): string {
  return arch === undefined ? '' : ` (${printable(arch)})`;
}

function amountDone({ done, total, unit }: Progress): string {
  return unit === 'bytes' ? `${printSize(done)} of ${printSize(total)}` : `${done} of ${total}`;
}

function messageText(event: Extract<StaveEvent, { message: string }>, paint: Paint): string {
  const message = printable(event.message);
  if (event.type === 'info') return `${message}\n`;
  if (event.type === 'debug') return `${paint('quiet', `debug: ${message}`)}\n`;
  const hint = event.hint === undefined ? '' : `  ${paint('hint', 'hint:')} ${printable(event.hint)}\n`;
  const place =
    event.where === undefined
      ? ''
      : sourceLines(event.where, paint)
          .map((line) => `${line}\n`)
          .join('');
  return `${paint('warning', 'warning:')} ${message} ${paint('quiet', `[${event.code}]`)}\n${place}${hint}`;
}
