// Flags that say who signs and how, in cosign's names, and the host that answers when a password is needed.

import { type Command, Option } from 'commander';
import { Failure } from '../base/failure.ts';
import type { Host } from '../operations/host.ts';
import type { PublishSigning } from '../operations/publish-image/sign-publication.ts';
import type { SignerOptions } from '../operations/sign/open-signer.ts';
import type { SigningFormat } from '../operations/sign/sign-image.ts';
import { addSwitch, camelCase, choiceFlag, type Flags, textFlag } from './flags.ts';
import type { Session } from './session.ts';
import { given } from './source-request.ts';

const GROUP = 'Signing:';

const TEXTS = {
  key: [
    'KEY',
    'private key: a file, env://NAME, or - for standard input (default: keyless, by the identity of this run)',
  ],
  'identity-token': ['TOKEN', 'OIDC token of the identity, or a file or env://NAME with it (default: that of the CI)'],
  'signing-config': ['FILE', 'signing configuration of a private Sigstore'],
  'fulcio-url': ['URL', 'another certificate authority'],
  'rekor-url': ['URL', 'another transparency log; with --key: a log at all'],
  'timestamp-server-url': ['URL', 'a timestamp authority'],
  'oidc-issuer': [
    'URL',
    'where you log in, if no token is at hand (default: that of the signing configuration, else of the public Sigstore)',
  ],
  'oidc-client-id': ['ID', 'what we are called there (default: sigstore)'],
  'fulcio-auth-flow': ['FLOW', 'normal (browser), device (a code for another device) or token (nobody is asked)'],
} as const;

const FORMATS = ['bundle', 'legacy', 'both'] as const;
const FLOWS = ['normal', 'device', 'token'] as const;

/** `formatFlag` is another name where `--format` means something else. */
export function addSigningFlags(command: Command, formatFlag: 'format' | 'signature-format'): void {
  const add = (flags: string, description: string) =>
    command.addOption(new Option(flags, description).helpGroup(GROUP));
  for (const [name, [value, description]] of Object.entries(TEXTS)) add(`--${name} <${value}>`, description);
  add(`--${formatFlag} <FORMAT>`, 'bundle (Sigstore bundles), legacy (.sig and .att tags) or both (default: both)');
  addPasswordSwitch(command, GROUP);
  addSwitch(command, 'allow-ed25519', false, 'sign with an Ed25519 key, which many verifiers do not take', GROUP);
}

/** For `publish`: nothing is signed without --sign. */
export function addPublishSigningFlags(command: Command): void {
  addSwitch(command, 'sign', false, 'sign the index and every platform before tags move', GROUP);
  addSwitch(command, 'attest', true, 'with --sign: attest SBOMs and provenance', GROUP);
  addSigningFlags(command, 'signature-format');
  const add = (flags: string, description: string) =>
    command.addOption(new Option(flags, description).helpGroup(GROUP));
  add('--trust-file <FILE>', 'where the signer is written down for `stave verify` (default: stave.trust.yaml)');
  add('--trusted-root <FILE>', 'trusted root of a private Sigstore, named in a new trust file');
}

/** Undefined without --sign. Failure USAGE_FLAG for flags that then mean nothing. */
export function publishSigning(flags: Flags): PublishSigning | undefined {
  const options = { ...signerOptions(flags), format: formatOption(flags, 'signatureFormat') };
  if (flags['sign'] !== true) {
    const names = [...Object.keys(TEXTS), 'signature-format', 'trust-file', 'trusted-root'];
    const unused = names.find((name) => textFlag(flags, camelCase(name)) !== undefined);
    if (unused === undefined) return undefined;
    throw new Failure('USAGE_FLAG', `--${unused} means nothing without --sign`);
  }
  if (flags['local'] === true) {
    throw new Failure('USAGE_FLAG', '--sign and --local exclude each other: signatures lie in a registry');
  }
  return {
    ...options,
    attest: flags['attest'] !== false,
    ...given('trustFile', textFlag(flags, 'trustFile')),
    ...given('trustedRoot', textFlag(flags, 'trustedRoot')),
  };
}

export function addPasswordSwitch(command: Command, group?: string): void {
  addSwitch(command, 'password-stdin', false, 'read the password of the key from standard input', group);
}

export function signerOptions(flags: Flags): SignerOptions {
  return {
    ...given('key', textFlag(flags, 'key')),
    ...given('identityToken', textFlag(flags, 'identityToken')),
    ...given('signingConfig', textFlag(flags, 'signingConfig')),
    ...given('fulcioUrl', textFlag(flags, 'fulcioUrl')),
    ...given('rekorUrl', textFlag(flags, 'rekorUrl')),
    ...given('timestampServerUrl', textFlag(flags, 'timestampServerUrl')),
    ...given('oidcIssuer', textFlag(flags, 'oidcIssuer')),
    ...given('oidcClientId', textFlag(flags, 'oidcClientId')),
    ...given('authFlow', choiceFlag({ 'fulcio-auth-flow': flags['fulcioAuthFlow'] }, 'fulcio-auth-flow', FLOWS)),
    allowEd25519: flags['allowEd25519'] === true,
  };
}

export function formatOption(flags: Flags, name: 'format' | 'signatureFormat'): SigningFormat {
  return choiceFlag({ format: flags[name] }, 'format', FORMATS) ?? 'both';
}

/** The session's host; with --password-stdin, standard input answers instead of the environment or a person. */
export function signingHost({ host, world }: Session, flags: Flags): Host {
  if (flags['passwordStdin'] !== true) return host;
  if (flags['key'] === '-') {
    throw new Failure('USAGE_FLAG', '--key - and --password-stdin both want standard input', {
      hint: 'give the key as a file or env://NAME',
    });
  }
  const { STAVE_PASSWORD: _, COSIGN_PASSWORD: __, ...env } = host.env;
  let line: Promise<string> | undefined;
  const askPassword = async () => {
    line ??= world.stdin();
    return (await line).replace(/\r?\n$/, '');
  };
  return { ...host, env, askPassword };
}
