// What `show-config` prints (image-config.md 10): the validated configuration as YAML, keys in the order of apko.json.
// Must never print credentials of repository, key or source URLs.

import { redactText } from '../../base/redact.ts';
import { type PrintableYaml, printYaml } from '../../formats/yaml/print-yaml.ts';
import type { FileGroup } from './file-group.ts';
import type { Accounts, ImageConfig, ImageContents, NamedText } from './image-config.ts';
import { compareNaturally } from './natural-order.ts';

type Fields = readonly (readonly [key: string, value: PrintableYaml | undefined])[];

/** Top-level keys without a value are left out; inside entrypoint, accounts, users, groups and paths every key is printed. */
export function printShowConfig(config: ImageConfig): string {
  const { entrypoint, layering, certificates, hardening } = config;
  return printYaml(
    filled([
      ['contents', contentsYaml(config.contents)],
      [
        'entrypoint',
        unlessAllEmpty([
          ['type', entrypoint.type],
          ['command', entrypoint.command],
          ['shell-fragment', entrypoint.shellFragment],
          ['services', textMap(entrypoint.services)],
        ]),
      ],
      ['cmd', config.cmd],
      ['stop-signal', config.stopSignal],
      ['work-dir', config.workDir],
      ['accounts', accountsYaml(config.accounts)],
      ['archs', config.archs],
      ['environment', textMap(config.environment)],
      ['paths', config.paths.map((path) => all(Object.entries(path).map(([key, value]) => [key, value ?? null])))],
      ['vcs-url', redactText(config.vcsUrl)],
      ['annotations', textMap(config.annotations)],
      ['include', config.include],
      ['volumes', config.volumes],
      ['layering', layering && all(Object.entries(layering))],
      ['format', config.format],
      [
        'certificates',
        certificates &&
          all([
            ['additional', certificates.additional.map(namedText)],
            ['providers', certificates.providers],
          ]),
      ],
      [
        'hardening',
        hardening &&
          all([
            ['profile', hardening.profile],
            ['exceptions', hardening.exceptions.map((exception) => all(Object.entries(exception)))],
          ]),
      ],
      ['files', config.files.map(fileGroup)],
      ['ports', config.ports],
      ['labels', textMap(config.labels)],
    ]),
  );
}

function contentsYaml(contents: ImageContents): PrintableYaml {
  const { baseImage } = contents;
  return filled([
    ['build_repositories', contents.buildRepositories.map(redactText)],
    ['runtime_repositories', contents.runtimeRepositories.map(redactText)],
    ['repositories', contents.repositories.map(redactText)],
    ['keyring', contents.keyring.map(redactText)],
    ['runtime_keyring', contents.runtimeKeyring.map(namedText)],
    ['packages', contents.packages],
    [
      'baseimage',
      baseImage &&
        all([
          ['image', baseImage.image],
          ['apkindex', baseImage.apkIndex],
        ]),
    ],
  ]);
}

function accountsYaml({ runAs, users, groups }: Accounts): PrintableYaml | undefined {
  return unlessAllEmpty([
    ['run-as', runAs],
    [
      'users',
      users.map((user) =>
        all([
          ['username', user.username],
          ['uid', user.uid],
          ['gid', user.gid ?? null],
          ['shell', user.shell],
          ['homedir', user.homedir],
        ]),
      ),
    ],
    [
      'groups',
      groups.map((group) =>
        all([
          ['groupname', group.groupname],
          ['gid', group.gid],
          ['members', group.members],
        ]),
      ),
    ],
  ]);
}

function fileGroup({ files, versionFrom, folder: _, ...group }: FileGroup): PrintableYaml {
  const sources = files.map(({ url, ...source }) =>
    all(
      Object.entries({ ...source, url: redactText(url) }).filter(
        // An inline text may be empty and still be one.
        ([key, value]) => value !== undefined && (key === 'inline' || (value as string | readonly []).length !== 0),
      ),
    ),
  );
  return filled([
    ...Object.entries({ ...group, image: redactText(group.image) }),
    ['version-from', versionFrom],
    ['files', sources],
  ]);
}

function namedText({ name, content }: NamedText): PrintableYaml {
  return all([
    ['name', name],
    ['content', content],
  ]);
}

function textMap(map: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(map).sort(([a], [b]) => compareNaturally(a, b)));
}

function all(fields: Fields): ReadonlyMap<string, PrintableYaml> {
  return new Map(fields.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])));
}

function filled(fields: Fields): ReadonlyMap<string, PrintableYaml> {
  return all(fields.filter(([, value]) => value !== undefined && !isEmpty(value)));
}

function unlessAllEmpty(fields: Fields): PrintableYaml | undefined {
  return filled(fields).size === 0 ? undefined : all(fields);
}

function isEmpty(value: PrintableYaml): boolean {
  if (value === '') return true;
  if (value === null || typeof value !== 'object') return false;
  return value instanceof Map ? value.size === 0 : (value as readonly unknown[]).length === 0;
}
