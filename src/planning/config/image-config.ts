// The image configuration as a plain value, after parsing: the reference's keys in our spelling (image-config.md 2).
// Absent scalars are '', absent lists [], absent maps {}; `undefined` only where absence differs from empty.

import type { HardeningPolicy } from '../hardening/policy.ts';
import type { FileGroup } from './file-group.ts';

export interface ImageConfig {
  readonly contents: ImageContents;
  readonly entrypoint: Entrypoint;
  readonly cmd: string;
  readonly stopSignal: string;
  readonly workDir: string;
  readonly accounts: Accounts;
  /** OCI form, in the order of the file. */
  readonly archs: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly paths: readonly PathMutation[];
  readonly vcsUrl: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly include: string;
  readonly volumes: readonly string[];
  readonly layering: Layering | undefined;
  readonly format: string;
  readonly certificates: Certificates | undefined;
  // What follows is ours, not the reference's: never in `/etc/apko.json`.
  readonly hardening: HardeningPolicy | undefined;
  readonly files: readonly FileGroup[];
  /** `8080/tcp` */
  readonly ports: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface ImageContents {
  readonly buildRepositories: readonly string[];
  readonly runtimeRepositories: readonly string[];
  readonly repositories: readonly string[];
  readonly keyring: readonly string[];
  readonly runtimeKeyring: readonly NamedText[];
  readonly packages: readonly string[];
  readonly baseImage: { readonly image: string; readonly apkIndex: string } | undefined;
}

export interface NamedText {
  readonly name: string;
  readonly content: string;
}

export interface Entrypoint {
  readonly type: string;
  readonly command: string;
  readonly shellFragment: string;
  readonly services: Readonly<Record<string, string>>;
}

export interface Accounts {
  /** User name or decimal uid; '' = not given. */
  readonly runAs: string;
  readonly users: readonly UserAccount[];
  readonly groups: readonly GroupAccount[];
}

interface UserAccount {
  readonly username: string;
  readonly uid: number;
  readonly gid: number | undefined;
  readonly shell: string;
  readonly homedir: string;
}

interface GroupAccount {
  readonly groupname: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export interface PathMutation {
  readonly path: string;
  readonly type: string;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly permissions: number;
  readonly source: string;
  readonly recursive: boolean;
}

export interface Layering {
  readonly strategy: string;
  readonly budget: number;
}

export interface Certificates {
  readonly additional: readonly NamedText[];
  readonly providers: readonly string[];
}
