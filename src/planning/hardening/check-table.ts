// All checks of the hardening contract: stable id, what it is called, why it matters, what to do, and how severe it is under
// each profile. Data only: docs/hardening.md, the JSON Schema, SARIF rules and the checks themselves follow this table.
// An id is never renamed or reused once released: exceptions in configurations and baselines name it.

export type Level = 'error' | 'warning' | 'off';

export interface Check {
  readonly title: string;
  /** Why it matters; one or two sentences. */
  readonly reason: string;
  /** What to do about a finding. */
  readonly fix: string;
  readonly levels: { readonly default: Level; readonly distroless: Level; readonly strict: Level };
}

/** It breaks, whoever asks. */
const ALWAYS = { default: 'error', distroless: 'error', strict: 'error' } as const;
/** A promise of every hardened image. */
const HARDENED = { default: 'warning', distroless: 'error', strict: 'error' } as const;
/** Wanted where everything has to be explained. */
const STRICT = { default: 'warning', distroless: 'warning', strict: 'error' } as const;

export const CHECKS = {
  'runs/no-command': {
    title: 'the image says what to run',
    reason: 'Without an entrypoint or a command a container of the image does not start by itself.',
    fix: 'Set entrypoint.command, or make an exception if the image is only a base for others.',
    levels: STRICT,
  },
  'runs/entrypoint-missing': {
    title: 'the entrypoint exists',
    reason: 'A container whose program is not there does not start.',
    fix: 'Add the package that ships the program, or correct entrypoint.command and PATH.',
    levels: ALWAYS,
  },
  'runs/entrypoint-not-executable': {
    title: 'the entrypoint is executable for the user of the image',
    reason: 'The kernel refuses to start what has no execute permission, or is neither a program nor a script.',
    fix: 'Set the permissions with an entry of paths, or choose another program.',
    levels: ALWAYS,
  },
  'runs/entrypoint-architecture': {
    title: "the entrypoint is for the image's architecture",
    reason: 'The kernel answers "exec format error" to a program of another machine.',
    fix: 'Install the package for this architecture, or build the image for the other one.',
    levels: ALWAYS,
  },
  'runs/entrypoint-interpreter': {
    title: 'the interpreter of an entrypoint script is in the image',
    reason: 'The kernel starts the interpreter that the first line of a script names; "no such file" means that one.',
    fix: 'Add the package of the interpreter, or start a program instead of a script.',
    levels: ALWAYS,
  },
  'runs/interpreter-missing': {
    title: 'the dynamic loader of every program is in the image',
    reason: 'A dynamically linked program without its loader does not start, and the message names the program.',
    fix: 'Add the C library that the program was linked with (glibc or musl), or use a static build.',
    levels: ALWAYS,
  },
  'runs/library-missing': {
    title: 'every program finds its libraries',
    reason: 'The loader ends a program before its first instruction when a needed library is not where it looks.',
    fix: 'Add the package that provides the library.',
    levels: ALWAYS,
  },
  'runs/library-unusable': {
    title: 'the libraries that programs find can be loaded',
    reason: 'A damaged library, or one for another architecture, ends the program just as a missing one does.',
    fix: 'Replace the file: install the package of this architecture, or rebuild the one that ships it.',
    levels: ALWAYS,
  },
  'runs/symbol-version': {
    title: 'libraries offer the symbol versions that programs ask for',
    reason: 'A program that was built against a newer library ends with "version ... not found".',
    fix: 'Take program and library from the same repository state; update the older one.',
    levels: ALWAYS,
  },
  'runs/plugin-unloadable': {
    title: 'libraries that no program links find theirs',
    reason: 'Plug-ins are loaded while a program runs; one that lacks a library fails only then.',
    fix: 'Add the package that provides the library, or leave out the plug-in.',
    levels: STRICT,
  },
  'runs/other-architecture': {
    title: "programs and libraries are for the image's architecture",
    reason: 'Code for another machine cannot run here and often means that the wrong file was copied.',
    fix: 'Install the package of this architecture, or leave the file out.',
    levels: STRICT,
  },
  'runs/script-interpreter': {
    title: 'the interpreter of every script is in the image',
    reason: 'A script whose interpreter is missing cannot be run; in a minimal image nobody may need it.',
    fix: 'Add the interpreter, or leave the script out.',
    levels: STRICT,
  },
  'runs/user-unknown': {
    title: 'the user of the image exists',
    reason: 'A container runtime refuses to start an image whose user has a name that /etc/passwd does not know.',
    fix: 'Declare the user under accounts.users, or name an existing one.',
    levels: ALWAYS,
  },
  'runs/group-unknown': {
    title: 'the group of the image exists',
    reason: 'A container runtime refuses to start an image whose group has a name that /etc/group does not know.',
    fix: 'Declare the group under accounts.groups, or name an existing one.',
    levels: ALWAYS,
  },
  'runs/user-unnamed': {
    title: 'the user id of the image has a name',
    reason: 'Programs that ask for their user name or home directory fail for an id that /etc/passwd does not list.',
    fix: 'Declare the user under accounts.users.',
    levels: STRICT,
  },
  'minimal/shell': {
    title: 'no shell',
    reason: 'A shell is the first tool of an intruder and rarely needed by the program.',
    fix: 'Leave out the package, or what depends on it; debug with a container beside this one.',
    levels: HARDENED,
  },
  'minimal/package-manager': {
    title: 'no package manager',
    reason: 'Software is installed while the image is built; at run time a package manager only helps intruders.',
    fix: 'Leave out the package.',
    levels: HARDENED,
  },
  'minimal/build-tool': {
    title: 'no compilers and debuggers',
    reason: 'Tools to build and to inspect programs are not needed to run one.',
    fix: 'Build elsewhere and install the result; leave out the package.',
    levels: HARDENED,
  },
  'minimal/documentation': {
    title: 'no documentation of packages',
    reason: 'Manual pages and guides are not read in a container. Licence texts do not count.',
    fix: 'Leave out the -doc packages, or ask the packager to split the documentation off.',
    levels: STRICT,
  },
  'minimal/cache': {
    title: 'no caches',
    reason: 'Downloaded indexes and packages make every pull larger and outdate.',
    fix: 'Leave the files out of the package or layer that brings them.',
    levels: STRICT,
  },
  'minimal/left-over': {
    title: 'no temporary files, logs and back-ups',
    reason: 'What was left behind by a build step belongs to no program and may tell secrets.',
    fix: 'Leave the file out of the package or layer that brings it.',
    levels: STRICT,
  },
  'locked/root-user': {
    title: 'the user is not root',
    reason: 'Root in a container is root for every weakness of the kernel and of mounted volumes.',
    fix: 'Declare a user under accounts and name it in accounts.run-as.',
    levels: HARDENED,
  },
  'locked/setuid': {
    title: 'no setuid programs',
    reason: 'A setuid program gives whoever runs it the rights of its owner.',
    fix: 'Leave out the package, or take the bit away with an entry of paths.',
    levels: HARDENED,
  },
  'locked/setgid': {
    title: 'no setgid programs',
    reason: 'A setgid program gives whoever runs it the rights of its group.',
    fix: 'Leave out the package, or take the bit away with an entry of paths.',
    levels: HARDENED,
  },
  'locked/world-writable': {
    title: 'nothing is writable for everybody but the sticky temporary directories',
    reason: 'Whoever gets to run anything in the container can change such a file or plant one.',
    fix: 'Set owner and permissions with an entry of paths.',
    levels: HARDENED,
  },
  'locked/device-node': {
    title: 'no device nodes but the usual five',
    reason: 'Device nodes give access to disks and memory; a container runtime makes those that are needed.',
    fix: 'Leave out the package that ships the node.',
    levels: HARDENED,
  },
  'locked/file-capability': {
    title: 'no file capabilities',
    reason: 'A file capability gives whoever runs the program a part of the rights of root.',
    fix: 'Grant the capability to the container instead, or make an exception that says why not.',
    levels: HARDENED,
  },
  'locked/private-key': {
    title: 'no private keys',
    reason: 'Whoever can pull the image has the key.',
    fix: 'Mount the key at run time, and replace it: it has to be considered known.',
    levels: HARDENED,
  },
  'locked/secret': {
    title: 'no tokens and passwords',
    reason: 'Whoever can pull the image, or read its configuration, has the secret.',
    fix: 'Give the secret to the container at run time, and replace it: it has to be considered known.',
    levels: HARDENED,
  },
  'locked/empty-password': {
    title: 'no account without a password',
    reason: 'An empty password field lets everybody become that user.',
    fix: 'Put "!" or "*" into the password field of the account.',
    levels: HARDENED,
  },
  'locked/home-readable': {
    title: "others cannot read the user's home directory",
    reason: 'Programs keep credentials and histories in the home directory.',
    fix: 'Set its permissions to 0o700 with an entry of paths.',
    levels: STRICT,
  },
  'accountable/no-database': {
    title: 'the image says which packages it is made of',
    reason: 'Without a package database nobody can tell where a file comes from or whether it has known weaknesses.',
    fix: 'Build from packages and keep their database.',
    levels: STRICT,
  },
  'accountable/unowned-file': {
    title: 'every file belongs to a package',
    reason: 'A file that no package owns has no version, no licence and no advisories.',
    fix: 'Bring the file in a package, or make an exception that says where it comes from.',
    levels: STRICT,
  },
  'accountable/two-owners': {
    title: 'no file belongs to two packages',
    reason: 'Which version of the file is in the image depends on the order of installation.',
    fix: 'Leave out one of the packages, or have one of them declare that it replaces the other.',
    levels: STRICT,
  },
  'accountable/not-in-sbom': {
    title: 'the SBOM covers every package',
    reason: 'Scanners and auditors read the SBOM: what it leaves out is never found to be vulnerable.',
    fix: 'Make the SBOM with the image and attach it anew; packages of a base image are in the SBOM of the base image.',
    levels: STRICT,
  },
  'accountable/script-not-run': {
    title: 'install scripts had their effect',
    reason:
      'Nothing is executed while an image is built: what a script would have done is missing unless it is reproduced.',
    fix: 'Do it with accounts, paths or certificates, or ask the packager to ship the result.',
    levels: STRICT,
  },
  'accountable/ca-certificates': {
    title: 'there are CA certificates where there is a TLS library',
    reason: 'Without them every verified connection fails, and people switch verification off.',
    fix: 'Add the package of CA certificates, or set SSL_CERT_FILE to your own.',
    levels: STRICT,
  },
  'policy/unused-exception': {
    title: 'every exception is still needed',
    reason: 'An exception that excuses nothing today will hide something tomorrow.',
    fix: 'Remove the exception from the configuration.',
    levels: STRICT,
  },
} as const satisfies Record<string, Check>;

export type CheckId = keyof typeof CHECKS;

/** In the order of the table. */
export const CHECK_IDS = Object.keys(CHECKS) as readonly CheckId[];
