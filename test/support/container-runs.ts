// Programs run out of images by the engines of others: Debian's podman with a storage of its own, and crun on a bundle that umoci
// unpacked. Both want cgroups as they like them; here they get none, in a mount namespace in which there are none to see.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, type PeerRun, runPeer } from './peers.ts';

const WITHOUT_CGROUPS = ['--mount', 'sh', '-c', 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', 'sh'] as const;
/** What a machine may refuse to raise. */
const LOW_LIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'] as const;

/** Why no program can be run in a container here; undefined when one can. */
export function runningTrouble(): string | undefined {
  if (process.getuid?.() !== 0) return 'containers without cgroups need root';
  const tried = spawnSync('unshare', [...WITHOUT_CGROUPS, 'true'], { encoding: 'utf8' });
  return tried.status === 0 ? undefined : `this machine gives no mount namespace: ${tried.stderr || tried.error}`;
}

export interface Podman {
  /** For a process that finds this podman, and no docker. */
  readonly env: Readonly<Record<string, string>>;
  do(...args: readonly string[]): Promise<PeerRun>;
  /** `podman run` with what the machine needs. */
  run(...args: readonly string[]): Promise<PeerRun>;
}

/** A podman that keeps everything in `place`. */
export function podmanIn(place: string): Podman {
  const at = (...names: readonly string[]) => join(place, ...names);
  mkdirSync(at('bin'), { recursive: true });
  symlinkSync(findProgram('podman') ?? '', at('bin', 'podman'));
  writeFileSync(
    at('storage.conf'),
    `[storage]\ndriver = "vfs"\ngraphroot = "${at('storage')}"\nrunroot = "${at('run')}"\n`,
  );
  writeFileSync(
    at('containers.conf'),
    [
      '[engine]',
      'cgroup_manager = "cgroupfs"',
      'events_logger = "none"',
      `tmp_dir = "${at('tmp')}"`,
      `volume_path = "${at('volumes')}"`,
      'runtime = "crun"',
      '',
    ].join('\n'),
  );
  writeFileSync(at('auth.json'), '{}');
  const env = {
    CONTAINERS_STORAGE_CONF: at('storage.conf'),
    CONTAINERS_CONF: at('containers.conf'),
    REGISTRY_AUTH_FILE: at('auth.json'),
    HOME: place,
  };
  return {
    env: { ...env, PATH: at('bin') },
    do: (...args) => runPeer('podman', args, env),
    run: (...args) =>
      runPeer(
        'unshare',
        [
          ...WITHOUT_CGROUPS,
          ...['podman', 'run', '--rm', '--pull=never', '--network=none', '--cgroups=disabled'],
          ...LOW_LIMITS,
          ...args,
        ],
        env,
      ),
  };
}

/** What the image of an OCI layout says when crun runs it. Unpacks it into `bundle`, which must not exist. */
export async function runWithCrun(layout: string, tag: string, bundle: string): Promise<PeerRun> {
  const unpacked = await runPeer('umoci', ['unpack', '--image', `${layout}:${tag}`, bundle]);
  if (unpacked.exitCode !== 0) return unpacked;
  const path = join(bundle, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8'));
  config.process.terminal = false;
  delete config.linux.resources;
  writeFileSync(path, JSON.stringify(config));
  const crun = ['crun', '--root', `${bundle}.state`, '--cgroup-manager', 'disabled', 'run', '--bundle', bundle];
  return await runPeer('unshare', [...WITHOUT_CGROUPS, ...crun, `stave-${process.pid}`]);
}
