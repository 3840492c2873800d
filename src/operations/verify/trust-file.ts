// The trust file, `stave.trust.yaml`: whose signature which image must have. Small enough to be read in a review, and kept
// beside the configuration, so that `stave verify` needs no flags. The first entry that fits an image decides; an image that
// none fits has no expected signer, which is never "anybody".

import { Failure } from '../../base/failure.ts';
import { LIMITS } from '../../base/limits.ts';
import { parsePublicKey } from '../../effects/signing/public-key.ts';
import { patternRule, type SignerExpectation } from '../../effects/signing/signer-expectation.ts';
import type { Reference } from '../../formats/oci/reference.ts';
import { parseYaml } from '../../formats/yaml/parse-yaml.ts';
import { printYaml } from '../../formats/yaml/print-yaml.ts';
import { nodeAt, placeOf, type YamlNode } from '../../formats/yaml/yaml-node.ts';
import { failOnProblems, type Problem } from '../../planning/config/problem.ts';
import type { TextShape } from '../../planning/config/shape.ts';
import { checkShape } from '../../planning/config/shape-check.ts';
import { shapeValue } from '../../planning/config/shape-value.ts';

export interface TrustFile {
  readonly images: readonly TrustEntry[];
  /** Path of a trusted root, from the folder of the file; '' for that of the public instance. */
  readonly trustedRoot: string;
}

export interface TrustEntry {
  /** `registry/repository`; `*` stands for anything within one part, `**` for anything. */
  readonly match: string;
  /** A signature by any of these is enough. */
  readonly signers: readonly TrustedSigner[];
  /** `ignored`: signatures need not be in a transparency log. */
  readonly log: 'required' | 'ignored';
}

/** '' where it is not said. Either a key, or an identity and its issuer, each as a text or an anchored regular expression. */
export interface TrustedSigner {
  /** PEM text, or a path from the folder of the file. */
  readonly key: string;
  readonly identity: string;
  readonly 'identity-regexp': string;
  readonly issuer: string;
  readonly 'issuer-regexp': string;
}

/** Beside the configuration, unless a flag says otherwise. */
export const TRUST_FILE = 'stave.trust.yaml';

export const NOBODY: TrustedSigner = { key: '', identity: '', 'identity-regexp': '', issuer: '', 'issuer-regexp': '' };

const text = (doc: string, more: Partial<TextShape> = {}) => ({ kind: 'text', doc, ...more }) as const;

const SCHEMA = {
  kind: 'record',
  doc: 'Whose signatures images must have.',
  fields: {
    images: {
      kind: 'list',
      doc: 'The first entry that fits an image decides.',
      of: {
        kind: 'record',
        doc: 'Images and their signers.',
        fields: {
          match: text('Registry and repository; "*" and "**" stand for anything.', {
            required: true,
            pattern: /^[A-Za-z0-9._:/*-]+$/,
            patternMeaning: 'a registry and repository, in which "*" and "**" may stand',
          }),
          signers: {
            kind: 'list',
            doc: 'A signature by any of them is enough.',
            of: {
              kind: 'record',
              doc: 'A key, or an identity with its issuer.',
              fields: {
                key: text('A public key: PEM, or a path from the folder of this file.'),
                identity: text('Whom the certificate must be for.'),
                'identity-regexp': text('The same as a regular expression, from beginning to end.'),
                issuer: text('Who must have vouched for the identity.'),
                'issuer-regexp': text('The same as a regular expression, from beginning to end.'),
              },
            },
          },
          log: text('Whether signatures must be in a transparency log.', { values: ['required', 'ignored'] }),
        },
      },
    },
    'trusted-root': text('Path of a trusted root, from the folder of this file.'),
  },
} as const;

/** Failures CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_INVALID with their places. */
export function parseTrustFile(file: string, bytes: Uint8Array): TrustFile {
  if (bytes.length > LIMITS.configBytes) {
    throw new Failure('CONFIG_INVALID', `${file} has ${bytes.length} bytes; we read at most ${LIMITS.configBytes}`);
  }
  const root = parseYaml(file, bytes);
  failOnProblems(checkShape(SCHEMA, root, 'the trust file'));
  const value = shapeValue(SCHEMA, root);
  failOnProblems(
    value.images.flatMap((entry, i) => [
      ...(entry.signers.length === 0 ? [problemAt(nodeAt(root, ['images', i]), 'an entry names no signer')] : []),
      ...entry.signers.flatMap((signer, j) => signerProblems(signer, nodeAt(root, ['images', i, 'signers', j]))),
    ]),
  );
  return {
    images: value.images.map((entry) => ({ ...entry, log: entry.log === 'ignored' ? 'ignored' : 'required' })),
    trustedRoot: value['trusted-root'],
  };
}

export function printTrustFile({ images, trustedRoot }: TrustFile): string {
  const said = (fields: object) => new Map(Object.entries(fields).filter(([, value]) => value !== ''));
  const entries = images.map(({ match, signers, log }) => said({ match, signers: signers.map(said), log }));
  return printYaml(said({ images: entries, 'trusted-root': trustedRoot }));
}

/** The entry for an image, or undefined where none fits: then nobody is trusted. */
export function findTrustEntry(
  { images }: TrustFile,
  { registry, repository }: Pick<Reference, 'registry' | 'repository'>,
): TrustEntry | undefined {
  return images.find(({ match }) => globOf(match).test(`${registry}/${repository}`));
}

/** `readKey` gives the text of a key file. Failures KEY_INVALID, USAGE_FLAG, and those of `readKey`. */
export async function expectationsOf(
  { signers }: TrustEntry,
  readKey: (path: string) => Promise<string>,
): Promise<SignerExpectation[]> {
  const expectations: SignerExpectation[] = [];
  for (const signer of signers) {
    const { key, identity, issuer } = signer;
    if (key !== '') {
      const inline = key.includes('-----BEGIN');
      const pem = inline ? key : await readKey(key);
      expectations.push({ kind: 'key', key: parsePublicKey(pem, inline ? 'a key of the trust file' : key) });
      continue;
    }
    expectations.push({
      kind: 'certificate',
      identity: identity === '' ? patternRule(signer['identity-regexp']) : { exact: identity },
      issuer: issuer === '' ? patternRule(signer['issuer-regexp']) : { exact: issuer },
    });
  }
  return expectations;
}

function signerProblems(signer: TrustedSigner, node: YamlNode | undefined): Problem[] {
  const count = (...names: readonly (keyof TrustedSigner)[]) => names.filter((name) => signer[name] !== '').length;
  const [identities, issuers] = [count('identity', 'identity-regexp'), count('issuer', 'issuer-regexp')];
  if (signer.key !== '') {
    return identities + issuers === 0 ? [] : [problemAt(node, 'a signer has a key or an identity, not both')];
  }
  if (identities === 1 && issuers === 1) return [];
  return [problemAt(node, 'a signer needs a key, or one identity and one issuer')];
}

function problemAt(node: YamlNode | undefined, message: string): Problem {
  return { code: 'CONFIG_INVALID', message, where: node && placeOf(node) };
}

function globOf(match: string): RegExp {
  return new RegExp(`^${matchPattern(match)}$`);
}

/** A regular expression of the plain kind, which others read as we do, for `registry/repository`. */
export function matchPattern(match: string): string {
  const parts = match.split(/(\*\*|\*)/).map((part) => {
    if (part === '**') return '.*';
    return part === '*' ? '[^/]*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return parts.join('');
}
