// locked/: keys, tokens and passwords, in files and in what the image says about itself. Never repeats the secret.

import type { Observation } from './finding.ts';
import type { ImageFiles } from './image-files.ts';
import type { ImageSubject } from './image-subject.ts';
import { findAssignedSecrets, findTokens, type SecretHit } from './secret-patterns.ts';

const CHECK_OF = { 'private-key': 'locked/private-key', secret: 'locked/secret' } as const;

export function checkSecrets({ run, history, annotations }: ImageSubject, files: ImageFiles): Observation[] {
  const inFiles = files.known.flatMap(({ path, facts: { secrets = [] } }) =>
    secrets.map(({ kind, what, line }) => ({
      check: CHECK_OF[kind],
      path,
      message: `line ${line} of ${path} has ${what}`,
    })),
  );
  const labels = Object.entries({ ...annotations, ...run.labels }).map(([name, value]) => `${name}=${value}`);
  const places: readonly (readonly [place: string, texts: readonly string[]])[] = [
    ['the command of the image', [...run.entrypoint, ...run.cmd]],
    ['a label of the image', labels],
    ['the history of the image', history],
  ];
  const inWords = places.flatMap(([place, texts]) =>
    texts
      .flatMap(secretsOf)
      .map(({ kind, what }): Observation => ({ check: CHECK_OF[kind], message: `${place} has ${what}` })),
  );
  return [...inFiles, ...run.env.flatMap(inVariable), ...inWords];
}

function inVariable(entry: string): Observation[] {
  const [variable = ''] = entry.split('=', 1);
  return secretsOf(entry).map(({ kind, what }) => ({
    check: CHECK_OF[kind],
    variable,
    message: `the variable ${variable} of the environment has ${what}`,
  }));
}

function secretsOf(text: string): SecretHit[] {
  const tokens = findTokens(text);
  // A token in a variable is one secret, not two.
  return tokens.length > 0 ? tokens : findAssignedSecrets(text);
}
