import { describe, expect, it } from 'vitest';
import type { StaveEvent } from '../../base/events.ts';
import { recordedSink } from '../recorded-world.ts';
import { noPaint } from './paint.ts';
import { createReporter, type LogLevel, type ReporterStyle } from './reporter.ts';

const WARNING: StaveEvent = { type: 'warning', code: 'W', message: 'odd', hint: 'look' };

/** What a reporter writes for the events; each event may carry the time at which it comes. */
function drawn(style: ReporterStyle, events: readonly (StaveEvent | number)[], level: LogLevel = 'info', columns = 80) {
  let time = 0;
  const sink = recordedSink(style === 'live', columns);
  const reporter = createReporter({ sink, style, level, paint: noPaint, now: () => time });
  for (const event of events) {
    if (typeof event === 'number') time = event;
    else reporter.events(event);
  }
  const phases = reporter.phases();
  reporter.close();
  return { text: sink.text, phases };
}

/** The terminal's content after the escape sequences that we use. */
function screen(text: string): string[] {
  const lines = [''];
  for (const part of text.split(/(\x1b\[\d+A\x1b\[J|\n)/)) {
    const up = /^\x1b\[(\d+)A/.exec(part)?.[1];
    if (up !== undefined) lines.splice(lines.length - 1 - Number(up), Number(up) + 1, '');
    else if (part === '\n') lines.push('');
    else lines[lines.length - 1] += part;
  }
  return lines;
}

describe('plain', () => {
  it('says once when a phase starts, and warnings with their hint', () => {
    const { text } = drawn('plain', [
      { type: 'phase-started', phase: 'resolve', arch: 'amd64' },
      { type: 'phase-finished', phase: 'resolve', arch: 'amd64' },
      { type: 'phase-started', phase: 'fetch' },
      { type: 'progress', phase: 'fetch', done: 1, total: 9, unit: 'packages', item: 'bash' },
      WARNING,
      { type: 'info', message: 'note' },
      { type: 'debug', message: 'hidden' },
    ]);
    expect(text).toBe('resolving the packages (amd64)\nfetching packages\nwarning: odd [W]\n  hint: look\nnote\n');
  });

  it('says that a long phase is alive', () => {
    const progress = (done: number): StaveEvent => ({
      type: 'progress',
      phase: 'fetch',
      done,
      total: 9,
      unit: 'packages',
    });
    const { text } = drawn('plain', [
      { type: 'phase-started', phase: 'fetch' },
      9_999,
      progress(1),
      10_000,
      progress(2),
      15_000,
      progress(3),
    ]);
    expect(text).toBe('fetching packages\nfetching packages: 2 of 9\n');
  });

  it('prints the same warning once', () => {
    expect(drawn('plain', [WARNING, WARNING, { ...WARNING, message: 'other' }]).text.match(/odd/g)).toHaveLength(1);
  });
});

describe('levels', () => {
  const events: StaveEvent[] = [
    { type: 'debug', message: 'd' },
    { type: 'info', message: 'i' },
    { type: 'phase-started', phase: 'fetch' },
    { type: 'warning', code: 'W', message: 'w' },
  ];
  const rows: [LogLevel, string][] = [
    ['debug', 'debug: d\ni\nfetching packages\nwarning: w [W]\n'],
    ['info', 'i\nfetching packages\nwarning: w [W]\n'],
    ['warn', 'warning: w [W]\n'],
    ['error', ''],
  ];
  it.each(rows)('%s', (level, text) => {
    const result = drawn('plain', events, level);
    expect(result.text).toBe(text);
    expect(result.phases.map(({ phase }) => phase)).toEqual(['fetch']);
  });
});

describe('json', () => {
  it('writes one object a line with the time since the start', () => {
    const lines = drawn('json', [5, { type: 'info', message: 'a\nb' }, 7, WARNING])
      .text.trimEnd()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { type: 'info', message: 'a\nb', elapsedMs: 5 },
      { ...WARNING, elapsedMs: 7 },
    ]);
  });
});

describe('live', () => {
  const fetching: StaveEvent = { type: 'phase-started', phase: 'fetch', arch: 'amd64' };
  const bytes: StaveEvent = { type: 'progress', phase: 'compress', done: 512, total: 2048, unit: 'bytes' };

  it('keeps one line for each running phase and none at the end', () => {
    let time = 0;
    const sink = recordedSink(true);
    const reporter = createReporter({ sink, style: 'live', level: 'info', paint: noPaint, now: () => time });
    reporter.events(fetching);
    reporter.events({ type: 'phase-started', phase: 'compress' });
    time = 100;
    reporter.events(bytes);
    expect(screen(sink.text)).toEqual(['fetching packages (amd64)', 'compressing the layers  512 B of 2.0 KiB', '']);
    reporter.events({ type: 'phase-finished', phase: 'compress' });
    expect(screen(sink.text)).toEqual(['fetching packages (amd64)', '']);
    reporter.close();
    expect(screen(sink.text)).toEqual(['']);
  });

  it('leaves messages above the live lines', () => {
    expect(screen(drawn('live', [fetching, WARNING]).text)).toEqual(['warning: odd [W]', '  hint: look', '']);
  });

  it('does not redraw for every event', () => {
    const many = Array.from({ length: 100 }, (_, done): StaveEvent => ({ ...bytes, done }) as StaveEvent);
    expect(drawn('live', [fetching, ...many]).text.match(/\n/g)?.length).toBe(1);
  });

  it('cuts lines to the width of the terminal, and hostile names with them', () => {
    const item = `evil\x1b[2J${'名'.repeat(40)}`;
    const { text } = drawn(
      'live',
      [{ type: 'progress', phase: 'fetch', done: 1, total: 2, unit: 'packages', item }],
      'info',
      40,
    );
    const line = text.split('\n')[0] ?? '';
    expect(line).toBe('fetching packages  1 of 2  evil\\x1b[2J…');
  });
});

describe('a terminal that does not know its width', () => {
  it.each([0, undefined])('%s columns', (columns) => {
    const sink = { ...recordedSink(true), columns };
    createReporter({ sink, style: 'live', level: 'info', paint: noPaint, now: () => 0 }).events({
      type: 'phase-started',
      phase: 'fetch',
    });
    expect(sink.text).toBe('fetching packages\n');
  });
});

describe('phases', () => {
  it('counts overlapping architectures once and phases again that come again', () => {
    const at = (type: 'phase-started' | 'phase-finished', arch: string): StaveEvent => ({ type, phase: 'fetch', arch });
    const { phases } = drawn('plain', [
      10,
      at('phase-started', 'a'),
      20,
      at('phase-started', 'b'),
      30,
      at('phase-finished', 'a'),
      50,
      at('phase-finished', 'b'),
      100,
      at('phase-started', 'a'),
      101,
      at('phase-finished', 'a'),
      at('phase-finished', 'never started'),
      200,
      { type: 'phase-started', phase: 'write' },
      203,
    ]);
    expect(phases).toEqual([
      { phase: 'fetch', ms: 41 },
      { phase: 'write', ms: 3 },
    ]);
  });
});
