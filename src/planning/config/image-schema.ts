// The one description of the image configuration (image-config.md 2 to 8): parser, JSON Schema and docs follow it.
// Descriptions are our own words, short enough for an editor's hover.

import { CHECK_IDS } from '../hardening/check-table.ts';
import { HARDENING_PROFILES } from '../hardening/policy.ts';
import { ARCHITECTURE_SPELLINGS } from './architecture.ts';
import { FILES, LABELS, PORTS } from './files-schema.ts';
import type { ShapeFields, TextShape } from './shape.ts';
import { text, texts } from './shape-makers.ts';
import { VARIABLE_NAME } from './variables.ts';

export const IMAGE_SCHEMA_TITLE = 'stave image configuration';

const UINT32 = 0xffff_ffff;

export const PATH_MUTATION_TYPES: readonly string[] = ['directory', 'empty-file', 'hardlink', 'symlink', 'permissions'];
export const LAYERING_STRATEGIES: readonly string[] = ['origin'];
export const LAYER_FORMATS: readonly string[] = ['tar', 'erofs'];

// One pattern for everything that becomes a file name under a key or certificate folder.
const FILE_NAME = {
  pattern: /^[a-zA-Z0-9_-]+[a-zA-Z0-9_.-]*$/,
  patternMeaning: 'letters, digits, "_", "-" and, after the first, "."',
};
const NO_COLON = { pattern: /^[^:\r\n]*$/, patternMeaning: 'one line without ":"' };
const ACCOUNT_NAME = { pattern: /^[^:,\s]+$/, patternMeaning: 'a name without blanks, ":" and ","' };

const REPOSITORY = {
  kind: 'text',
  doc: 'A URL or path, or `@tag URL` for packages that must be asked for as `name@tag`.',
  required: true,
  pattern: /^([^@]|@[^\s@]+\s+\S)/,
  patternMeaning: 'a URL or path, or "@tag URL"',
  examples: ['https://packages.wolfi.dev/os', '@local ./packages'],
} as const satisfies TextShape;

const uid = (doc: string) => ({ kind: 'number', doc, optional: true, minimum: 0, maximum: UINT32 }) as const;

const CONTENTS = {
  kind: 'record',
  doc: 'Which packages the image is made of, and where they come from.',
  fields: {
    build_repositories: texts('Repositories used for building only; the image does not learn of them.', REPOSITORY),
    runtime_repositories: texts(
      'Repositories written to `/etc/apk/repositories` only; nothing is installed from them.',
      REPOSITORY,
    ),
    repositories: texts('Repositories used for building and written to `/etc/apk/repositories`.', REPOSITORY),
    keyring: texts('Public keys (URLs or paths) that may sign the repositories; stored in `/etc/apk/keys`.', {
      kind: 'text',
      doc: 'URL or path of a public key.',
      required: true,
      examples: ['https://packages.wolfi.dev/os/wolfi-signing.rsa.pub'],
    }),
    runtime_keyring: {
      kind: 'list',
      doc: 'Further public keys for `/etc/apk/keys`, written after installation; they verify nothing during the build.',
      of: {
        kind: 'record',
        doc: 'One key.',
        fields: {
          name: text('File name of the key.', { required: true, ...FILE_NAME }),
          content: text('The key in PEM.', { required: true }),
        },
      },
    },
    packages: texts(
      'Packages to install, each with an optional constraint: `name`, `name=1.2-r0`, `name~1.2`, `name>=1.2`, `name@tag`; `!name` must not be installed.',
      {
        kind: 'text',
        doc: 'A package, or a wish about one.',
        required: true,
        examples: ['python-3.12', 'nginx~1.27', '!busybox'],
      },
    ),
    baseimage: {
      kind: 'record',
      doc: 'An image to add packages to (experimental; builds only from a lock file).',
      optional: true,
      include: 'whole',
      fields: {
        image: text('OCI layout folder of the base image.', { required: true }),
        apkindex: text('Folder with `<arch>/APKINDEX`, the packages of the base image.', { required: true }),
      },
    },
  },
} as const;

