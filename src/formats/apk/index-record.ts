// One record of an APKINDEX (apk-format.md 3). Lists are split on single spaces; missing scalars are '' or 0.

export interface IndexRecord {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  /** `Q1` + base64 SHA-1 of the control member. */
  readonly checksum: string;
  readonly sizeBytes: number;
  readonly installedSize: number;
  readonly description: string;
  readonly url: string;
  readonly license: string;
  readonly origin: string;
  readonly maintainer: string;
  readonly buildTime: number;
  readonly commit: string;
  readonly depends: readonly string[];
  readonly installIf: readonly string[];
  readonly provides: readonly string[];
  readonly providerPriority: number;
}
