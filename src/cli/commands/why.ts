// `stave why` and `stave why-not`: answers about the solution of a configuration or a lock. The answer "it is not in
// the image" to `why` (or the other way round) is an answer, not a failure: the exit code is 0.

import type { WhyAnswer } from '../../operations/why.ts';
import { textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { given, sourceRequest } from '../source-request.ts';
import { printable } from '../ui/printable.ts';

export const runWhy = answerer('whyPackage');
export const runWhyNot = answerer('whyNotPackage');

function answerer(question: 'whyPackage' | 'whyNotPackage'): CommandRun {
  return async (session, [config = '', packageName = ''], flags) => {
    const operations = await session.operations();
    const request = { ...sourceRequest(config, flags), packageName, ...given('lockfile', textFlag(flags, 'lockfile')) };
    const answers = await operations[question](request, session.host);
    session.result(answers, mergedAnswers(answers).map(answerText).join(''));
    return 0;
  };
}

/** Architectures with the same answer share one text. */
function mergedAnswers(answers: readonly WhyAnswer[]): { archs: string[]; text: string }[] {
  const merged = new Map<string, string[]>();
  for (const { arch, lines } of answers) {
    const text = lines.map((line) => `${printable(line)}\n`).join('');
    merged.set(text, [...(merged.get(text) ?? []), arch]);
  }
  return [...merged].map(([text, archs]) => ({ archs, text }));
}

function answerText({ archs, text }: { archs: string[]; text: string }, _at: number, all: readonly unknown[]): string {
  return all.length === 1 ? text : `${archs.join(', ')}:\n${text}`;
}
