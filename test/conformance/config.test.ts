// Configurations against the reference: /etc/apko.json by digest, show-config and lock files by text, refusals.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { hashHex } from '../../src/base/digest.ts';
import { sortedUnique } from '../../src/base/order.ts';
import type { PackageMember } from '../../src/formats/apk/package.ts';
import { apkArchitecture } from '../../src/planning/config/architecture.ts';
import { applyFlags, type ConfigFlags, parseListFlag, selectArchitectures } from '../../src/planning/config/flags.ts';
import type { ImageConfig } from '../../src/planning/config/image-config.ts';
import { type LoadedConfig, loadImageConfig } from '../../src/planning/config/load.ts';
import { lockedConfig } from '../../src/planning/config/locked-config.ts';
import { printApkoJson } from '../../src/planning/config/print-apko-json.ts';
import { printShowConfig } from '../../src/planning/config/print-show-config.ts';
import { type ConfigPurpose, validateImageConfig } from '../../src/planning/config/validate.ts';
import { checkLock, lockedPackages } from '../../src/planning/lock/check-lock.ts';
import { type Lock, type LockMember, parseLock, printLock } from '../../src/planning/lock/lock.ts';
import { type ArchLockPlan, planLock } from '../../src/planning/lock/plan-lock.ts';
import { SHARED_ABSENT, sharedDir } from '../support/shared.ts';

const golden = `${sharedDir}/golden/apko`;
const caseNames =
  sharedDir === undefined ? [] : readdirSync(`${golden}/cases`).map((file) => file.replace('.yaml', ''));

function readShared(path: string): Uint8Array | undefined {
  return existsSync(`${sharedDir}/${path}`) ? readFileSync(`${sharedDir}/${path}`) : undefined;
}

function load(name: string): LoadedConfig {
  return loadImageConfig(`golden/apko/cases/${name}.yaml`, readShared, []);
}

function flagsOf(name: string): { config: ConfigFlags; lockfile: string | undefined } {
  const line = /^# flags: (.*)$/m.exec(readFileSync(`${golden}/cases/${name}.yaml`, 'utf8'))?.[1] ?? '';
  const value = (flag: string) => new RegExp(`--${flag} (\\S+)`).exec(line)?.[1];
  const annotations = value('annotations');
  return {
    config: annotations === undefined ? {} : { annotations: parseListFlag([annotations], '--annotations') },
    lockfile: value('lockfile'),
  };
}

/** What the accounts step does before apko.json is written; enough of it for the golden cases. */
function withRunAsResolved(config: ImageConfig): ImageConfig {
  const { users, runAs } = config.accounts;
  const user = users.find(({ username }) => username === runAs);
  return user === undefined ? config : { ...config, accounts: { ...config.accounts, runAs: String(user.uid) } };
}

function readLock(path: string): Lock {
  return parseLock(readFileSync(`${sharedDir}/${path}`, 'utf8'), path);
}

/** What was installed for one architecture: from the lock in its order, else sorted as the builder records it. */
function recordedPackages(name: string, arch: string, lockfile: string | undefined): string[] {
  const named = (lock: Lock) => lockedPackages(lock, arch).map((p) => `${p.name}=${p.version}`);
  if (lockfile !== undefined) return named(readLock(lockfile));
  // Building both architectures at once excludes a version that only one has; locking does not.
  if (name === 'edge-arch-differs') return ['baselayout=1.0.0-r0', 'edge-newer-on-x86_64=1.0.0-r0'];
  const tag = name === 'tagged-repo' ? '@edge' : '';
  return sortedUnique(named(readLock(`golden/apko/expected/${name}/lock.json`))).map((locked) =>
    locked.startsWith('edge-links=') ? `${locked}${tag}` : locked,
  );
}

function apkoJsonDigests(name: string): { arch: string; digest: string }[] {
  return readdirSync(`${golden}/expected/${name}`).flatMap((file) => {
    const arch = /^files\.(.+)\.txt$/.exec(file)?.[1];
    if (arch === undefined) return [];
    const listing = readFileSync(`${golden}/expected/${name}/${file}`, 'utf8');
    // The last one: with a base image the first is the base's own.
    const digest = [...listing.matchAll(/"etc\/apko\.json" "" 0:0 ([0-9a-f]{16})/g)].at(-1)?.[1];
    return digest === undefined ? [] : [{ arch, digest }];
  });
}

