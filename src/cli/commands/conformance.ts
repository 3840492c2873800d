// `stave sign-bundle` and `stave verify-bundle`, for the sigstore conformance suite: it looks at exit codes.

import { Failure } from '../../base/failure.ts';
import { EXIT } from '../../base/failure-codes.ts';
import { signerName } from '../../effects/signing/signer-expectation.ts';
import { type Flags, textFlag } from '../flags.ts';
import type { CommandRun } from '../session.ts';
import { given } from '../source-request.ts';
import { printable } from '../ui/printable.ts';

export const runSignBundle: CommandRun = async (session, [path = ''], flags) => {
  const { signBundle } = await session.operations();
  const signingConfig = textFlag(flags, 'signingConfig');
  if (flags['staging'] === true && signingConfig === undefined) throw noStaging('signing-config');
  const bundle = textFlag(flags, 'bundle') ?? '';
  const identityToken = textFlag(flags, 'identityToken') ?? '';
  const request = { path, bundle, identityToken, inToto: flags['inToto'] === true };
  await signBundle({ ...request, ...given('signingConfig', signingConfig) }, session.host);
  session.result({ bundle }, `${printable(bundle)}\n`);
  return EXIT.ok;
};

export const runVerifyBundle: CommandRun = async (session, [fileOrDigest = ''], flags) => {
  const { verifyBundleFile } = await session.operations();
  const trustedRoot = textFlag(flags, 'trustedRoot');
  if (flags['staging'] === true && trustedRoot === undefined) throw noStaging('trusted-root');
  const verdict = await verifyBundleFile({ fileOrDigest, trustedRoot, ...signerFlags(flags) }, session.host);
  const { refusal, signer } = verdict;
  const by = signer === undefined ? '' : ` by ${printable(signerName(signer))}`;
  const text =
    refusal === undefined ? `verified${by}\n` : `refused: ${printable(refusal.detail)} [${refusal.reason}]\n`;
  session.result(verdict, text);
  return refusal === undefined ? EXIT.ok : EXIT.refused;
};

function signerFlags(flags: Flags) {
  return {
    bundle: textFlag(flags, 'bundle') ?? '',
    key: textFlag(flags, 'key'),
    certificateIdentity: textFlag(flags, 'certificateIdentity'),
    certificateOidcIssuer: textFlag(flags, 'certificateOidcIssuer'),
  };
}

/** Its root comes with nothing that we have, and is no secret: whoever tests against it has it. */
function noStaging(flag: string): Failure {
  return new Failure('USAGE_FLAG', `--staging needs --${flag}: stave knows the public instance alone`);
}
