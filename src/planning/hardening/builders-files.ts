// Files that no package lists, and that are no strangers all the same: builders and package managers write them.

interface Paths {
  readonly whole: ReadonlySet<string>;
  readonly beginnings: readonly string[];
}

const ACCOUNTS = ['passwd', 'group', 'shadow'].flatMap((name) => [`etc/${name}`, `etc/${name}-`]);
const DEVICES = ['zero', 'urandom', 'null', 'random', 'console'].map((name) => `dev/${name}`);
const APK_DATABASES = ['usr/lib/apk', 'lib/apk'];

const BUILDERS: Paths = {
  whole: new Set(['etc/apko.json', 'etc/ld.so.cache', ...ACCOUNTS, ...DEVICES, ...APK_DATABASES]),
  beginnings: ['etc/apk/', ...APK_DATABASES.flatMap((path) => [`${path}/db/`, `${path}/exec/`])],
};
/** Certificates of the configuration, what tells that bundles hold them, and services. */
const BUILDERS_NAMES =
  /^usr\/local\/share\/ca-certificates\/[^/]+-[0-9a-f]{64}\.crt$|(?:^|\/)\.(?:ca-certificates\.crt|tls-ca-bundle\.pem|cacerts)\.sha256$|^sv\/[^/]+\/run$/;

const DPKG: Paths = {
  whole: new Set([...ACCOUNTS, 'etc/gshadow', 'etc/gshadow-', 'etc/ld.so.cache', 'etc/ld.so.cache-']),
  beginnings: ['var/lib/dpkg/', 'etc/alternatives/', 'etc/ssl/certs/'],
};

/** What builders of apk images write by themselves, documented in docs/hardening.md. */
export function isBuildersFile(path: string): boolean {
  return isAmong(BUILDERS, path) || BUILDERS_NAMES.test(path);
}

/** What dpkg and its scripts write. */
export function isDpkgsFile(path: string): boolean {
  return isAmong(DPKG, path);
}

function isAmong({ whole, beginnings }: Paths, path: string): boolean {
  return whole.has(path) || beginnings.some((beginning) => path.startsWith(beginning));
}