describe.skipIf(sharedDir === undefined)(`configurations, golden (${SHARED_ABSENT} when skipped)`, () => {
  const built = caseNames.filter((name) => existsSync(`${golden}/expected/${name}/lock.json`));
  const withImages = built.filter((name) => apkoJsonDigests(name).length > 0);

  it('sees the golden cases', () => {
    expect(withImages.length).toBeGreaterThan(45);
  });

  it.each(withImages)('writes /etc/apko.json of %s', (name) => {
    const flags = flagsOf(name);
    const config = applyFlags(validateImageConfig(load(name)), flags.config);
    for (const { arch, digest } of apkoJsonDigests(name)) {
      const packages = recordedPackages(name, arch, flags.lockfile);
      const text = printApkoJson(withRunAsResolved(lockedConfig(config, arch, packages)));
      expect({ arch, digest: hashHex('sha256', text).slice(0, 16) }, text).toEqual({ arch, digest });
    }
  });

  const shown =
    sharedDir === undefined ? [] : readdirSync(`${golden}/other`).filter((f) => f.endsWith('.show-config.yaml'));

  it.each(shown)('prints %s', (file) => {
    const config = validateImageConfig(load(file.replace('.show-config.yaml', '')), undefined, 'lock');
    expect(printShowConfig(config)).toBe(readFileSync(`${golden}/other/${file}`, 'utf8'));
  });

  it.each(built)('reads, checks, prints and plans the lock of %s', (name) => {
    const path = `golden/apko/expected/${name}/lock.json`;
    const lock = readLock(path);
    expect(printLock(lock)).toBe(readFileSync(`${sharedDir}/${path}`, 'utf8'));

    const loaded = load(name);
    const config = validateImageConfig(loaded, undefined, 'lock');
    const archs = selectArchitectures([], config, 'amd64').map(apkArchitecture);
    const configPath = loaded.files[0] as string;
    expect(checkLock(lock, { lockPath: path, configPath, checksum: loaded.checksum, archs })).toEqual([]);

    const plan = planLock({
      configName: configPath,
      configChecksum: loaded.checksum,
      keyring: lock.contents.keyring.map(({ url, content }) => ({ url, content })),
      perArch: archs.map((arch) => archPlan(lock, arch, config)),
    });
    expect(printLock(plan)).toBe(printLock(lock));
  });

  const refusals: [name: string, purpose: ConfigPurpose, message: RegExp, line: number][] = [
    ['bad-unknown-key', 'lock', /^unknown key "unknown-key"$/, 6],
    ['bad-arch', 'lock', /^unknown architecture "sparc"; it must be "386", .* or "s390x"$/, 5],
    ['bad-layering', 'build', /^unknown layering strategy "magic"; it must be "origin"$/, 7],
    ['bad-path-type', 'build', /^unknown path mutation type "wormhole"; it must be "directory", /, 7],
  ];

  it.each(refusals)('refuses %s (%s)', (name, purpose, message, line) => {
    expect(() => validateImageConfig(load(name), {}, purpose)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(message), where: expect.objectContaining({ line }) }),
    );
  });

  it('gives every configuration the answer that its JSON Schema gives', () => {
    const schema = JSON.parse(readFileSync(new URL('../../schema/image-config.schema.json', import.meta.url), 'utf8'));
    const validate = new Ajv({ allowUnionTypes: true }).compile(schema);
    const refused = caseNames.filter((name) => {
      const text = readFileSync(`${golden}/cases/${name}.yaml`, 'utf8');
      return !validate(parseDocument(text).toJS());
    });
    const known = refusals.map(([name]) => name);
    expect(refused.sort()).toEqual([...known].sort());
    for (const name of caseNames) {
      if (!known.includes(name)) expect(() => validateImageConfig(load(name), {}), name).not.toThrow();
    }
  });
});

/** The plan that would have led to what the lock says about one architecture. */
function archPlan(lock: Lock, arch: string, { contents }: ImageConfig): ArchLockPlan {
  return {
    arch,
    repositories: contents.repositories,
    buildRepositories: contents.buildRepositories,
    runtimeRepositories: contents.runtimeRepositories,
    packages: lockedPackages(lock, arch).map(({ name, version, url, checksum, signature, control, data }) => ({
      name,
      version,
      url,
      checksum,
      members: {
        ...(signature.range !== '' && { signature: memberOf(signature) }),
        control: memberOf(control),
        data: memberOf(data),
      },
    })),
  };
}

function memberOf({ range, checksum }: LockMember): PackageMember {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
  return { start: Number(first), end: Number(last) + 1, checksum: checksum.replace(/^sha\d+-/, '') };
}
