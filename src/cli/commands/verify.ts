// `stave verify <image>` and `stave verify-attestation <image>`. "No" is an answer and not a failure: it has cosign's exit codes.

import { EXIT } from '../../base/failure-codes.ts';
import type { VerifyAttestationReport, VerifyReport } from '../../operations/verify/verify.ts';
import { textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { given } from '../source-request.ts';
import { printConsumerReport } from '../ui/consumer-text.ts';
import { printAttestationVerdict, printVerdict } from '../ui/verify-text.ts';
import { consumerFlag, verifyRequest } from '../verify-flags.ts';

/** What cannot be known is no yes. */
const CONSUMER_EXIT = { accepted: EXIT.ok, refused: EXIT.refused, unknown: EXIT.refused, absent: EXIT.absent } as const;

export const runVerify: CommandRun = async (session, [reference = ''], flags) => {
  const { verifyReference, verifyAs } = await session.operations();
  const request = verifyRequest(reference, flags);
  const consumer = consumerFlag(flags);
  if (consumer !== undefined) {
    const seen = await verifyAs({ ...request, consumer }, session.host);
    const exitCode = CONSUMER_EXIT[seen.outcome];
    session.result({ ...seen, exitCode }, printConsumerReport(seen, session.paint));
    return exitCode;
  }
  const report = await verifyReference(request, session.host);
  const exitCode = verifyExit(report);
  session.result({ ...report, exitCode }, printVerdict(report, session.paint));
  return exitCode;
};

/** stdout has the verified envelopes, one a line, for whoever reads the statements; the prose goes to stderr. */
export const runVerifyAttestation: CommandRun = async (session, [reference = ''], flags) => {
  const { verifyAttestation } = await session.operations();
  const request = {
    ...verifyRequest(reference, flags),
    type: textFlag(flags, 'type') ?? '',
    ...given('policy', textFlag(flags, 'policy')),
  };
  const report = await verifyAttestation(request, session.host);
  const exitCode = attestationExit(report);
  session.note(printAttestationVerdict(report, session.paint));
  const envelopes = report.outcome === 'verified' ? report.attestations.flatMap(({ envelope }) => envelope ?? []) : [];
  session.result({ ...report, exitCode }, envelopes.map((envelope) => `${envelope}\n`).join(''));
  return exitCode;
};

function verifyExit({ outcome, signatures }: VerifyReport): number {
  if (outcome !== 'refused') return { verified: EXIT.ok, unsigned: EXIT.unsigned, absent: EXIT.absent }[outcome];
  const uncertified = signatures.every(
    ({ refusal, signer }) => refusal?.reason === 'identity' && signer?.kind === 'key',
  );
  return uncertified ? EXIT.uncertified : EXIT.refused;
}

function attestationExit({ outcome }: VerifyAttestationReport): number {
  const codes = {
    verified: EXIT.ok,
    denied: EXIT.policy,
    missing: EXIT.unsigned,
    absent: EXIT.absent,
    refused: EXIT.refused,
  };
  return codes[outcome];
}
