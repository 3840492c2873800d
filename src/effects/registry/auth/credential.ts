// A credential for a registry and where it came from. Secrets live in here, in the Authorization header and in the token
// request only. `describeCredential` is the one text about it for people, and never holds the secret.

export type Secret =
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  /** An OAuth refresh token: good for fetching tokens, never sent to the registry itself. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** Sent to the registry as it is. */
  | { readonly kind: 'bearer'; readonly token: string };

export interface Credential {
  readonly secret: Secret;
  /** For people: a file, a helper, a variable. */
  readonly source: string;
}

/** `user "ci" from /home/ci/.docker/config.json`. */
export function describeCredential({ secret, source }: Credential): string {
  if (secret.kind === 'basic') return `user "${secret.user}" from ${source}`;
  return `${secret.kind === 'bearer' ? 'the registry token' : 'the identity token'} from ${source}`;
}

/** The texts that must not be seen anywhere. */
export function secretTexts({ secret }: Credential): string[] {
  if (secret.kind !== 'basic') return [secret.token];
  return [secret.password, Buffer.from(`${secret.user}:${secret.password}`).toString('base64')];
}
