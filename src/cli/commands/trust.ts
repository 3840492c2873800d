// `stave trust init <image>`: the signer of an image into the trust file. `stave trust policy`: the file as policies of a
// cluster. `stave trust update`: the trusted root beside it.

import { Failure } from '../../base/failure.ts';
import type { PolicyKind } from '../../operations/verify/policies/trust-policy.ts';
import { choiceFlag, type Flags, registryFlags, textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { given } from '../source-request.ts';
import { printable } from '../ui/printable.ts';
import { printTrust } from '../ui/signed-text.ts';

export const runTrustInit: CommandRun = async (session, [reference = ''], flags) => {
  const { trustSigner } = await session.operations();
  const text = (name: string, from: Flags = flags) => textFlag(from, name);
  const request = {
    reference,
    ...registryFlags(flags),
    ignoreTlog: flags['insecureIgnoreTlog'] === true,
    ...given('key', text('key')),
    ...given('certificateIdentity', text('certificateIdentity')),
    ...given('certificateOidcIssuer', text('certificateOidcIssuer')),
    ...given('trustedRoot', text('trustedRoot')),
    ...given('trustFile', text('trustFile')),
  };
  const report = await trustSigner(request, session.host);
  const { signer, found, outcome } = report;
  const known = `${printable(session.shortPath(report.path))} has an entry for this image already`;
  const lines = [
    `${printable(reference)} ${found ? 'was signed by' : 'is to be signed by'} ${printable(signer)}`,
    ...(outcome === 'known' ? [known] : printTrust(report, session.shortPath)),
  ];
  session.result(report, `${lines.join('\n')}\n`);
  return 0;
};

/** The first kind of each is what people should use today. */
const POLICY_KINDS = {
  kyverno: ['ImageValidatingPolicy', 'ClusterPolicy'],
  'policy-controller': ['ClusterImagePolicy'],
} as const satisfies Record<string, readonly [PolicyKind, ...PolicyKind[]]>;

export const runTrustPolicy: CommandRun = async (session, _args, flags) => {
  const { printTrustPolicy } = await session.operations();
  const consumer = choiceFlag(flags, 'for', ['kyverno', 'policy-controller']) ?? 'kyverno';
  const kinds: readonly PolicyKind[] = POLICY_KINDS[consumer];
  const wanted = choiceFlag(flags, 'kind', ['ImageValidatingPolicy', 'ClusterPolicy', 'ClusterImagePolicy']);
  const kind = wanted ?? kinds[0] ?? 'ClusterImagePolicy';
  if (!kinds.includes(kind)) throw new Failure('USAGE_FLAG', `${consumer} has no ${kind}, but ${kinds.join(' and ')}`);
  const report = await printTrustPolicy({ kind, ...given('trustFile', textFlag(flags, 'trustFile')) }, session.host);
  session.result(report, report.text);
  return 0;
};

export const runTrustUpdate: CommandRun = async (session, _args, flags) => {
  const { updateTrustedRoot } = await session.operations();
  const report = await updateTrustedRoot(
    {
      ...given('mirror', textFlag(flags, 'mirror')),
      ...given('root', textFlag(flags, 'root')),
      ...given('trustedRoot', textFlag(flags, 'trustedRoot')),
      ...given('trustFile', textFlag(flags, 'trustFile')),
    },
    session.host,
  );
  const path = printable(session.shortPath(report.path));
  const done = { written: `wrote ${path}`, unchanged: `${path} is up to date` }[report.outcome];
  const lines = [`${done}, by ${printable(report.mirror)}`, ...report.advice.map((sentence) => printable(sentence))];
  session.result(report, `${lines.join('\n')}\n`);
  return 0;
};
