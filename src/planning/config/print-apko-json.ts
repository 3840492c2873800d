// `/etc/apko.json` (image-config.md 9): byte-exact with the reference, since it lies in a layer.
// Must never print credentials of repository or key URLs, which the reference does.

import { printJson } from '../../base/canonical-json.ts';
import { compareBytes } from '../../base/order.ts';
import { stripCredentials } from '../../base/redact.ts';
import type { Accounts, Entrypoint, ImageConfig, ImageContents, NamedText, PathMutation } from './image-config.ts';

/** One line of JSON with a final newline; zero values are left out, except for the objects that are always there. */
export function printApkoJson(config: ImageConfig): string {
  const { layering, certificates } = config;
  return `${object([
    ['contents', contentsJson(config.contents)],
    ['entrypoint', entrypointJson(config.entrypoint)],
    ['cmd', text(config.cmd)],
    ['stop-signal', text(config.stopSignal)],
    ['work-dir', text(config.workDir)],
    ['accounts', accountsJson(config.accounts)],
    ['archs', texts(config.archs)],
    ['environment', textMap(config.environment)],
    ['paths', list(config.paths.map(pathJson))],
    ['vcs-url', text(stripCredentials(config.vcsUrl))],
    ['annotations', textMap(config.annotations)],
    ['include', text(config.include)],
    ['volumes', texts(config.volumes)],
    [
      'layering',
      layering &&
        object([
          ['strategy', text(layering.strategy)],
          ['budget', number(layering.budget)],
        ]),
    ],
    ['format', text(config.format)],
    [
      'certificates',
      certificates &&
        object([
          ['additional', list(certificates.additional.map(namedTextJson))],
          ['providers', texts(certificates.providers)],
        ]),
    ],
  ])}\n`;
}

function contentsJson(contents: ImageContents): Json {
  const { baseImage } = contents;
  return object([
    ['build_repositories', texts(contents.buildRepositories.map(stripCredentials))],
    ['runtime_repositories', texts(contents.runtimeRepositories.map(stripCredentials))],
    ['repositories', texts(contents.repositories.map(stripCredentials))],
    ['keyring', texts(contents.keyring.map(stripCredentials))],
    ['runtime_keyring', list(contents.runtimeKeyring.map(namedTextJson))],
    ['packages', texts(contents.packages)],
    [
      'baseimage',
      baseImage &&
        object([
          ['image', text(baseImage.image)],
          ['apkindex', text(baseImage.apkIndex)],
        ]),
    ],
  ]);
}

function entrypointJson(entrypoint: Entrypoint): Json {
  return object([
    ['type', text(entrypoint.type)],
    ['command', text(entrypoint.command)],
    ['shell-fragment', text(entrypoint.shellFragment)],
    ['services', textMap(entrypoint.services)],
  ]);
}

function accountsJson(accounts: Accounts): Json {
  const users = accounts.users.map((user) =>
    object([
      ['username', text(user.username)],
      ['uid', number(user.uid)],
      ['gid', optionalNumber(user.gid)],
      ['shell', text(user.shell)],
      ['homedir', text(user.homedir)],
    ]),
  );
  const groups = accounts.groups.map((group) =>
    object([
      ['groupname', text(group.groupname)],
      ['gid', number(group.gid)],
      ['members', texts(group.members)],
    ]),
  );
  return object([
    ['run-as', text(accounts.runAs)],
    ['users', list(users)],
    ['groups', list(groups)],
  ]);
}

function pathJson(path: PathMutation): Json {
  return object([
    ['path', text(path.path)],
    ['type', text(path.type)],
    ['uid', optionalNumber(path.uid)],
    ['gid', optionalNumber(path.gid)],
    ['permissions', number(path.permissions)],
    ['source', text(path.source)],
    ['recursive', path.recursive ? 'true' : undefined],
  ]);
}

function namedTextJson({ name, content }: NamedText): Json {
  return object([
    ['name', text(name)],
    ['content', text(content)],
  ]);
}

/** JSON text. Objects are put together as text, because JavaScript's own reorder keys that look like numbers. */
type Json = string;

/** Members in the order given; those without a value are left out. */
function object(members: readonly (readonly [key: string, value: Json | undefined])[]): Json {
  return `{${members.flatMap(([key, value]) => (value === undefined ? [] : [`${printJson(key)}:${value}`])).join(',')}}`;
}

function list(items: readonly Json[]): Json | undefined {
  return items.length === 0 ? undefined : `[${items.join(',')}]`;
}

function text(value: string): Json | undefined {
  return value === '' ? undefined : printJson(value);
}

function texts(values: readonly string[]): Json | undefined {
  return list(values.map((value) => printJson(value)));
}

function textMap(map: Readonly<Record<string, string>>): Json | undefined {
  const entries = Object.entries(map).sort(([a], [b]) => compareBytes(a, b));
  return entries.length === 0 ? undefined : object(entries.map(([key, value]) => [key, printJson(value)]));
}

function number(value: number): Json | undefined {
  return value === 0 ? undefined : String(value);
}

/** Where 0 is a value and not its absence. */
function optionalNumber(value: number | undefined): Json | undefined {
  return value === undefined ? undefined : String(value);
}
