// What `verify --as` says to people: the answer of the consumer, each way in which it looks, and what is not known. What a
// registry says is printed with care.

import { signerName } from '../../effects/signing/signer-expectation.ts';
import type { ConsumerReport } from '../../operations/verify/consumers/verify-as.ts';
import type { Paint } from './paint.ts';
import { printable } from './printable.ts';

type Way = ConsumerReport['ways'][number];
type Outcome = ConsumerReport['outcome'];

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  accepted: 'would be accepted',
  refused: 'would be refused',
  unknown: 'cannot be judged from here',
  absent: 'is not there',
};

export function printConsumerReport(report: ConsumerReport, paint: Paint): string {
  const { reference, title, rulesOf, outcome, expected, trustedBy, ways, platforms, advice, notKnown } = report;
  const lines = [
    `${paint('strong', printable(reference))} ${paint(colorOf(outcome), OUTCOMES[outcome])} by ${title}`,
    `  rules of  ${rulesOf}`,
    `  expected  ${printable(expected.join(' or '))} (says ${printable(trustedBy)})`,
    ...ways.flatMap((way) => wayLines(way, paint)),
    ...platforms.map(({ platform, outcome: one }) => `  by digest ${printable(platform)}: ${paint(colorOf(one), one)}`),
    ...advice.map((sentence) => `  ${paint('hint', 'hint:')} ${printable(sentence)}`),
    ...notKnown.map((sentence) => `  ${paint('quiet', `not known: ${sentence}`)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function wayLines({ name, decides, outcome, why, looks }: Way, paint: Paint): string[] {
  return [
    `  ${paint(colorOf(outcome), outcome)}  ${name}${decides ? '' : ' (does not decide)'}: ${printable(why)}`,
    ...looks.flatMap(({ place, there, passedOver, findings }) => [
      `    looks at  ${printable(place)}: ${there === 0 ? 'nothing' : there}`,
      ...passedOver.map((one) => `    passes    ${printable(one.place)}: ${printable(one.why)}`),
      ...findings.map(({ place: where, signer, refusal }) => {
        const by = signer === undefined ? '' : ` by ${printable(signerName(signer))}`;
        const because = refusal === undefined ? '' : `: ${printable(refusal.detail)} [${refusal.reason}]`;
        return `    ${refusal === undefined ? 'counts ' : 'refuses'}   ${printable(where)}${by}${because}`;
      }),
    ]),
  ];
}

function colorOf(outcome: Outcome): 'good' | 'error' | 'strong' {
  if (outcome === 'accepted') return 'good';
  return outcome === 'unknown' ? 'strong' : 'error';
}