const ENTRYPOINT = {
  kind: 'record',
  doc: 'What the image runs.',
  include: 'whole',
  fields: {
    type: text('`service-bundle` lets s6 supervise the `services`; it sets `command` and adds the package `s6`.', {
      examples: ['service-bundle'],
    }),
    command: text('Program and arguments, split at blanks; quotes and backslashes as in a shell.', {
      examples: ['/usr/bin/python3 -m http.server'],
    }),
    'shell-fragment': text('Text for `/bin/sh -c`; beats `command`.'),
    services: {
      kind: 'text-map',
      doc: 'Services for s6: name and command.',
      keyPattern: /^([^./]|\.[^./]|\.\.[^/])[^/]*$/,
      keyMeaning: 'a file name without "/"',
    },
  },
} as const;

const ACCOUNTS = {
  kind: 'record',
  doc: 'Users and groups of the image.',
  fields: {
    'run-as': text('User name or uid that the image runs as.', { examples: ['nonroot', '65532'] }),
    users: {
      kind: 'list',
      doc: 'Lines for `/etc/passwd`; home directories are made too.',
      of: {
        kind: 'record',
        doc: 'One user.',
        fields: {
          username: text('Name of the user.', { required: true, ...ACCOUNT_NAME }),
          uid: {
            kind: 'number',
            doc: 'User id, from 1.',
            required: true,
            minimum: 1,
            maximum: UINT32,
            minimumHint: 'uid 0 exists already; to run as root, use "run-as: 0"',
          },
          gid: uid('Group id; default: the uid. The group itself is not made.'),
          shell: text('Login shell; default `/bin/sh`.', NO_COLON),
          homedir: text('Home directory; default `/home/<username>`.', NO_COLON),
        },
      },
    },
    groups: {
      kind: 'list',
      doc: 'Lines for `/etc/group`.',
      of: {
        kind: 'record',
        doc: 'One group.',
        fields: {
          groupname: text('Name of the group.', { required: true, ...ACCOUNT_NAME }),
          gid: { kind: 'number', doc: 'Group id.', minimum: 0, maximum: UINT32 },
          members: texts('User names.', { kind: 'text', doc: 'A user name.', ...ACCOUNT_NAME }),
        },
      },
    },
  },
} as const;

const PATHS = {
  kind: 'list',
  doc: 'Changes to the file tree, applied in order after all packages are installed.',
  of: {
    kind: 'record',
    doc: 'One change.',
    fields: {
      path: text('Path in the image.', { required: true }),
      type: text(
        '`directory` makes one with its parents, `empty-file` creates or truncates, `hardlink` and `symlink` point to `source`, `permissions` only sets mode and owner.',
        { required: true, checkedLater: true, values: PATH_MUTATION_TYPES },
      ),
      uid: uid('Owner; unchanged where neither uid nor gid is given.'),
      gid: uid('Group; unchanged where neither uid nor gid is given.'),
      permissions: {
        kind: 'number',
        doc: 'Mode, for example `0o755`. Without it the mode becomes 0. For a symlink it changes what the link points to.',
        minimum: 0,
        maximum: UINT32,
      },
      source: text('What a `hardlink` or `symlink` points to.'),
      recursive: { kind: 'boolean', doc: 'Set mode and owner of everything below, too.' },
    },
  },
} as const;

const LAYERING = {
  kind: 'record',
  doc: 'Split the image into several layers.',
  optional: true,
  include: 'whole',
  fields: {
    strategy: text('`origin`: packages built from one source share a layer.', {
      checkedLater: true,
      values: LAYERING_STRATEGIES,
    }),
    budget: {
      kind: 'number',
      doc: 'Most layers for packages; one more holds everything else.',
      minimum: 0,
      maximum: UINT32,
    },
  },
} as const;

const CERTIFICATES = {
  kind: 'record',
  doc: 'Certificates to trust in addition to those of the installed packages.',
  optional: true,
  include: 'whole',
  fields: {
    additional: {
      kind: 'list',
      doc: 'Certificates given here.',
      of: {
        kind: 'record',
        doc: 'One certificate.',
        fields: {
          name: text('Its name in trust stores.', { required: true, ...FILE_NAME }),
          content: text('The certificate in PEM.'),
        },
      },
    },
    providers: texts('Virtual packages whose providers bring certificates.'),
  },
} as const;

