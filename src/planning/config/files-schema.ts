// The keys that only we understand, besides those that say how a configuration is read: files of the user's own, ports, labels.

import { ARCHITECTURE_SPELLINGS } from './architecture.ts';
import { text, texts } from './shape-makers.ts';

const FILE_SOURCES = {
  kind: 'list',
  doc: 'What goes where.',
  of: {
    kind: 'record',
    doc: 'A file, a folder, or all that a pattern finds; or a text; or a download.',
    fields: {
      from: text('File, folder or pattern (`*`, `**`, `?`), seen from the folder of this configuration.', {
        examples: ['./dist/app', 'public/', 'conf/*.json'],
      }),
      inline: text('The content itself.', { optional: true }),
      url: text('Address of the content; `sha256` says which content that is.', {
        pattern: /^https?:\/\/./,
        patternMeaning: 'a URL with http:// or https://',
      }),
      sha256: text('SHA-256 of what `url` has.', {
        pattern: /^[0-9a-f]{64}$/,
        patternMeaning: '64 lower-case hex digits',
      }),
      to: text('Path in the image. With a final `/` it is a folder that gets what `from` names.', {
        required: true,
        pattern: /^\//,
        patternMeaning: 'a path from the root, "/..."',
        examples: ['/usr/bin/app', '/srv/public/'],
      }),
      mode: {
        kind: 'number',
        doc: 'Mode of the files. Default: 0o755 for what is executable on disk, else 0o644; folders 0o755.',
        optional: true,
        minimum: 0,
        maximum: 0o7777,
      },
      owner: text('`user:group`, by number or by a name in the image; default `0:0`.', {
        pattern: /^[^:\s]+(:[^:\s]+)?$/,
        patternMeaning: '"user" or "user:group"',
        examples: ['nonroot:nonroot', '65532:65532'],
      }),
      exclude: texts('Patterns of what to leave out, seen from `from`: `*.map`, `test/`, `!keep.map`.'),
      archs: {
        kind: 'list',
        doc: 'Only for these architectures; default: all.',
        of: {
          kind: 'text',
          doc: 'An architecture, as OCI or as apk calls it.',
          required: true,
          values: ARCHITECTURE_SPELLINGS,
          noun: 'architecture',
        },
      },
    },
  },
} as const;

export const FILES = {
  kind: 'list',
  doc: 'Files of your own, in groups. A group is installed like a package, has a layer to itself, and is in SBOM and lock.',
  ours: true,
  of: {
    kind: 'record',
    doc: 'A group: what is made and updated together.',
    fields: {
      name: text('Name of the group; the image knows it as the package `files-<name>`.', {
        required: true,
        pattern: /^[a-z0-9][a-z0-9._+-]*$/,
        patternMeaning: 'lower-case letters, digits, ".", "_", "+" and "-"',
      }),
      version: text('Version of the group.', {
        pattern: /^[0-9A-Za-z][0-9A-Za-z._+~-]*$/,
        patternMeaning: 'letters, digits, ".", "_", "+", "~" and "-"',
      }),
      'version-from': text(
        '`git` (the tag of the commit, else `0~<commit>`), or a file: its first line, or its `"version"`.',
        {
          examples: ['git', './package.json'],
        },
      ),
      license: text('Licence, as an SPDX expression.', { examples: ['Apache-2.0'] }),
      files: FILE_SOURCES,
      image: text(
        'Another image to copy `paths` from, pinned by `@sha256:...`: in a registry, or an OCI layout folder.',
        {
          examples: [`ghcr.io/org/tools@sha256:${'0'.repeat(64)}`],
          pattern: /.@sha256:[0-9a-f]{64}$/,
          patternMeaning: '"<image>@sha256:<64 hex digits>"',
        },
      ),
      paths: texts('Paths to copy out of `image`, to the same place; a folder comes with all that is in it.', {
        kind: 'text',
        doc: 'A path from the root.',
        required: true,
        pattern: /^\/./,
        patternMeaning: 'a path from the root, "/..."',
      }),
    },
  },
} as const;

export const PORTS = {
  kind: 'list',
  doc: 'Ports that the image listens on.',
  ours: true,
  of: {
    kind: 'text',
    doc: 'A port, with or without its protocol.',
    required: true,
    pattern: /^([1-9][0-9]{0,4})(\/(tcp|udp|sctp))?$/,
    patternMeaning: 'a port number, or "<number>/tcp", "/udp" or "/sctp"',
    examples: ['8080', '53/udp'],
  },
} as const;

export const LABELS = { kind: 'text-map', doc: 'Labels of the image that are no annotations.', ours: true } as const;
