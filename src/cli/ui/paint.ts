// Colours, decided once per stream. Everything else asks for a meaning ("error", "quiet"), never for a colour.

import { styleText } from 'node:util';
import type { TextSink } from '../world.ts';

const STYLES = {
  error: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  hint: ['cyan'],
  strong: ['bold'],
  good: ['green'],
  quiet: ['dim'],
} as const;

export type Paint = (meaning: keyof typeof STYLES, text: string) => string;

export const noPaint: Paint = (_meaning, text) => text;

/** Colours only for a terminal that wants them: `--no-color`, a non-empty NO_COLOR (no-color.org) and TERM=dumb say no. */
export function paintFor(sink: TextSink, env: Readonly<Record<string, string | undefined>>, colorFlag: boolean): Paint {
  const wanted = colorFlag && !env['NO_COLOR'] && env['TERM'] !== 'dumb' && sink.isTTY;
  if (!wanted) return noPaint;
  return (meaning, text) => styleText([...STYLES[meaning]], text, { validateStream: false });
}
