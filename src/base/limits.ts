// Every bound, with its reason. The four that have flags (cli.md 1) are defaults; -1 there means "no limit".

const MiB = 1024 * 1024;

export const LIMITS = {
  /** Decompressed APKINDEX: --max-apkindex-decompressed-size. The largest public index is about 40 MiB. */
  indexBytes: 300 * MiB,
  /** Decompressed control or signature member of a package: --max-apk-control-size. */
  controlBytes: 10 * MiB,
  /** Decompressed data member: --max-apk-data-size. */
  packageDataBytes: 16 * 1024 * MiB,
  /** One HTTP body: --max-http-response-size. */
  responseBytes: 8 * 1024 * MiB,
  /** Entries of one archive: a million files is ten times the largest distribution package. */
  archiveEntries: 2_000_000,
  /** One PAX header block; real ones stay below 1 KiB, xattrs may reach 64 KiB. */
  paxBytes: 1 * MiB,
  /** A YAML configuration; real ones stay below 100 KiB. */
  configBytes: 4 * MiB,
  /** YAML aliases expanded in one document (billion laughs). */
  yamlAliases: 100,
  /** Nested includes; a cycle is found before this. */
  includeDepth: 16,
  /** A lock file of 10,000 packages on nine architectures is about 60 MiB. */
  lockBytes: 128 * MiB,
  /** A public key or certificate file. */
  keyBytes: 1 * MiB,
  /** One line of an APKINDEX (apk-format.md 3). */
  indexLineBytes: 1 * MiB,
  /** Symbolic links followed while resolving one path, as Linux does. */
  symlinkHops: 40,
  /** Files the builder itself reads whole out of an image (passwd, CA bundle, trust store ...). */
  editedFileBytes: 64 * MiB,
  /** Downloads in flight; more does not help one host and fills buffers. */
  parallelDownloads: 8,
} as const;
