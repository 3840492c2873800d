// `stave trust init <image>`: the signer of an image into the trust file.

import { type Flags, registryFlags, textFlag } from '../flags.ts';
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
