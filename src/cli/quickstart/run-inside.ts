// Runs a program with an unpacked image as its root directory, where the machine lets us: chroot for root, a user
// namespace for everybody else. "Not here" is an answer, not a failure.

import { spawnSync } from 'node:child_process';
import type { LayoutImage } from './read-layout.ts';

export type RunAnswer =
  | { readonly ran: true; readonly how: string; readonly exitCode: number; readonly output: string }
  | { readonly ran: false; readonly reason: string };

/** More than enough for a program that prints a greeting; a hang must not hang us. */
const TIMEOUT_MS = 10_000;

/** Runs entrypoint and cmd of the image whose layers lie unpacked in `rootDir`, as the user of the image. */
export function runInside(rootDir: string, image: LayoutImage): RunAnswer {
  const command = [...image.entrypoint, ...image.cmd];
  const [uid = '0', gid = uid] = (image.user === '' ? '0' : image.user).split(':');
  if (!/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return { ran: false, reason: `the user ${image.user} is not a number` };
  const ways = [
    { how: 'chroot', words: ['chroot', `--userspec=${uid}:${gid}`, rootDir, ...command] },
    {
      how: 'user namespace',
      words: [
        'unshare',
        '--user',
        `--map-user=${uid}`,
        `--map-group=${gid}`,
        `--root=${rootDir}`,
        '--wd=/',
        ...command,
      ],
    },
  ];
  const reasons: string[] = [];
  for (const { how, words } of ways) {
    const answer = run(words, image);
    if (answer.ran) return { ...answer, how };
    reasons.push(`${how}: ${answer.reason}`);
  }
  return { ran: false, reason: reasons.join('; ') };
}

function run([program = '', ...args]: readonly string[], image: LayoutImage) {
  const env = Object.fromEntries(
    image.environment.map((pair) => [pair.split('=')[0], pair.slice(pair.indexOf('=') + 1)]),
  );
  // The tools that enter the image are found with a PATH of the machine; the program sees the image's environment.
  const result = spawnSync(program, args, {
    env: { ...env, PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    timeout: TIMEOUT_MS,
    encoding: 'utf8',
  });
  if (result.error !== undefined) return { ran: false as const, reason: result.error.message };
  // chroot and unshare complain on stderr in their own name when they cannot enter the image.
  const complaint = result.stderr.split('\n').find((line) => line.startsWith(`${program}:`));
  if (result.status !== 0 && complaint !== undefined) return { ran: false as const, reason: complaint };
  return { ran: true as const, exitCode: result.status ?? -1, output: result.stdout + result.stderr };
}