const HARDENING = {
  kind: 'record',
  doc: 'The hardening contract: how strict it is, and what is meant to be as it is. Never changes a byte of the image.',
  optional: true,
  ours: true,
  fields: {
    profile: text(
      '`distroless`: no shell, no root; `strict`: every finding is an error; `off`. Without it, only what breaks.',
      {
        values: HARDENING_PROFILES,
        noun: 'hardening profile',
      },
    ),
    exceptions: {
      kind: 'list',
      doc: 'Findings that are meant to be. One that excuses nothing any more is a finding itself.',
      of: {
        kind: 'record',
        doc: 'One exception.',
        fields: {
          check: text('Id of the check.', {
            required: true,
            values: CHECK_IDS,
            noun: 'hardening check',
            listedIn: 'docs/hardening.md',
          }),
          path: text(
            'Path in the image; `*` stands for a part of a name, `**` for any directories. Default: anywhere.',
          ),
          reason: text('Why this is meant to be, for whoever reads it next year.', { required: true }),
        },
      },
    },
  },
} as const;

/** What a variant may say, too. */
const VARIANT = {
  kind: 'record',
  doc: 'What this variant has on top: lists are joined, its other values win.',
  fields: {
    contents: {
      kind: 'record',
      doc: 'What is installed on top.',
      // Nothing else: keys and repositories are files of the layers below.
      fields: { packages: CONTENTS.fields.packages },
    },
    entrypoint: ENTRYPOINT,
    cmd: text('Default arguments.'),
    'stop-signal': text('Signal that asks the program to end.'),
    'work-dir': text('Working directory of the program.'),
    accounts: ACCOUNTS,
    environment: { kind: 'text-map', doc: 'Environment variables.' },
    paths: PATHS,
    annotations: { kind: 'text-map', doc: 'Annotations of manifest and index, and labels of the image.' },
    volumes: texts('Paths declared as volumes.'),
    files: FILES,
    ports: PORTS,
    labels: LABELS,
  },
} as const;

/** The keys of the file in the order of `/etc/apko.json` (image-config.md 9), then ours. */
export const IMAGE_SCHEMA = {
  kind: 'record',
  doc: 'An image, made of apk packages.',
  fields: {
    contents: CONTENTS,
    entrypoint: ENTRYPOINT,
    cmd: text('Default arguments, split like `entrypoint.command`.'),
    'stop-signal': text('Signal that asks the program to end.', { examples: ['SIGTERM', 'SIGINT'] }),
    'work-dir': text('Working directory of the program.'),
    accounts: ACCOUNTS,
    archs: {
      kind: 'list',
      doc: 'Architectures to build; default: all nine. `--arch` beats it.',
      include: 'whole',
      of: {
        kind: 'text',
        doc: 'An architecture, as OCI or as apk calls it.',
        required: true,
        values: ARCHITECTURE_SPELLINGS,
        noun: 'architecture',
        advice: { all: 'leave out "archs" to build all architectures', host: 'use the flag --arch host' },
      },
    },
    environment: { kind: 'text-map', doc: 'Environment variables; `PATH` and `SSL_CERT_FILE` have defaults.' },
    paths: PATHS,
    'vcs-url': text('Where this file comes from: `url@revision`. Default: asked of git.', { include: 'never' }),
    annotations: { kind: 'text-map', doc: 'Annotations of manifest and index, and labels of the image.' },
    include: {
      kind: 'texts',
      doc: 'Configurations to start from, each on top of those before it: lists are joined, other values are defaults.',
      include: 'never',
    },
    volumes: texts('Paths declared as volumes.'),
    layering: LAYERING,
    format: text('Layer format; default `tar`. `erofs` is experimental.', {
      values: LAYER_FORMATS,
      noun: 'layer format',
    }),
    certificates: CERTIFICATES,
    hardening: HARDENING,
    files: FILES,
    ports: PORTS,
    labels: LABELS,
    vars: {
      kind: 'text-map',
      doc: 'Values for `${{vars.NAME}}` in the texts of this configuration; `--var NAME=VALUE` beats them.',
      ours: true,
      keyPattern: VARIABLE_NAME,
      keyMeaning: 'letters, digits, "_" and "-", a letter first',
    },
    variants: {
      kind: 'record-map',
      doc: 'Images on top of this one, built with `--variant NAME`: they share its layers byte for byte.',
      ours: true,
      keyPattern: /^(?!runtime$)[a-z0-9][a-z0-9._-]*$/,
      keyMeaning: 'lower-case letters, digits, ".", "_" and "-", and not "runtime", which is the image itself',
      of: VARIANT,
    },
  },
} as const satisfies { kind: 'record'; doc: string; fields: ShapeFields };
