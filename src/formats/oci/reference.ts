// Image references, `registry/repository:tag@digest`, with the field's default host and `library/` rule
// (layer-and-oci.md 13, cli.md 2). Must never put what may be a credential into a message.

import { type Digest, isDigest } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';

/** Where an image is. It always has a tag, a digest, or both. */
export interface Reference {
  /** Host, with port if one was given: `index.docker.io`, `localhost:5000`. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const DEFAULT_REGISTRY = 'index.docker.io';
const DEFAULT_TAG = 'latest';
const REPOSITORY_CHARACTERS = { least: 2, most: 255 } as const;

const HOST = /^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;
const REPOSITORY_COMPONENT = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/**
 * The reference as people write it: a missing host is `index.docker.io` (also spelled `docker.io`), a one-word repository
 * there gets `library/` in front, and without tag and digest the tag is `latest`. Failure IMAGE_INVALID.
 */
export function parseReference(text: string): Reference {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    throw invalid(text, 'it has a scheme', 'A reference starts with the host name: leave out everything up to "//".');
  }
  const { rest: beforeDigest, digest } = splitDigest(text);
  const { rest: name, tag } = splitTag(text, beforeDigest);
  const { registry, repository } = splitRegistry(text, name);
  return { registry, repository, digest, tag: tag ?? (digest === undefined ? DEFAULT_TAG : undefined) };
}

/** The fully qualified text; `parseReference` of it gives the same value. */
export function printReference(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

function splitDigest(text: string): { rest: string; digest: Digest | undefined } {
  const at = text.indexOf('@');
  if (at === -1) return { rest: text, digest: undefined };
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) {
    // What stands before the @ may be `user:password`: it is not repeated.
    throw new Failure(
      'IMAGE_INVALID',
      `the image reference has "${digest}" after its @, which is not a sha256 digest`,
      {
        hint: 'After @ comes sha256: and 64 lower-case hex digits. Credentials do not belong into a reference.',
      },
    );
  }
  return { rest: text.slice(0, at), digest };
}

function splitTag(text: string, rest: string): { rest: string; tag: string | undefined } {
  const colon = rest.lastIndexOf(':');
  // The colon of a port is followed by a path.
  if (colon === -1 || rest.indexOf('/', colon) !== -1) return { rest, tag: undefined };
  const tag = rest.slice(colon + 1);
  if (!TAG.test(tag)) {
    throw invalid(
      text,
      `"${tag}" is not a tag`,
      'A tag has 1 to 128 letters, digits, ".", "_" and "-", and does not begin with "." or "-".',
    );
  }
  return { rest: rest.slice(0, colon), tag };
}

function splitRegistry(text: string, name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const hasHost = first.includes('.') || first.includes(':') || first === 'localhost';
  const host = hasHost && first !== 'docker.io' ? first : DEFAULT_REGISTRY;
  const repository = hasHost ? name.slice(slash + 1) : name;
  if (!HOST.test(host)) {
    throw invalid(text, `"${host}" is not a host name`, 'Write it like "registry.example.com/team/app:1.0".');
  }
  assertRepository(text, repository);
  const implicit = host === DEFAULT_REGISTRY && !repository.includes('/');
  return { registry: host, repository: implicit ? `library/${repository}` : repository };
}

function assertRepository(text: string, repository: string): void {
  const { least, most } = REPOSITORY_CHARACTERS;
  if (repository.length < least || repository.length > most) {
    throw invalid(
      text,
      `its repository "${repository}" has ${repository.length} characters`,
      `A repository name has ${least} to ${most} characters.`,
    );
  }
  if (repository.split('/').every((component) => REPOSITORY_COMPONENT.test(component))) return;
  const lower = repository.toLowerCase();
  const hint =
    lower === repository
      ? 'Each part of a repository name has letters and digits, with single ".", "_", "__" or dashes between them.'
      : `Repository names are in lower case; did you mean "${lower}"?`;
  throw invalid(text, `"${repository}" is not a repository name`, hint);
}

function invalid(text: string, why: string, hint: string): Failure {
  return new Failure('IMAGE_INVALID', `the image reference "${text}" cannot be used: ${why}`, { hint });
}

/** Whether a text that may be a path, too, names a registry: a folder that is missing must not become an image of Docker Hub. */
export function hasRegistryHost(text: string): boolean {
  const host = text.slice(0, Math.max(0, text.indexOf('/')));
  return !/^\.{0,2}$/.test(host) && (/[.:]/.test(host) || host === 'localhost');
}
